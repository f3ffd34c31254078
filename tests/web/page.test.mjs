// The page in a real browser. With SHOTS=DIR it leaves pictures there to be looked at.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { send, serve, talk } from './server.mjs'

let server, browser
before(async () => {
	server = await serve()
	browser = await chromium.launch({ executablePath: ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync), args: ['--no-sandbox'] })
})
after(async () => {
	await browser?.close()
	await server.stop()
})

async function open(options = {}, hash = '') {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
	const page = await context.newPage()
	page.problems = []
	page.requests = []
	page.on('pageerror', (e) => page.problems.push(e.message))
	page.on('request', (r) => page.requests.push(r.url()))
	await page.goto(`${server.url}/${hash}`)
	await page.locator('#state.on').waitFor()
	return page
}

/** Until it is true in the page. (waitForFunction would evaluate strings there, which the page's policy forbids.) */
async function until(page, true_, argument) {
	for (let i = 0; i < 400; i++) {
		if (await page.evaluate(true_, argument)) return
		await page.waitForTimeout(25)
	}
	assert.fail(`it does not come true: ${true_}`)
}

const shot = (page, name) => process.env.SHOTS && page.screenshot({ path: `${process.env.SHOTS}/${name}.png` })
const rows = (page) => page.locator('#rows .row')

const html = [
	'<html><body><h1>Welcome</h1><p>Your code is <b>482913</b>.</p><img src="https://tracker.example/p.gif">',
	'<link rel="stylesheet" href="https://tracker.example/s.css"><iframe src="https://tracker.example/f"></iframe>',
	'<script>top.document.title = "owned"</script><img src=x onerror="top.document.title=\'owned\'">',
	'<form action="https://tracker.example/"><button>Send</button></form><a href="https://shop.example/">link</a></body></html>',
].join('\r\n')
const htmlMail = { subject: 'Welcome to the shop', body: html, headers: ['MIME-Version: 1.0', 'Content-Type: text/html; charset=utf-8'] }

test('an empty inbox tells how to send the first mail, and the mail then comes by itself', async () => {
	const page = await open()
	await page.getByText('No mail yet').waitFor()
	assert.match(await page.locator('#empty').innerText(), new RegExp(`swaks --server 127.0.0.1:${server.smtp} --to you@`))
	await shot(page, 'empty')
	await send(server, { subject: 'The first' })
	await rows(page).first().waitFor()
	assert.match(await rows(page).first().innerText(), /The first/)
	assert.match(await page.title(), /^\(1\)/)
	assert.match(await page.locator('#live').innerText(), /New mail from bob@example.org/)
	await page.context().close()
})

test('new mail moves nothing for who has scrolled down', async () => {
	for (let i = 0; i < 25; i++) await send(server, { subject: `number ${i}` })
	const page = await open()
	await until(page, () => document.querySelectorAll('#rows .row').length >= 25)
	const list = page.locator('#list')
	await list.evaluate((e) => (e.scrollTop = 600))
	const place = () => page.evaluate(() => [...document.querySelectorAll('#rows .row')].find((r) => r.innerText.includes('number 15')).getBoundingClientRect().top)
	const was = await place()
	await send(server, { subject: 'Newest' })
	await page.getByText('Newest').first().waitFor({ state: 'attached' })
	assert.equal(await place(), was)
	await page.context().close()
})

test('what is typed is searched for', async () => {
	await send(server, { subject: 'A needle', body: 'in a haystack', to: 'zoe@example.org' })
	const page = await open()
	await page.keyboard.press('/')
	await page.keyboard.type('haystack')
	await until(page, () => document.querySelectorAll('#rows .row').length === 1)
	assert.match(await rows(page).innerText(), /A needle/)
	await page.locator('#query').fill('no such thing at all')
	await page.getByText('Nothing found').waitFor()
	await page.locator('#query').fill('')
	await page.locator('#inbox').selectOption('zoe@example.org')
	await until(page, () => document.querySelectorAll('#rows .row').length === 1)
	await page.context().close()
})

test('HTML is shown in a frame that runs nothing and loads nothing', async () => {
	await send(server, htmlMail)
	const page = await open()
	await page.getByText('Welcome to the shop').first().click()
	const frame = page.frameLocator('iframe')
	await frame.getByRole('heading', { name: 'Welcome' }).waitFor()
	await page.waitForTimeout(300)
	assert.doesNotMatch(await page.title(), /owned/)
	assert.deepEqual(page.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:')).map((url) => new URL(url).host).filter((h) => h !== 'tracker.example'), [])
	const loaded = await page.evaluate(() => performance.getEntriesByType('resource').filter((e) => e.name.includes('tracker') && e.transferSize > 0).length)
	assert.equal(loaded, 0)
	assert.equal(await page.locator('iframe').getAttribute('sandbox'), 'allow-popups allow-popups-to-escape-sandbox')
	await page.getByRole('button', { name: 'Copy 482913' }).waitFor()
	await shot(page, 'html')
	await page.context().close()
})

test('the other views, and the dialogue explained', async () => {
	await send(server, { subject: 'Look at me', body: 'plain words' })
	const page = await open()
	await page.getByText('Look at me').first().click()
	await page.getByRole('tab', { name: 'Text' }).waitFor()
	assert.match(await page.locator('#pane').innerText(), /plain words/)
	await page.getByRole('tab', { name: 'Headers' }).click()
	await page.getByRole('rowheader', { name: 'Received' }).waitFor()
	await page.getByRole('tab', { name: 'Source' }).click()
	await page.getByText('Return-Path: <bob@example.org>').waitFor()
	await page.getByRole('tab', { name: 'Dialogue' }).click()
	await page.getByText('MAIL FROM:<bob@example.org>', { exact: true }).waitFor()
	const said = await page.locator('.talk').innerText()
	assert.match(said, /begins a mail and names its sender/)
	assert.match(said, /the mail’s text: \d+ lines, not kept here/)
	await shot(page, 'dialogue')
	await page.context().close()
})

test('sessions that failed are there, passwords are not', async () => {
	await talk(server.smtp, ['RCPT TO:<x@y>', 'QUIT'])
	await talk(server.pop3, ['USER ann@example.org', 'PASS s3cret', 'QUIT'])
	const page = await open({ colorScheme: 'dark' }, '#sessions')
	await page.locator('.row', { hasText: '1 refusal' }).first().click()
	await page.getByText('503').first().waitFor()
	await shot(page, 'sessions-dark')
	await page.locator('.row', { hasText: 'POP3' }).first().click()
	await page.getByText('PASS').first().waitFor()
	assert.doesNotMatch(await page.content(), /s3cret/)
	await page.context().close()
})

test('the keyboard is enough', async () => {
	const page = await open()
	const count = await rows(page).count()
	await page.keyboard.press('j')
	await page.locator('.tabs').waitFor()
	const first = await page.locator('#mail h2').innerText()
	await page.keyboard.press('j')
	await until(page, (was) => document.querySelector('#mail h2')?.innerText !== was, first)
	await page.keyboard.press('k')
	await until(page, (was) => document.querySelector('#mail h2')?.innerText === was, first)
	await page.keyboard.press('?')
	await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
	await page.keyboard.press('Escape')
	await page.keyboard.press('#')
	await page.getByRole('button', { name: 'Delete', exact: true }).last().waitFor()
	await page.keyboard.press('Enter')
	await until(page, (n) => document.querySelectorAll('#rows .row').length === n - 1, count)
	await page.keyboard.press('Escape')
	await page.getByText('Choose a mail to read it.').waitFor()
	assert.deepEqual(page.problems, [])
	await page.context().close()
})

test('on a phone there is the list, then the mail, and nothing is wider than it', async () => {
	const page = await open({ viewport: { width: 390, height: 780 }, hasTouch: true })
	const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
	await rows(page).first().waitFor()
	assert.ok(await fits())
	await shot(page, 'phone-list')
	await rows(page).first().tap()
	await page.locator('.tabs').waitFor()
	assert.ok(await fits())
	assert.equal(await page.locator('#list').isVisible(), false)
	await page.getByRole('tab', { name: 'Dialogue' }).click()
	await page.locator('.said').first().waitFor()
	assert.ok(await fits())
	await shot(page, 'phone-dialogue')
	await page.getByRole('link', { name: '‹ List' }).click()
	assert.ok(await page.locator('#list').isVisible())
	await page.context().close()
})

test('on a phone a long address is broken, and every view can be seen', async () => {
	await send(server, { ...htmlMail, subject: 'From far away', from: `Somebody <${'long.'.repeat(12)}name@${'far.'.repeat(12)}example.org>` })
	const page = await open({ viewport: { width: 390, height: 780 }, hasTouch: true })
	await page.getByText('From far away').first().tap()
	await page.locator('.tabs').waitFor()
	const cut = () => page.evaluate(() => [...document.querySelectorAll('.head, .facts, .facts dd, .tabs, .bar')].filter((e) => e.scrollWidth > e.clientWidth || (e.tagName === 'DD' && e.scrollHeight > e.clientHeight)).map((e) => e.className))
	assert.deepEqual(await cut(), [])
	await shot(page, 'phone-mail')
	await page.setViewportSize({ width: 320, height: 600 })
	await page.evaluate(() => (location.hash = 'sessions'))
	await page.locator('.row').first().waitFor()
	assert.equal(await page.evaluate(() => document.querySelector('.bar').offsetHeight < 60), true)
	await shot(page, 'phone-narrow')
	await page.context().close()
})

test('links in a text lead to another tab, and no further than that', async () => {
	await send(server, { subject: 'Confirm', body: 'Please: <https://shop.example/verify?c=1&d=2>, or (http://shop.example/a_(b)). javascript:alert(1) ftp://x.example/' })
	const page = await open()
	await page.getByText('Confirm').first().click()
	await page.getByRole('tab', { name: 'Text' }).waitFor()
	const links = await page.locator('.pane.text a').evaluateAll((all) => all.map((a) => [a.getAttribute('href'), a.textContent, a.target, a.rel]))
	const link = (url) => [url, url, '_blank', 'noopener noreferrer']
	assert.deepEqual(links, [link('https://shop.example/verify?c=1&d=2'), link('http://shop.example/a_(b)')])
	assert.match(await page.locator('.pane.text').innerText(), /Please: <https:\/\/shop.example\/verify\?c=1&d=2>, or \(http:\/\/shop.example\/a_\(b\)\)\. javascript:alert\(1\) ftp/)
	await page.context().close()
})

test('everything has a name', async () => {
	const page = await open()
	await rows(page).first().click()
	await page.locator('.tabs').waitFor()
	const nameless = await page.evaluate(() =>
		[...document.querySelectorAll('a, button, input, select, iframe, [role=tab]')]
			.filter((e) => e.checkVisibility() && !(e.innerText?.trim() || e.getAttribute('aria-label') || e.title || e.labels?.length))
			.map((e) => e.outerHTML))
	assert.deepEqual(nameless, [])
	await page.context().close()
})
