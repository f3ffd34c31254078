// What the tests here share: a server of their own, and a way to send it mail.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const build = resolve(import.meta.dirname, '../..', process.env.POSTROOM_BUILD ?? 'build')

/** `postroom serve` on free ports: { url, smtp, stop }. */
export async function serve() {
	const lab = mkdtempSync(join(tmpdir(), 'postroom-page-'))
	const config = join(lab, 'postroom.conf')
	writeFileSync(config, `catch_all = true\ndirectory = "${lab}/mail"\nlistener "smtp" { protocol = smtp port = 0 }\nlistener "pop3" { protocol = pop3 port = 0 }\nlistener "web" { protocol = web port = 0 }\n`)
	const server = spawn(join(build, 'postroom'), ['serve', '--config', config], { stdio: ['ignore', 'ignore', 'pipe'] })
	const ports = []
	for await (const line of createInterface({ input: server.stderr })) {
		const heard = /^listening on \S+ port (\d+)/.exec(line)
		if (heard) ports.push(Number(heard[1]))
		if (ports.length === 3) break
	}
	if (ports.length < 3) throw new Error('the server does not start')
	server.stderr.resume()
	const stop = () =>
		new Promise((done) => {
			server.once('exit', () => {
				rmSync(lab, { recursive: true, force: true, maxRetries: 5 })
				done()
			})
			server.kill('SIGTERM')
		})
	return { url: `http://127.0.0.1:${ports[2]}`, smtp: ports[0], pop3: ports[1], stop }
}

/** Says the lines one after the other, each after a reply; returns all that was heard. */
export function talk(port, lines) {
	return new Promise((done, fail) => {
		const socket = connect(port, '127.0.0.1')
		const left = [...lines]
		let heard = ''
		socket.setEncoding('utf8')
		socket.on('data', (text) => {
			heard += text
			const last = heard.trimEnd().split('\r\n').at(-1)
			if (/^(\d\d\d |\+|-)/.test(last) && heard.endsWith('\r\n')) left.length ? socket.write(left.shift() + '\r\n') : socket.end()
		})
		socket.on('error', fail)
		socket.on('close', () => done(heard))
	})
}

export function send(server, { to = 'ann@example.org', from = 'bob@example.org', subject = 'Hello', body = 'It works.', headers = [] } = {}) {
	const mail = [`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, ...headers, '', body].join('\r\n')
	return talk(server.smtp, ['EHLO test', `MAIL FROM:<bob@example.org>`, `RCPT TO:<${to}>`, 'DATA', `${mail}\r\n.`, 'QUIT'])
}
