// The page: a list, what is chosen of it, and what the server tells. Everything that came in a mail goes into the page as text, never as HTML; the mail's
// own HTML stands in a frame that runs and loads nothing.

const $ = (id) => document.getElementById(id)

/** An element with properties and children; text is text. */
function el(tag, props = {}, ...children) {
	const e = document.createElement(tag)
	for (const [name, value] of Object.entries(props)) {
		if (name === 'class') e.className = value
		else if (name.startsWith('on')) e.addEventListener(name.slice(2), value)
		else if (value === true) e.setAttribute(name, '')
		else if (value !== false && value != null) e.setAttribute(name, value)
	}
	e.append(...children.filter((c) => c != null && c !== false))
	return e
}

const state = { what: 'mail', query: '', inbox: '', rows: [], next: null, total: 0, chosen: null, tab: null, status: {}, ask: 0, loading: false }

// ---- the server ----

class Refusal extends Error {
	constructor(status, text) {
		super(text)
		this.status = status
	}
}

async function call(path, options = {}) {
	const headers = { 'X-Postroom': '1' }
	if (options.body) headers['Content-Type'] = 'application/json'
	const response = await fetch(path, { ...options, headers })
	if (response.status === 204) return null
	const answer = response.headers.get('Content-Type')?.includes('json') ? await response.json() : await response.text()
	if (response.ok) return answer
	if (response.status === 401 && state.status.login && path !== '/api/login') askLogin()
	throw new Refusal(response.status, answer.error ?? 'It did not work.')
}

// ---- words ----

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const number = new Intl.NumberFormat()

function when(text) {
	const date = new Date(text), now = new Date()
	if (date.toDateString() === now.toDateString()) return time.format(date)
	return date.getFullYear() === now.getFullYear() ? day.format(date) : String(date.getFullYear())
}

function size(octets) {
	if (octets < 1000) return `${octets} B`
	if (octets < 999500) return `${Math.round(octets / 1000)} kB`
	return `${(octets / 1e6).toFixed(1)} MB`
}

const count = (n, one, many) => `${number.format(n)} ${n === 1 ? one : many}`

function sender(text) {
	const name = /^"?([^"<]*?)"?\s*</.exec(text)
	return name?.[1] || text || 'Nobody'
}

function toast(text) {
	$('toast').textContent = text
	$('toast').classList.add('shown')
	clearTimeout(toast.timer)
	toast.timer = setTimeout(() => $('toast').classList.remove('shown'), 3500)
}

// ---- the list ----

function mailRow(m) {
	const marks = [m.attachments ? count(m.attachments, 'file', 'files') : '', size(m.octets)].filter(Boolean).join(' · ')
	return el('a', { class: 'row', href: `#mail/${m.id}`, 'data-id': m.id, 'aria-label': `${sender(m.from)}: ${m.subject || 'no subject'}, ${when(m.received)}` },
		el('span', { class: 'who' }, sender(m.from)), el('time', { class: 'when', datetime: m.received, title: full.format(new Date(m.received)) }, when(m.received)),
		el('span', { class: 'what' }, m.subject || 'No subject'),
		el('span', { class: 'some' }, state.inbox ? m.snippet : `→ ${m.inbox}${m.snippet ? ' · ' + m.snippet : ''}`), el('span', { class: 'marks' }, marks))
}

function sessionRow(s) {
	const end = s.live ? 'under way' : s.errors ? count(s.errors, 'refusal', 'refusals') : s.mails || s.protocol === 'pop3' ? 'well' : 'no mail'
	return el('a', { class: 'row', href: `#session/${s.id}`, 'data-id': String(s.id), 'aria-label': `${s.protocol} session ${s.id} of ${s.peer}: ${end}` },
		el('span', { class: 'who' }, `${s.protocol.toUpperCase()} · ${s.peer}`), el('time', { class: 'when', datetime: s.began }, when(s.began)),
		el('span', { class: 'what' }, s.recipients.join(', ') || s.users.join(', ') || 'Nobody was named'),
		el('span', { class: 'some' }, s.mails ? `${count(s.mails, 'mail', 'mails')} delivered` : s.why ?? ''), el('span', { class: s.errors ? 'marks bad' : 'marks' }, end))
}

const makeRow = (item) => (state.what === 'mail' ? mailRow(item) : sessionRow(item))
const rowOf = (id) => $('rows').querySelector(`[data-id="${CSS.escape(String(id))}"]`)

function path(cursor) {
	const q = new URLSearchParams({ limit: '50' })
	if (cursor) q.set('cursor', cursor)
	if (state.what === 'sessions') return `/api/sessions?${q}`
	if (state.query) q.set('q', state.query)
	if (state.inbox) q.set('inbox', state.inbox)
	return `/api/messages?${q}`
}

function showCount() {
	const found = state.query ? ' found' : ''
	$('count').textContent = state.what === 'sessions' ? 'SMTP and POP3 sessions, newest first' : state.rows.length ? count(state.total, 'mail', 'mails') + found : ''
	$('clear').hidden = state.what !== 'mail' || !state.rows.length || !state.status.writable
	$('clear').textContent = state.query || state.inbox ? 'Delete these' : 'Delete all'
	const waiting = state.what === 'mail' && !state.query && !state.inbox ? `(${number.format(state.total)}) ` : ''
	document.title = (state.total && waiting) + 'Postroom' || 'Postroom'
}

async function load() {
	const ask = ++state.ask
	let answer
	try {
		answer = await call(path())
	} catch (e) {
		if (e.status !== 401) toast(e.message)
		return
	}
	if (ask !== state.ask) return
	state.rows = answer.messages ?? answer.sessions
	state.next = answer.next ?? null
	state.total = answer.total ?? state.rows.length
	$('rows').replaceChildren(...state.rows.map((m) => el('li', {}, makeRow(m))))
	$('more').hidden = !state.next
	showCount()
	showEmpty()
	mark()
}

async function loadMore() {
	if (!state.next || state.loading) return
	state.loading = true
	const ask = state.ask
	try {
		const answer = await call(path(state.next))
		if (ask !== state.ask) return
		const more = answer.messages ?? answer.sessions
		state.rows.push(...more)
		state.next = answer.next ?? null
		$('rows').append(...more.map((m) => el('li', {}, makeRow(m))))
		$('more').hidden = !state.next
		mark()
	} catch (e) {
		toast(e.message)
	} finally {
		state.loading = false
	}
}

function showEmpty() {
	const empty = $('empty'), { status } = state
	empty.hidden = state.rows.length > 0
	if (!empty.hidden && state.what === 'sessions') {
		empty.replaceChildren(el('h2', {}, 'No sessions yet'), el('p', {}, 'When a program speaks SMTP or POP3 to this server, its dialogue appears here, line by line and explained.'))
	} else if (!empty.hidden && (state.query || state.inbox)) {
		empty.replaceChildren(el('h2', {}, 'Nothing found'), el('p', {}, 'No mail matches. Words are matched from their beginnings, in sender, recipients, subject and text.'))
	} else if (!empty.hidden) {
		const port = status.smtp_port || 2525, host = location.hostname
		empty.replaceChildren(
			el('h2', {}, status.ready === false ? 'Reading the mailboxes …' : 'No mail yet'),
			el('p', {}, `Send the first one. Point your program’s SMTP settings at ${host}, port ${port}, or try:`),
			el('pre', {}, `swaks --server ${host}:${port} --to ${status.user || 'you'}@${status.domain || 'example.org'}`),
			el('pre', {}, `printf 'Subject: Hello\\n\\nIt works.\\n' | curl --crlf smtp://${host}:${port} --mail-from me@example.org --mail-rcpt ${status.user || 'you'}@${status.domain || 'example.org'} -T -`),
			el('p', {}, 'It appears here by itself. ', el('a', { href: '/api' }, 'For tests there is an API.')))
	}
}

function mark() {
	for (const row of $('rows').querySelectorAll('[aria-current]')) row.removeAttribute('aria-current')
	const row = state.chosen && rowOf(state.chosen)
	row?.setAttribute('aria-current', 'true')
	return row
}

/** A mail that has just come: where it belongs, on top; nothing else moves for who has scrolled down. */
function arrive(m) {
	if (state.what !== 'mail' || rowOf(m.id)) return
	if (state.query || (state.inbox && state.inbox !== m.inbox)) {
		if (state.query) later('load', load)
		return
	}
	const at = state.rows.findIndex((r) => r.received <= m.received)
	const place = at < 0 ? state.rows.length : at
	if (at < 0 && state.next) return
	const list = $('list'), top = list.scrollTop
	const row = mailRow(m)
	row.classList.add('fresh')
	$('rows').insertBefore(el('li', {}, row), $('rows').children[place] ?? null)
	if (top > 0) list.scrollTop = top + row.offsetHeight
	state.rows.splice(place, 0, m)
	state.total++
	showCount()
	showEmpty()
	$('live').textContent = `New mail from ${sender(m.from)}: ${m.subject}`
	later('inboxes', loadInboxes)
}

const timers = {}
/** Once, a moment from now, however often it is asked for. */
function later(name, f, ms = 250) {
	clearTimeout(timers[name])
	timers[name] = setTimeout(f, ms)
}

async function loadInboxes() {
	const { inboxes } = await call('/api/inboxes').catch(() => ({ inboxes: [] }))
	const options = inboxes.map((i) => el('option', { value: i.name }, `${i.name} (${number.format(i.messages)})`))
	$('inbox').replaceChildren(el('option', { value: '' }, 'All inboxes'), ...options)
	$('inbox').value = state.inbox
	$('inbox').hidden = inboxes.length < 2
}

// ---- one mail ----

function back() {
	return el('a', { class: 'back button', href: state.what === 'sessions' ? '#sessions' : '#' }, '‹ List')
}

function fact(name, value) {
	return value ? [el('dt', {}, name), el('dd', {}, value)] : []
}

function files(m) {
	// Images that the HTML shows are no attachments to a person.
	const shown = m.attachment_list.filter((a) => !(m.html && a.cid && !a.name && a.type.startsWith('image/')))
	if (!shown.length) return null
	return el('div', { class: 'files', role: 'list', 'aria-label': 'Attachments' }, ...shown.map((a) => {
		const name = a.name || `Attachment ${a.index + 1}`
		return el('a', { role: 'listitem', href: `/api/messages/${m.id}/attachments/${a.index}`, download: name, title: a.type },
			el('span', { class: 'name' }, name), el('small', {}, size(a.octets)))
	}))
}

function codes(m) {
	if (!m.codes?.length) return null
	const copy = async (e) => {
		await navigator.clipboard?.writeText(e.target.textContent)
		toast('Copied')
	}
	return el('div', { class: 'found' }, ...m.codes.slice(0, 3).map((c) => el('button', { type: 'button', title: 'Copy', 'aria-label': `Copy ${c}`, onclick: copy }, c)))
}

const countOf = (text, letter) => text.split(letter).length - 1

/** What ends a sentence is no part of a link, nor is the bracket that closes what it did not open: as src/web/extract.c has it. */
function trimLink(link) {
	let end = link.length, closed = countOf(link, ')') - countOf(link, '(')
	for (; end > 0; end--) {
		if (link[end - 1] === ')' && closed > 0) closed--
		else if (!".,;:!?'*_".includes(link[end - 1])) break
	}
	return link.slice(0, end)
}

/** A text with its links to be followed: into another tab, which is not told where they stood. */
function withLinks(text) {
	const parts = []
	let at = 0
	for (const found of text.matchAll(/https?:\/\/[^\s<>"`{}|\\^]+/gi)) {
		const link = trimLink(found[0])
		parts.push(text.slice(at, found.index), el('a', { href: link, target: '_blank', rel: 'noopener noreferrer' }, link))
		at = found.index + link.length
	}
	return [...parts, text.slice(at)]
}

const views = {
	html: ['HTML', (m) => el('iframe', { sandbox: 'allow-popups allow-popups-to-escape-sandbox', src: `/api/messages/${m.id}/html`, title: 'The mail’s HTML', referrerpolicy: 'no-referrer' })],
	text: ['Text', (m) => el('pre', { tabindex: '0' }, ...withLinks(m.text || 'This mail has no text.'))],
	headers: ['Headers', (m) => el('div', { class: 'inner' }, el('table', {}, el('tbody', {}, ...m.headers.map((h) => el('tr', {}, el('th', { scope: 'row' }, h.name), el('td', {}, h.value))))))],
	source: ['Source', (m) => {
		const pre = el('pre', { tabindex: '0' }, 'Loading …')
		call(`/api/messages/${m.id}/source`).then((text) => (pre.textContent = text.length > 2e6 ? text.slice(0, 2e6) + '\n… more: download it' : text), (e) => (pre.textContent = e.message))
		return pre
	}],
	dialogue: ['Dialogue', (m) => {
		const place = el('div', {}, el('p', { class: 'talk sum' }, 'Loading …'))
		call(`/api/messages/${m.id}/dialogue`).then((s) => place.replaceChildren(talk(s)), () =>
			place.replaceChildren(el('p', { class: 'talk sum' }, 'How this mail came is not known: it came before this page’s server ran, or too long ago.')))
		return place
	}],
}

function showTab(m, name) {
	state.tab = name
	const pane = $('pane')
	for (const b of document.querySelectorAll('.tabs button')) {
		const chosen = b.dataset.view === name
		b.setAttribute('aria-selected', String(chosen))
		b.tabIndex = chosen ? 0 : -1
	}
	pane.className = `pane ${name}`
	pane.setAttribute('aria-labelledby', `tab-${name}`)
	pane.replaceChildren(views[name][1](m))
	pane.scrollTop = 0
}

function tabs(m) {
	const names = Object.keys(views).filter((v) => v !== 'html' || m.html)
	const move = (e) => {
		const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key]
		if (!step) return
		const to = names[(names.indexOf(state.tab) + step + names.length) % names.length]
		showTab(m, to)
		$(`tab-${to}`).focus()
	}
	return el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Views of the mail', onkeydown: move },
		...names.map((v) => el('button', { type: 'button', role: 'tab', id: `tab-${v}`, 'data-view': v, 'aria-controls': 'pane', onclick: () => showTab(m, v) }, views[v][0])))
}

function present(...children) {
	$('nothing').hidden = true
	$('mail').hidden = false
	$('mail').replaceChildren(...children.filter(Boolean))
}

async function openMail(id) {
	state.chosen = id
	document.body.classList.add('reading')
	mark()?.scrollIntoView({ block: 'nearest' })
	let m
	try {
		m = await call(`/api/messages/${id}`)
	} catch (e) {
		if (state.chosen === id) present(el('div', { class: 'head' }, el('div', { class: 'title' }, back(), el('h2', {}, e.message))))
		return
	}
	if (state.chosen !== id) return
	const envelope = m.envelope?.recipients.join(', ')
	present(
		el('div', { class: 'head' },
			el('div', { class: 'title' }, back(), el('h2', {}, m.subject || 'No subject'),
				el('a', { class: 'button', href: `/api/messages/${m.id}/source?download=1` }, 'Download'),
				state.status.writable && el('button', { type: 'button', class: 'danger', onclick: () => remove(m.id) }, 'Delete')),
			el('dl', { class: 'facts' }, ...fact('From', m.from), ...fact('To', m.to), ...(envelope && envelope !== m.to ? fact('For', envelope) : []),
				...fact('Inbox', m.inbox), ...fact('Login', m.envelope?.login), ...fact('Came', full.format(new Date(m.received)) + ' · ' + size(m.octets))),
			codes(m), tabs(m)),
		el('div', { class: 'pane', id: 'pane', role: 'tabpanel' }), files(m))
	const wanted = state.tab && (state.tab !== 'html' || m.html) ? state.tab : m.html ? 'html' : 'text'
	showTab(m, wanted)
}

async function remove(id) {
	if (!state.status.writable || !(await sure('Delete this mail for good?'))) return
	const at = state.rows.findIndex((r) => r.id === id)
	try {
		await call(`/api/messages/${id}`, { method: 'DELETE' })
	} catch (e) {
		toast(e.message)
		return
	}
	const next = state.rows[at + 1] ?? state.rows[at - 1]
	gone(id)
	toast('Deleted')
	location.hash = next && !matchMedia('(max-width: 760px)').matches ? `mail/${next.id}` : ''
}

function gone(id) {
	const at = state.rows.findIndex((r) => r.id === id)
	if (at < 0) return
	state.rows.splice(at, 1)
	rowOf(id)?.parentElement.remove()
	state.total--
	showCount()
	showEmpty()
	later('inboxes', loadInboxes)
}

async function removeAll() {
	const all = !state.query && !state.inbox
	if (!(await sure(`Delete ${count(state.total, 'mail', 'mails')}${all ? ' from all inboxes' : ''} for good?`))) return
	const q = new URLSearchParams(all ? { all: '1' } : {})
	if (state.query) q.set('q', state.query)
	if (state.inbox) q.set('inbox', state.inbox)
	try {
		const { deleted } = await call(`/api/messages?${q}`, { method: 'DELETE' })
		toast(`${count(deleted, 'mail', 'mails')} deleted`)
	} catch (e) {
		toast(e.message)
	}
	location.hash = ''
	later('load', load)
}

function sure(text) {
	$('sure-text').textContent = text
	$('sure').returnValue = 'no'
	$('sure').showModal()
	return new Promise((done) => $('sure').addEventListener('close', () => done($('sure').returnValue === 'yes'), { once: true }))
}

// ---- one session ----

function said(line) {
	const refused = line.side === 'server' && /^(-ERR|[45]\d\d)/.test(line.text)
	const after = line.after < 10000 ? `${line.after} ms` : `${(line.after / 1000).toFixed(1)} s`
	const text = line.mail
		? el('span', { class: 'mailtext' }, `the mail’s text: ${count(line.lines, 'line', 'lines')}, not kept here`)
		: el('span', {}, line.text, line.secret && el('span', { class: 'secret', title: 'A password: never kept' }, '•••'))
	return el('li', { class: `said ${line.side}${refused ? ' refused' : ''}` },
		el('span', { class: 't', title: full.format(new Date(line.time)) }, `+${after}`),
		el('span', { class: 's', title: { client: 'client', server: 'server' }[line.side] ?? '' }, { client: 'C', server: 'S' }[line.side] ?? '·'),
		el('span', { class: 'l' }, text), el('span', { class: 'o' }, line.octets != null ? size(line.octets) : ''),
		line.explanation && el('span', { class: 'e' }, line.explanation))
}

function talk(s) {
	const long = s.ended ? new Date(s.ended) - new Date(s.began) : null
	const sum = [`${s.protocol.toUpperCase()} session ${s.id} of ${s.peer}`, full.format(new Date(s.began)), long != null && `${number.format(long)} ms`,
		count(s.mails, 'mail', 'mails'), s.errors ? count(s.errors, 'refusal', 'refusals') : 'no refusals', s.live && 'still under way'].filter(Boolean).join(' · ')
	return el('div', { class: 'talk' }, el('p', { class: 'sum' }, sum), el('ol', { 'aria-label': 'Dialogue' }, ...s.lines.map(said)))
}

async function openSession(id, again = false) {
	state.chosen = id
	document.body.classList.add('reading')
	mark()?.scrollIntoView({ block: 'nearest' })
	try {
		const s = await call(`/api/sessions/${id}`)
		if (state.chosen !== id) return
		const top = again ? document.querySelector('.pane')?.scrollTop : 0
		present(el('div', { class: 'head' }, el('div', { class: 'title' }, back(), el('h2', {}, `${s.protocol.toUpperCase()} session ${s.id}`)),
			s.messages.length > 0 && el('dl', { class: 'facts' }, ...fact('Brought', el('span', {}, ...s.messages.flatMap((m, i) => [i ? ', ' : '', el('a', { href: `#mail/${m.id}` }, m.subject || 'No subject')]))))),
		el('div', { class: 'pane' }, talk(s)))
		document.querySelector('.pane').scrollTop = top
	} catch (e) {
		if (state.chosen === id) present(el('div', { class: 'head' }, el('div', { class: 'title' }, back(), el('h2', {}, e.message))))
	}
}

// ---- where we are ----

function route() {
	const [what, id] = location.hash.slice(1).split('/')
	const list = what === 'sessions' || what === 'session' ? 'sessions' : 'mail'
	const other = list !== state.what
	state.what = list
	for (const [name, link] of [['mail', $('show-mail')], ['sessions', $('show-sessions')]]) link.toggleAttribute('aria-current', name === list)
	document.body.classList.toggle('sessions', list === 'sessions')
	$('list').setAttribute('aria-label', list === 'mail' ? 'Mails' : 'Sessions')
	if (other) {
		$('rows').replaceChildren()
		load()
	}
	if (what === 'mail' && id) openMail(id)
	else if (what === 'session' && id) openSession(Number(id))
	else {
		state.chosen = null
		document.body.classList.remove('reading')
		$('mail').hidden = true
		$('nothing').hidden = false
		$('nothing').textContent = list === 'mail' ? 'Choose a mail to read it.' : 'Choose a session to see what was said.'
		mark()
	}
}

function step(by) {
	const at = state.rows.findIndex((r) => r.id === state.chosen)
	const to = state.rows[at < 0 ? (by > 0 ? 0 : -1) : at + by]
	if (!to) return by > 0 && state.next ? loadMore() : undefined
	location.hash = `${state.what === 'mail' ? 'mail' : 'session'}/${to.id}`
	rowOf(to.id)?.focus({ preventScroll: false })
}

function onKey(e) {
	if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return
	const typing = e.target.matches('input, select, textarea')
	if (e.key === 'Escape') {
		if (typing) e.target.blur()
		else location.hash = state.what === 'sessions' ? 'sessions' : ''
		return
	}
	if (typing) return
	const tab = document.querySelectorAll('.tabs button')[Number(e.key) - 1]
	const keys = { j: () => step(1), k: () => step(-1), '/': () => $('query').focus(), '?': () => $('keys').showModal(), '#': () => state.what === 'mail' && state.chosen && remove(state.chosen) }
	if (e.key === 'Enter' && e.target === document.body && state.chosen == null) step(1)
	else if (keys[e.key]) keys[e.key]()
	else if (/^[1-9]$/.test(e.key) && tab) tab.click()
	else return
	e.preventDefault()
}

// ---- what the server tells ----

function connected(on, text) {
	$('state').className = on ? 'on' : 'off'
	$('state-text').textContent = text
	$('state').title = on ? 'New mail appears by itself' : 'The server does not answer; trying again'
}

function listen() {
	const source = new EventSource('/api/events')
	let lost = false
	source.onopen = () => {
		connected(true, 'Live')
		if (lost) start(false)
		lost = false
	}
	source.onerror = () => {
		lost = true
		connected(false, 'Offline')
		if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000)
	}
	const reload = () => {
		later('load', load)
		later('inboxes', loadInboxes)
	}
	source.addEventListener('message', (e) => arrive(JSON.parse(e.data)))
	source.addEventListener('changed', reload)
	source.addEventListener('reload', reload)
	source.addEventListener('session', (e) => {
		if (state.what !== 'sessions') return
		later('load', load)
		if (state.chosen === JSON.parse(e.data).id) openSession(state.chosen, true)
	})
}

// ---- login ----

function askLogin() {
	if (!$('login').open) $('login').showModal()
}

async function login(e) {
	e.preventDefault()
	$('login-error').textContent = ''
	try {
		await call('/api/login', { method: 'POST', body: JSON.stringify({ name: $('name').value, password: $('password').value }) })
	} catch (problem) {
		$('login-error').textContent = problem.message
		return
	} finally {
		$('password').value = ''
	}
	$('login').close()
	start(true)
}

async function start(first) {
	try {
		state.status = await call('/api/status')
	} catch {
		connected(false, 'Offline')
		setTimeout(() => start(first), 2000)
		return
	}
	$('logout').hidden = !state.status.login || !state.status.known
	if (!state.status.known) return askLogin()
	if (state.status.lost > 0) toast('The mail server was too busy to tell everything: some dialogues have gaps.')
	await load()
	loadInboxes()
	if (first) {
		listen()
		route()
	}
	if (!state.status.ready) setTimeout(() => start(false), 1000)
}

$('search').addEventListener('submit', (e) => e.preventDefault())
$('query').addEventListener('input', () => later('search', () => {
	state.query = $('query').value.trim()
	load()
}, 120))
$('query').addEventListener('keydown', (e) => {
	if (e.key === 'Enter' || e.key === 'ArrowDown') $('rows').querySelector('a')?.focus()
})
$('inbox').addEventListener('change', () => {
	state.inbox = $('inbox').value
	load()
})
$('clear').addEventListener('click', removeAll)
$('help').addEventListener('click', () => $('keys').showModal())
$('login').addEventListener('cancel', (e) => e.preventDefault())
$('login-form').addEventListener('submit', login)
$('logout').addEventListener('click', async () => {
	await call('/api/logout', { method: 'POST' })
	location.reload()
})
addEventListener('hashchange', route)
addEventListener('keydown', onKey)
new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && loadMore(), { root: $('list'), rootMargin: '600px' }).observe($('more'))
start(true)
