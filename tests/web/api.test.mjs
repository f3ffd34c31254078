// The API as a test suite in JavaScript uses it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { send, serve } from './server.mjs'

let server
before(async () => (server = await serve()))
after(() => server.stop())

// What the mail process tells comes a moment later.
const eventually = async (look) => {
	for (let left = 200; ; left--) {
		const found = await look()
		if (found || left === 0) return found
		await new Promise((wake) => setTimeout(wake, 50))
	}
}
const json = async (path, options) => (await fetch(server.url + path, options)).json()

test('a test waits for the mail that it causes, and takes the code from it', async () => {
	const waiting = json('/api/wait?to=new@example.org&timeout=20s')
	await send(server, { to: 'new@example.org', subject: 'Welcome', body: 'Your code is 482913: https://shop.example/verify?c=482913' })
	const mail = await waiting
	assert.equal(mail.subject, 'Welcome')
	assert.deepEqual(mail.codes, ['482913'])
	assert.deepEqual(mail.links, ['https://shop.example/verify?c=482913'])
})

test('what does not come is a 408', async () => {
	const answer = await fetch(server.url + '/api/wait?to=nobody@example.org&timeout=100ms')
	assert.equal(answer.status, 408)
})

test('a fault can be asked for, and is seen in the dialogue', async () => {
	const put = await fetch(server.url + '/api/faults/full@example.org', { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"kind": "rcpt", "code": 452}' })
	assert.equal(put.status, 200)
	assert.match(await send(server, { to: 'full@example.org' }), /452 /)
	const failed = await eventually(async () => (await json('/api/sessions')).sessions.find((s) => s.recipients.includes('full@example.org') && s.errors > 0))
	assert.equal(failed.mails, 0)
	assert.ok(await eventually(async () => (await json(`/api/sessions/${failed.id}`)).lines.some((l) => l.side === 'server' && l.text.startsWith('452 ') && l.explanation)))
})

test('the Mailpit helpers of other suites find their mail, and empty the inbox', async () => {
	await send(server, { to: 'pit@example.org', subject: 'For the pit' })
	await json('/api/wait?to=pit@example.org&timeout=20s')
	const found = await json('/api/v1/search?query=' + encodeURIComponent('subject:pit'))
	assert.equal(found.messages[0].To[0].Address, 'pit@example.org')
	assert.equal((await fetch(server.url + '/api/v1/messages', { method: 'DELETE' })).status, 200)
})
