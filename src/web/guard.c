/*
 * guard: see guard.h.
 */
#include "web/guard.h"

#include <stdio.h>

void guard_init(struct guard *g, unsigned port)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	*g = (struct guard){ .count = 0 };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(g->hosts[g->count++], GUARD_HOST_MAX, "%s:%u", names[i], port);
		if (port == 80)
			snprintf(g->hosts[g->count++], GUARD_HOST_MAX, "%s", names[i]);
	}
}

bool guard_add(struct guard *g, const char *host)
{
	if (g->count == GUARD_HOSTS_MAX || strlen(host) >= GUARD_HOST_MAX || !*host)
		return false;
	snprintf(g->hosts[g->count++], GUARD_HOST_MAX, "%s", host);
	return true;
}

/* The name without its port. */
static struct slice name_of(struct slice host)
{
	size_t end = host.len;
	while (end > 0 && host.ptr[end - 1] >= '0' && host.ptr[end - 1] <= '9')
		end--;
	return end > 1 && end < host.len && host.ptr[end - 1] == ':' ? slice_make(host.ptr, end - 1) : host;
}

bool guard_knows(const struct guard *g, const char *host)
{
	struct slice asked = slice_str(host);
	for (size_t i = 0; i < g->count; i++) {
		struct slice known = slice_str(g->hosts[i]);
		if (slice_equal_nocase(asked, known) || slice_equal_nocase(name_of(asked), known))
			return true;
	}
	return false;
}

static bool is(const char *value, const char *wanted)
{
	return value && slice_equal_text_nocase(slice_str(value), wanted);
}

/* "http://localhost:8025" at the Host localhost:8025; behind a proxy https. */
static bool is_own_origin(const struct guard_facts *f)
{
	const char *rest = strstr(f->origin, "://");
	return rest && is(rest + 3, f->host);
}

/* Another site's page asks, in a browser that says so. A person may follow a link to a page. */
static bool is_foreign(const struct guard_facts *f)
{
	bool foreign = f->site && !is(f->site, "same-origin") && !is(f->site, "none");
	bool visits = (f->flags & HTTP_PAGE) && is(f->mode, "navigate") && is(f->method, "GET");
	return foreign && !visits;
}

static bool changes(const struct guard_facts *f)
{
	return !is(f->method, "GET") && !is(f->method, "HEAD");
}

/* What a form on another site can send without asking first is POST with one of three content types (fetch.spec.whatwg.org, CORS-safelisted); PUT and
 * DELETE it has to ask for, and nobody here says yes. */
static bool could_be_a_form(const struct guard_facts *f)
{
	bool json = f->type && slice_starts_nocase(slice_str(f->type), "application/json");
	return is(f->method, "POST") && !json && !f->own_header;
}

const char *guard_judge(const struct guard *g, const struct guard_facts *f, unsigned *status)
{
	*status = MHD_HTTP_FORBIDDEN;
	if (f->flags & HTTP_EVERYONE)
		return NULL;
	if (!f->host || !guard_knows(g, f->host)) {
		*status = MHD_HTTP_MISDIRECTED_REQUEST;
		return "the page is not reached by this name: add it to web_hosts in postroom.conf";
	}
	if (is_foreign(f) || (f->origin && (changes(f) || !is(f->origin, "null")) && !is_own_origin(f)))
		return "another site's page may not ask this";
	if (could_be_a_form(f)) {
		*status = MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
		return "send JSON (Content-Type: application/json), or the header X-Postroom: 1";
	}
	return NULL;
}

const char *guard_request(const struct guard *g, const struct request *r, unsigned *status)
{
	const struct guard_facts facts = {
		.method = r->method,
		.host = request_header(r, "Host"),
		.origin = request_header(r, "Origin"),
		.site = request_header(r, "Sec-Fetch-Site"),
		.mode = request_header(r, "Sec-Fetch-Mode"),
		.type = request_header(r, "Content-Type"),
		.own_header = request_header(r, "X-Postroom") != NULL,
		.flags = r->route ? r->route->flags : 0,
	};
	return guard_judge(g, &facts, status);
}
