// The API's page: openapi.json, readable.

const el = (tag, props, ...children) => {
	const e = Object.assign(document.createElement(tag), props)
	e.append(...children.filter(Boolean))
	return e
}

document.getElementById('example').textContent = `# at once where it is there already; 408 where it does not come
curl '${location.origin}/api/wait?to=ann@example.org&subject=welcome&timeout=30s'

# its first code
curl -s '${location.origin}/api/wait?to=ann@example.org' | jq -r '.codes[0]'

# every second mail to bob is refused for now, always the same ones
curl -X PUT '${location.origin}/api/faults/bob@example.org' \\
  -d '{"kind": "rcpt", "code": 451, "probability": 0.5, "seed": 7}'`

const name = (schema) => schema?.$ref?.split('/').pop() ?? (schema?.type === 'array' ? `list of ${name(schema.items)}` : (schema?.type ?? (schema?.enum ? schema.enum.join(' | ') : '')))

function rows(pairs) {
	return el('table', {}, el('tbody', {}, ...pairs.map(([a, b]) => el('tr', {}, el('th', { scope: 'row' }, el('code', {}, a)), el('td', {}, b)))))
}

function operation(path, method, o) {
	const parameters = (o.parameters ?? []).map((p) => [p.in === 'path' ? `{${p.name}}` : `?${p.name}`, p.description])
	const answers = Object.entries(o.responses).map(([code, r]) => [code, [r.description, name(Object.values(r.content ?? {})[0]?.schema)].filter(Boolean).join(' ')])
	const body = Object.values(o.requestBody?.content ?? {})[0]
	return el('details', {}, el('summary', {}, el('b', {}, method.toUpperCase()), el('code', {}, path), el('span', {}, o.summary)),
		el('div', {}, o.description && el('p', {}, o.description), rows([...parameters, ...(body ? [['body', name(body.schema)]] : []), ...answers])))
}

const doc = await (await fetch('/api/openapi.json')).json()
const about = document.getElementById('about')
about.append(' ', doc.info.description)
const groups = new Map()
for (const [path, methods] of Object.entries(doc.paths))
	for (const [method, o] of Object.entries(methods)) groups.set(o.tags[0], [...(groups.get(o.tags[0]) ?? []), operation(path, method, o)])
const place = document.getElementById('operations')
for (const [group, operations] of groups) place.append(el('h2', {}, group), ...operations)
place.append(el('h2', {}, 'Shapes'))
for (const [shape, schema] of Object.entries(doc.components.schemas))
	place.append(el('details', {}, el('summary', {}, el('code', {}, shape)), el('div', {}, rows(Object.entries(schema.properties).map(([k, v]) => [k, [name(v), v.description].filter(Boolean).join(': ')])))))
