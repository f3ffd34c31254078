/*
 * api_manage: what changes something, and who may: logins, deleting, faults on purpose. All of it is done by the mail process, which is asked.
 */
#include <stdio.h>
#include <stdlib.h>

#include "web/web.h"

#include <netdb.h>

static const char no_mail_process[] = "no mail process listens: this page only reads";

/* ---- answers of the mail process ---- */

static void on_over(struct request *r)
{
	struct web *w = r->web;
	link_forget(w->link, r->own ? r->own : r);
	free(r->own);
}

static unsigned status_of(enum message_outcome outcome)
{
	static const unsigned statuses[] = {
		[MESSAGE_DONE] = MHD_HTTP_OK,
		[MESSAGE_BUSY] = MHD_HTTP_CONFLICT,
		[MESSAGE_REFUSED] = MHD_HTTP_FORBIDDEN,
		[MESSAGE_FAILED] = MHD_HTTP_SERVICE_UNAVAILABLE,
	};
	return (size_t)outcome < sizeof statuses / sizeof statuses[0] ? statuses[outcome]
	                                                              : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static void answer_outcome(struct request *r, enum message_outcome outcome, struct slice text)
{
	char why[240];
	snprintf(why, sizeof why, "%.*s", (int)(text.len < 200 ? text.len : 200), text.len ? text.ptr : "");
	if (outcome == MESSAGE_DONE)
		request_done(r);
	else
		request_error(r, status_of(outcome), *why ? why : "it could not be done");
}

/* ---- login ---- */

/* A web server in front says so. Who lies about it only keeps his own cookie from being sent in clear. */
static bool came_by_tls(const struct request *r)
{
	const char *said = request_header(r, "X-Forwarded-Proto");
	return said && slice_equal_text_nocase(slice_str(said), "https");
}

static void login_answered(void *asker, enum message_outcome outcome, struct slice text)
{
	struct request *r = asker;
	struct web *w = r->web;
	char token[LOGINS_TOKEN + 1], name[LOGINS_NAME_MAX + 1], cookie[200];
	snprintf(name, sizeof name, "%.*s", (int)(text.len < LOGINS_NAME_MAX ? text.len : LOGINS_NAME_MAX),
	         text.len ? text.ptr : "");
	if (outcome == MESSAGE_REFUSED && text.len > 0) {
		request_error(r, MHD_HTTP_FORBIDDEN, name);
	} else if (outcome != MESSAGE_DONE) {
		request_error(r, outcome == MESSAGE_REFUSED ? MHD_HTTP_UNAUTHORIZED : MHD_HTTP_SERVICE_UNAVAILABLE,
		              outcome == MESSAGE_REFUSED ? "wrong name or password" : "try again in a moment");
	} else if (!logins_begin(w->logins, name, token)) {
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "try again in a moment");
	} else {
		snprintf(cookie, sizeof cookie, "postroom=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s", token,
		         LOGINS_SECONDS, came_by_tls(r) ? "; Secure" : "");
		request_json(r, MHD_HTTP_OK, json_pack("{s:s}", "user", name));
		request_add(r, "Set-Cookie", cookie);
	}
	request_resume(r);
}

static void peer_of(const struct request *r, char peer[64])
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;
	socklen_t len = a && a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (!a || getnameinfo(a, len, peer, 64, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(peer, 64, "unknown");
}

void api_login(struct request *r)
{
	struct web *w = r->web;
	char peer[64];
	const char *name = NULL, *password = NULL;
	json_t *body = request_body(r);
	peer_of(r, peer);
	if (json_unpack(body, "{s:s, s:s}", "name", &name, "password", &password) != 0) {
		request_error(r, MHD_HTTP_BAD_REQUEST, "name and password, as JSON");
	} else {
		struct message question = { .type = MESSAGE_LOGIN,
			                    .texts = { slice_str(peer), slice_str(name), slice_str(password) } };
		if (link_ask(w->link, &question, login_answered, r))
			request_wait(r, on_over, NULL);
		else
			request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, no_mail_process);
	}
	json_decref(body);
	buf_wipe(&r->body);
}

void api_logout(struct request *r)
{
	struct web *w = r->web;
	logins_end(w->logins, request_header(r, "Cookie"));
	request_done(r);
	request_add(r, "Set-Cookie", "postroom=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

/* ---- deleting ---- */

enum { DELETE_LIST_MAX = 32 * 1024 }; /* octets of unique ids in one question; more are asked in turn */

/* Mails that go, inbox by inbox: a question at a time. */
struct deletion {
	struct request *request;
	json_t *inboxes; /* { inbox: [uid, …] } */
	json_int_t deleted;
	size_t asked; /* uids of the question under way */
	char inbox[256];
};

static void deletion_over(struct request *r)
{
	struct web *w = r->web;
	struct deletion *d = r->own;
	link_forget(w->link, d);
	json_decref(d->inboxes);
	free(d);
}

static void ask_next(struct deletion *d);

static void delete_answered(void *asker, enum message_outcome outcome, struct slice text)
{
	struct deletion *d = asker;
	struct web *w = d->request->web;
	follow_look(w->follow, d->inbox);
	if (outcome == MESSAGE_DONE) {
		d->deleted += (json_int_t)d->asked;
		ask_next(d);
		return;
	}
	answer_outcome(d->request, outcome, text);
	request_resume(d->request);
}

/* Takes uids of the first inbox off the list. */
static void take_uids(struct deletion *d, struct buf *list)
{
	void *first = json_object_iter(d->inboxes);
	json_t *uids = json_object_iter_value(first);
	snprintf(d->inbox, sizeof d->inbox, "%s", json_object_iter_key(first));
	d->asked = 0;
	while (json_array_size(uids) > 0) {
		const char *uid = json_string_value(json_array_get(uids, json_array_size(uids) - 1));
		if (!buf_printf(list, "%s\n", uid))
			break;
		json_array_remove(uids, json_array_size(uids) - 1);
		d->asked++;
	}
	if (json_array_size(uids) == 0)
		json_object_del(d->inboxes, d->inbox);
}

static void ask_next(struct deletion *d)
{
	struct web *w = d->request->web;
	struct buf list;
	if (json_object_size(d->inboxes) == 0) {
		request_json(d->request, MHD_HTTP_OK, json_pack("{s:I}", "deleted", d->deleted));
		request_resume(d->request);
		return;
	}
	buf_init(&list, DELETE_LIST_MAX);
	take_uids(d, &list);
	struct message question = { .type = MESSAGE_DELETE, .texts = { slice_str(d->inbox), buf_slice(&list) } };
	bool asked = link_ask(w->link, &question, delete_answered, d);
	buf_release(&list);
	if (asked)
		return;
	request_error(d->request, MHD_HTTP_SERVICE_UNAVAILABLE, no_mail_process);
	request_resume(d->request);
}

/* { inbox: [uid, …] } of those ids that are there and this user's. */
static json_t *by_inbox(struct request *r, const json_t *ids)
{
	json_t *inboxes = json_object(), *id;
	struct web_mail mail;
	size_t i;
	json_array_foreach(ids, i, id)
	{
		if (!json_is_string(id) || !web_find_mail(r, json_string_value(id), &mail))
			continue;
		json_decref(mail.json);
		json_t *uids = json_object_get(inboxes, mail.inbox);
		if (!uids) {
			uids = json_array();
			json_object_set_new(inboxes, mail.inbox, uids);
		}
		json_array_append_new(uids, json_string(mail.uid));
	}
	return inboxes;
}

void web_delete(struct request *r, json_t *ids)
{
	struct web *w = r->web;
	struct deletion *d = calloc(1, sizeof *d);
	if (!d) {
		json_decref(ids);
		return;
	}
	*d = (struct deletion){ .request = r, .inboxes = by_inbox(r, ids) };
	json_decref(ids);
	if (link_descriptor(w->link) < 0) {
		json_decref(d->inboxes);
		free(d);
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, no_mail_process);
		return;
	}
	request_wait(r, deletion_over, d);
	ask_next(d);
}

void api_delete_message(struct request *r)
{
	struct web_mail mail;
	if (!web_find_mail(r, r->parameters[0], &mail)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such mail");
		return;
	}
	json_decref(mail.json);
	web_delete(r, json_pack("[s]", r->parameters[0]));
}

static void add_id(void *owner, const struct catalogue_mail *mail)
{
	json_array_append_new(owner, json_string(mail->id));
}

json_t *web_found_ids(struct web *w, const struct query *q)
{
	json_t *ids = json_array();
	struct query all = *q;
	all.limit = 1000 * 1000;
	catalogue_find(w->catalogue, &all, add_id, ids);
	return ids;
}

/* The ids in the body, or whatever the filters find; one of the two has to be there, and "all=1" is a filter. */
void api_delete_messages(struct request *r)
{
	struct query q;
	if (!web_query(r, &q))
		return;
	json_t *body = request_body(r), *ids = json_incref(json_object_get(body, "ids"));
	bool filtered = *q.inbox || *q.to || *q.tag || *q.login || *q.from || *q.subject || *q.text || q.since ||
	                *request_query(r, "all");
	json_decref(body);
	if (json_is_array(ids)) {
		web_delete(r, ids);
	} else if (filtered) {
		json_decref(ids);
		web_delete(r, web_found_ids(r->web, &q));
	} else {
		json_decref(ids);
		request_error(r, MHD_HTTP_BAD_REQUEST, "which? {\"ids\": […]}, a filter such as ?inbox=…, or ?all=1");
	}
}

/* ---- faults on purpose ---- */

static const char *const kinds[MESSAGE_FAULTS] = {
	[MESSAGE_FAULT_NONE] = "none",         [MESSAGE_FAULT_RCPT] = "rcpt",       [MESSAGE_FAULT_DATA] = "data",
	[MESSAGE_FAULT_CUT] = "cut",           [MESSAGE_FAULT_CUT_END] = "cut-end", [MESSAGE_FAULT_LOGIN] = "login",
	[MESSAGE_FAULT_CUT_POP] = "cut-login",
};

static json_t *fault_json(const struct web_fault *f)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:f, s:I, s:s}", "inbox", f->inbox, "kind", kinds[f->numbers[1]], "code",
	                 (json_int_t)f->numbers[2], "delay_ms", (json_int_t)f->numbers[3], "probability",
	                 (double)f->numbers[4] / 1e6, "seed", (json_int_t)f->numbers[5], "text", f->text);
}

void api_faults(struct request *r)
{
	struct web *w = r->web;
	json_t *array = json_array();
	for (size_t i = 0; i < w->faults_count; i++) {
		if (!*r->user || strcmp(r->user, w->faults[i].inbox) == 0)
			json_array_append_new(array, fault_json(&w->faults[i]));
	}
	request_json(r, MHD_HTTP_OK, json_pack("{s:o}", "faults", array));
}

static void forget_fault(struct web *w, const char *inbox)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->faults_count; i++) {
		if (strcmp(w->faults[i].inbox, inbox) != 0)
			w->faults[kept++] = w->faults[i];
	}
	w->faults_count = kept;
}

static void fault_answered(void *asker, enum message_outcome outcome, struct slice text)
{
	struct request *r = asker;
	struct web *w = r->web;
	struct web_fault *f = r->own;
	if (outcome == MESSAGE_DONE) {
		forget_fault(w, f->inbox);
		if (f->numbers[1] != MESSAGE_FAULT_NONE && w->faults_count < WEB_FAULTS_MAX)
			w->faults[w->faults_count++] = *f;
		request_json(r, MHD_HTTP_OK, fault_json(f));
	} else {
		answer_outcome(r, outcome, text);
	}
	request_resume(r);
}

static void fault_over(struct request *r)
{
	struct web *w = r->web;
	link_forget(w->link, r);
	free(r->own);
}

static void ask_fault(struct request *r, const struct web_fault *wanted)
{
	struct web *w = r->web;
	struct web_fault *f = malloc(sizeof *f);
	struct message question = { .type = MESSAGE_FAULT };
	if (!f)
		return;
	*f = *wanted;
	memcpy(question.numbers, f->numbers, sizeof question.numbers);
	question.texts[0] = slice_str(f->inbox);
	question.texts[1] = slice_str(f->text);
	if (link_ask(w->link, &question, fault_answered, r)) {
		request_wait(r, fault_over, f);
	} else {
		free(f);
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, no_mail_process);
	}
}

/* False: it is not what a fault looks like. */
static bool read_fault(const json_t *body, struct web_fault *f)
{
	const char *kind = "", *text = "";
	json_int_t code = 451, delay = 0, seed = 0;
	double probability = 1;
	if (json_unpack((json_t *)body, "{s:s, s?I, s?I, s?F, s?I, s?s}", "kind", &kind, "code", &code, "delay_ms",
	                &delay, "probability", &probability, "seed", &seed, "text", &text) != 0)
		return false;
	for (uint64_t k = MESSAGE_FAULT_RCPT; k < MESSAGE_FAULTS; k++) {
		if (strcmp(kind, kinds[k]) == 0)
			f->numbers[1] = k;
	}
	f->numbers[2] = (uint64_t)code;
	f->numbers[3] = (uint64_t)delay;
	f->numbers[4] = (uint64_t)(probability * 1e6);
	f->numbers[5] = (uint64_t)seed;
	snprintf(f->text, sizeof f->text, "%s", text);
	return f->numbers[1] && code >= 400 && code <= 599 && delay >= 0 && delay <= 60 * 1000 && probability > 0 &&
	       probability <= 1 && seed >= 0 && strlen(text) < sizeof f->text && !text[strcspn(text, "\r\n")];
}

static bool may_touch(struct request *r, struct web_fault *f)
{
	snprintf(f->inbox, sizeof f->inbox, "%s", r->parameters[0]);
	if (!*r->user || strcmp(r->user, f->inbox) == 0)
		return true;
	request_error(r, MHD_HTTP_FORBIDDEN, "this is another's inbox");
	return false;
}

void api_set_fault(struct request *r)
{
	struct web_fault f = { .text = "" };
	json_t *body = request_body(r);
	bool read = body && read_fault(body, &f);
	json_decref(body);
	if (!read)
		request_error(r, MHD_HTTP_BAD_REQUEST,
		              "kind (rcpt, data, cut, cut-end, login, cut-login), code (400-599), delay_ms (to 60000), "
		              "probability (0-1), seed, text: see /api");
	else if (may_touch(r, &f))
		ask_fault(r, &f);
}

void api_clear_fault(struct request *r)
{
	struct web_fault f = { .text = "" };
	if (may_touch(r, &f))
		ask_fault(r, &f);
}
