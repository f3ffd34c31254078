/*
 * api_site: the table of routes, the page and its files, what is known of the whole, sessions, and numbers for Prometheus.
 */
#include <stdio.h>

#include "web/assets.h"
#include "web/web.h"

const struct route web_routes[] = {
	{ "GET", "/", HTTP_PUBLIC | HTTP_PAGE, api_page },
	{ "GET", "/assets/{}", HTTP_PUBLIC, api_asset },
	{ "GET", "/api", HTTP_PUBLIC | HTTP_PAGE, api_document },
	{ "GET", "/api/openapi.json", HTTP_PUBLIC, api_openapi },
	{ "GET", "/api/status", HTTP_PUBLIC, api_status },
	{ "POST", "/api/login", HTTP_PUBLIC, api_login },
	{ "POST", "/api/logout", HTTP_PUBLIC, api_logout },
	{ "GET", "/healthz", HTTP_PUBLIC | HTTP_EVERYONE, api_health },
	{ "GET", "/metrics", HTTP_PUBLIC, api_metrics },
	{ "GET", "/api/events", 0, api_events },
	{ "GET", "/api/inboxes", 0, api_inboxes },
	{ "GET", "/api/messages", 0, api_messages },
	{ "DELETE", "/api/messages", 0, api_delete_messages },
	{ "GET", "/api/messages/{}", 0, api_message },
	{ "DELETE", "/api/messages/{}", 0, api_delete_message },
	{ "GET", "/api/messages/{}/source", 0, api_source },
	{ "GET", "/api/messages/{}/html", 0, api_html },
	{ "GET", "/api/messages/{}/attachments/{}", 0, api_attachment },
	{ "GET", "/api/messages/{}/dialogue", 0, api_dialogue },
	{ "GET", "/api/wait", 0, api_wait },
	{ "GET", "/api/sessions", 0, api_sessions },
	{ "GET", "/api/sessions/{}", 0, api_session },
	{ "GET", "/api/faults", 0, api_faults },
	{ "PUT", "/api/faults/{}", 0, api_set_fault },
	{ "DELETE", "/api/faults/{}", 0, api_clear_fault },
	{ "GET", "/api/v1/info", 0, mailpit_info },
	{ "GET", "/api/v1/messages", 0, mailpit_messages },
	{ "DELETE", "/api/v1/messages", 0, mailpit_delete },
	{ "GET", "/api/v1/search", 0, mailpit_search },
	{ "DELETE", "/api/v1/search", 0, mailpit_delete_found },
	{ "GET", "/api/v1/message/{}", 0, mailpit_message },
	{ "GET", "/api/v1/message/{}/raw", 0, api_source },
	{ NULL, NULL, 0, NULL },
};

/* ---- the page ---- */

static const char page_policy[] =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".json", "application/json" },
	};
	const char *end = strrchr(name, '.');
	for (size_t i = 0; end && i < sizeof types / sizeof types[0]; i++) {
		if (strcmp(end, types[i][0]) == 0)
			return types[i][1];
	}
	return "application/octet-stream";
}

static void give_asset(struct request *r, const char *name)
{
	const struct asset *a = assets;
	while (a->name && strcmp(a->name, name) != 0)
		a++;
	if (!a->name) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is nothing here");
		return;
	}
	request_octets(r, type_of(name), slice_make((const char *)a->octets, a->len));
	request_add(r, "Content-Security-Policy", page_policy);
	request_add(r, "Cross-Origin-Opener-Policy", "same-origin");
}

void api_page(struct request *r)
{
	give_asset(r, "page.html");
}

void api_asset(struct request *r)
{
	give_asset(r, r->parameters[0]);
}

void api_document(struct request *r)
{
	give_asset(r, "api.html");
}

void api_openapi(struct request *r)
{
	give_asset(r, "openapi.json");
}

/* ---- the whole ---- */

static bool is_known(struct request *r)
{
	struct web *w = r->web;
	const char *name = w->users ? logins_find(w->logins, request_header(r, "Cookie")) : "";
	if (name)
		snprintf(r->user, sizeof r->user, "%s", name);
	return name != NULL;
}

/* What a page needs before anybody is logged in, and a little more behind. */
void api_status(struct request *r)
{
	struct web *w = r->web;
	bool known = is_known(r);
	json_t *json =
	        json_pack("{s:s, s:b, s:b}", "version", POSTROOM_VERSION, "login", (int)w->users, "known", (int)known);
	if (known) {
		const struct query all = { .only = r->user };
		json_object_set_new(json, "user", json_string(r->user));
		json_object_set_new(json, "domain", json_string(w->domain));
		json_object_set_new(json, "smtp_port", json_integer(w->smtp_port));
		json_object_set_new(json, "pop3_port", json_integer(w->pop3_port));
		json_object_set_new(json, "writable", json_boolean(link_descriptor(w->link) >= 0));
		json_object_set_new(json, "ready", json_boolean(follow_ready(w->follow)));
		json_object_set_new(json, "lost", json_integer((json_int_t)w->lost));
		json_object_set_new(json, "messages", json_integer((json_int_t)catalogue_count(w->catalogue, &all)));
	}
	request_json(r, MHD_HTTP_OK, json);
}

struct inboxes {
	json_t *array;
	const char *only;
};

static void add_inbox(void *owner, const char *inbox, size_t count)
{
	const struct inboxes *all = owner;
	if (!*all->only || strcmp(all->only, inbox) == 0)
		json_array_append_new(all->array,
		                      json_pack("{s:s, s:I}", "name", inbox, "messages", (json_int_t)count));
}

void api_inboxes(struct request *r)
{
	struct web *w = r->web;
	struct inboxes all = { .array = json_array(), .only = r->user };
	catalogue_inboxes(w->catalogue, add_inbox, &all);
	request_json(r, MHD_HTTP_OK, json_pack("{s:o}", "inboxes", all.array));
}

void api_events(struct request *r)
{
	struct web *w = r->web;
	events_open(w->events, r);
}

/* ---- sessions ---- */

enum { SESSIONS_STANDARD = 50, SESSIONS_MAX = 500 };

void api_sessions(struct request *r)
{
	struct web *w = r->web;
	int64_t before = (int64_t)request_number(r, "cursor", 0, INT64_MAX);
	size_t limit = (size_t)request_number(r, "limit", SESSIONS_STANDARD, SESSIONS_MAX);
	request_json(r, MHD_HTTP_OK, sessions_list(w->sessions, r->user, before, limit));
}

static void add_mail(void *owner, const struct catalogue_mail *mail)
{
	json_array_append_new(
	        owner, json_pack("{s:s, s:s, s:s}", "id", mail->id, "inbox", mail->inbox, "subject", mail->subject));
}

static void give_session(struct request *r, int64_t row)
{
	struct web *w = r->web;
	json_t *json = row > 0 ? sessions_one(w->sessions, r->user, row) : NULL;
	if (!json) {
		request_error(r, MHD_HTTP_NOT_FOUND, "nothing is known of this session");
		return;
	}
	json_t *mails = json_array();
	if (!*r->user)
		catalogue_mails_of(w->catalogue, row, add_mail, mails);
	json_object_set_new(json, "messages", mails);
	request_json(r, MHD_HTTP_OK, json);
}

void api_session(struct request *r)
{
	uint64_t row = 0;
	slice_number(slice_str(r->parameters[0]), INT64_MAX, &row);
	give_session(r, (int64_t)row);
}

void api_dialogue(struct request *r)
{
	struct web_mail mail;
	if (!web_find_mail(r, r->parameters[0], &mail)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such mail");
		return;
	}
	json_decref(mail.json);
	give_session(r, mail.session);
}

/* ---- numbers ---- */

void api_health(struct request *r)
{
	struct web *w = r->web;
	bool well = !catalogue_broken(w->catalogue);
	request_json(r, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
	             json_pack("{s:s}", "status", well ? "ok" : "the index is broken"));
}

static void put_metric(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	buf_printf(out, "# HELP postroom_%s %s\n# TYPE postroom_%s %s\npostroom_%s %llu\n", name, help, name, type,
	           name, (unsigned long long)value);
}

/* Prometheus's text format, version 0.0.4. What the mail process counts comes as it gave it. */
void api_metrics(struct request *r)
{
	struct web *w = r->web;
	const struct query all = { .limit = 0 };
	struct buf out;
	if (w->users && !is_known(r)) {
		request_error(r, MHD_HTTP_UNAUTHORIZED, "please log in");
		return;
	}
	buf_init(&out, (size_t)2 * WEB_METRICS_MAX);
	put_metric(&out, "web_messages", "gauge", "Mails in all inboxes.", catalogue_count(w->catalogue, &all));
	put_metric(&out, "web_delivered_total", "counter",
	           "Mails that the mail process delivered while the web inbox ran.", w->delivered);
	put_metric(&out, "web_requests_total", "counter", "HTTP requests.", w->requests);
	put_metric(&out, "web_pages", "gauge", "Open pages.", events_count(w->events));
	put_metric(&out, "web_waiting", "gauge", "Requests that wait for a mail.", waiters_count(w->waiters));
	put_metric(&out, "web_sessions", "gauge", "SMTP and POP3 sessions under way.", sessions_live(w->sessions));
	put_metric(&out, "web_lost_total", "counter", "Messages of the mail process that found no room.", w->lost);
	buf_append_slice(&out, buf_slice(&w->metrics));
	request_octets(r, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&out));
	buf_release(&out);
}
