/*
 * api_mail: lists, and one mail: as JSON, as HTML, its attachments, its source.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mail/header.h"
#include "mime/html_text.h"
#include "web/extract.h"
#include "web/mail_text.h"
#include "web/parts.h"
#include "web/text.h"
#include "web/web.h"

enum {
	LIST_STANDARD = 50,
	LIST_MAX = 500,
	COUNT_MAX = 100 * 1000,     /* found mails are counted so far; above, the page says "more than" */
	TEXT_MAX = 8 * 1024 * 1024, /* octets of text in an answer */
	HTML_MAX = 32 * 1024 * 1024,
	HEADERS_MAX = 500,
	WAIT_MS = 30 * 1000,
};

/* ---- lists ---- */

static json_t *list_json(const char *list)
{
	json_t *array = json_array();
	struct slice rest = slice_str(list), member;
	while (message_list_next(&rest, &member))
		json_array_append_new(array, json_stringn(member.ptr, member.len));
	return array;
}

json_t *web_mail_json(const struct catalogue_mail *m)
{
	char time[TEXT_TIME_SIZE];
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", m->id, "inbox", m->inbox,
	                         "from", m->from, "to", m->to, "subject", m->subject, "snippet", m->snippet, "received",
	                         text_time(m->when, time), "octets", (json_int_t)m->octets, "attachments",
	                         (json_int_t)m->attachments);
	if (json && m->session) {
		json_object_set_new(json, "session", json_integer((json_int_t)m->session));
		json_object_set_new(json, "envelope",
		                    json_pack("{s:s, s:o, s:s}", "sender", m->sender, "recipients",
		                              list_json(m->recipients), "login", m->login));
	}
	return json;
}

/* "1700000000000.17": the last mail's time and row. */
static void read_cursor(const char *text, struct query *q)
{
	struct slice cursor = slice_str(text);
	size_t dot = slice_find(cursor, '.');
	uint64_t when, row;
	if (slice_number(slice_make(cursor.ptr, dot), INT64_MAX, &when) &&
	    slice_number(slice_skip(cursor, dot + 1), INT64_MAX, &row)) {
		q->before_when = (int64_t)when;
		q->before_row = (int64_t)row;
	}
}

/* A filter that is misspelled would find, or delete, any mail. */
bool web_query(struct request *r, struct query *q)
{
	static const char *const known[] = { "inbox", "to",     "tag",   "login",   "from", "subject", "q",
		                             "since", "cursor", "limit", "timeout", "all",  NULL };
	*q = (struct query){
		.only = r->user,
		.inbox = request_query(r, "inbox"),
		.to = request_query(r, "to"),
		.tag = request_query(r, "tag"),
		.login = request_query(r, "login"),
		.from = request_query(r, "from"),
		.subject = request_query(r, "subject"),
		.text = request_query(r, "q"),
	};
	const char *since = request_query(r, "since");
	if (!request_knows(r, known))
		return false;
	if (*since && !text_read_time(slice_str(since), &q->since)) {
		request_error(r, MHD_HTTP_BAD_REQUEST, "since: 2026-11-21T10:00:00Z, seconds since 1970, or now");
		return false;
	}
	read_cursor(request_query(r, "cursor"), q);
	q->limit = (size_t)request_number(r, "limit", LIST_STANDARD, LIST_MAX);
	return true;
}

struct listing {
	json_t *mails;
	int64_t when;
	int64_t row;
};

static void list_one(void *owner, const struct catalogue_mail *m)
{
	struct listing *l = owner;
	json_array_append_new(l->mails, web_mail_json(m));
	l->when = m->when;
	l->row = m->row;
}

void api_messages(struct request *r)
{
	struct web *w = r->web;
	struct query q;
	char next[64];
	if (!web_query(r, &q))
		return;
	struct listing l = { .mails = json_array() };
	if (!catalogue_find(w->catalogue, &q, list_one, &l)) {
		json_decref(l.mails);
		request_error(r, MHD_HTTP_BAD_REQUEST, "this cannot be searched for");
		return;
	}
	json_t *json = json_pack("{s:O}", "messages", l.mails);
	if (json_array_size(l.mails) == q.limit && q.limit > 0) {
		snprintf(next, sizeof next, "%lld.%lld", (long long)l.when, (long long)l.row);
		json_object_set_new(json, "next", json_string(next));
	}
	json_decref(l.mails);
	q.limit = COUNT_MAX;
	q.before_row = 0;
	json_object_set_new(json, "total", json_integer((json_int_t)catalogue_count(w->catalogue, &q)));
	request_json(r, MHD_HTTP_OK, json);
}

/* ---- one mail ---- */

static void keep_mail(void *owner, const struct catalogue_mail *m)
{
	struct web_mail *mail = owner;
	snprintf(mail->inbox, sizeof mail->inbox, "%s", m->inbox);
	snprintf(mail->uid, sizeof mail->uid, "%s", m->uid);
	mail->session = m->session;
	mail->json = web_mail_json(m);
}

/* "latest" is the newest. */
static bool look_up(struct request *r, const char *id, struct web_mail *mail)
{
	struct web *w = r->web;
	struct query newest = { .only = r->user, .limit = 1 };
	if (strcmp(id, "latest") != 0)
		return catalogue_mail(w->catalogue, id, keep_mail, mail);
	catalogue_find(w->catalogue, &newest, keep_mail, mail);
	return mail->json != NULL;
}

bool web_find_mail(struct request *r, const char *id, struct web_mail *mail)
{
	*mail = (struct web_mail){ .json = NULL };
	if (look_up(r, id, mail) && (!*r->user || strcmp(r->user, mail->inbox) == 0))
		return true;
	json_decref(mail->json);
	mail->json = NULL;
	return false;
}

struct glance *web_open_mail(const struct web *w, const struct web_mail *mail, size_t *i, struct fault *why)
{
	struct glance *g = glance_open(w->root, w->mailbox, mail->inbox, why);
	if (!g)
		return NULL;
	*i = glance_find(g, mail->uid);
	if (*i < glance_count(g))
		return g;
	glance_close(g);
	fault_set(why, FAULT_PERMANENT, "this mail is no longer there");
	return NULL;
}

/* The text of the mail in memory, and its parts. */
struct opened {
	struct buf text;
	struct parts parts;
};

static bool open_parts(const struct web *w, const struct web_mail *mail, struct opened *o, struct fault *why)
{
	size_t i;
	*o = (struct opened){ .parts.tree = NULL };
	buf_init(&o->text, (size_t)2 * MAIL_TEXT_MAX);
	struct glance *g = web_open_mail(w, mail, &i, why);
	bool ok = g && mail_text_read(g, i, MAIL_TEXT_MAX, &o->text, why);
	glance_close(g);
	ok = ok && (parts_make(&o->parts, buf_slice(&o->text)) || fault_set(why, FAULT_TEMPORARY, "memory is out"));
	return ok;
}

static void close_parts(struct opened *o)
{
	parts_release(&o->parts);
	buf_release(&o->text);
}

static json_t *utf8_json(struct slice text)
{
	struct buf utf8;
	buf_init(&utf8, (size_t)3 * TEXT_MAX);
	text_utf8(text, &utf8);
	json_t *json = json_stringn(utf8.len ? utf8.data : "", utf8.len);
	buf_release(&utf8);
	return json;
}

static void add_header(void *owner, const struct header_field *f)
{
	json_t *headers = owner;
	struct buf value;
	if (json_array_size(headers) == HEADERS_MAX)
		return;
	buf_init(&value, (size_t)3 * HEADER_FIELD_MAX);
	if (!header_decode(f->folded, &value))
		buf_append_slice(&value, f->value);
	json_array_append_new(
	        headers, json_pack("{s:o, s:o}", "name", utf8_json(f->name), "value", utf8_json(buf_slice(&value))));
	buf_release(&value);
}

static json_t *headers_json(struct slice mail)
{
	json_t *headers = json_array();
	struct header_parser parser;
	header_parser_init(&parser, add_header, headers);
	header_parser_push(&parser, mail.ptr, mail.len);
	header_parser_finish(&parser);
	header_parser_release(&parser);
	return headers;
}

static json_t *attachments_json(const struct parts *p)
{
	const struct part *part;
	json_t *array = json_array();
	for (size_t i = 0; (part = parts_attachment(p, i)) != NULL; i++)
		json_array_append_new(
		        array, json_pack("{s:I, s:o, s:o, s:o, s:I}", "index", (json_int_t)i, "name",
		                         utf8_json(slice_str(part->name)), "type", utf8_json(slice_str(part->type)),
		                         "cid", utf8_json(slice_str(part->cid)), "octets", (json_int_t)part->octets));
	return array;
}

static void add_found(void *owner, struct slice found)
{
	json_t *array = owner, *text = utf8_json(found);
	size_t i;
	json_t *known;
	json_array_foreach(array, i, known)
	{
		if (json_equal(known, text)) {
			json_decref(text);
			return;
		}
	}
	json_array_append_new(array, text);
}

static void add_texts(json_t *json, const struct parts *p)
{
	struct buf text, html;
	json_t *links = json_array(), *codes = json_array();
	buf_init(&text, TEXT_MAX);
	buf_init(&html, HTML_MAX);
	parts_text(p, &text);
	if (parts_has_html(p))
		parts_html(p, &html);
	extract_html_links(buf_slice(&html), add_found, links);
	extract_links(buf_slice(&text), add_found, links);
	if (text.len == 0 && html.len > 0)
		html_text(buf_slice(&html), &text);
	extract_codes(buf_slice(&text), add_found, codes);
	json_object_set_new(json, "text", json_stringn(text.len ? text.data : "", text.len));
	json_object_set_new(json, "html", json_boolean(html.len > 0));
	json_object_set_new(json, "links", links);
	json_object_set_new(json, "codes", codes);
	buf_release(&text);
	buf_release(&html);
}

json_t *web_whole_mail(struct web *w, const struct web_mail *mail, struct fault *why)
{
	struct opened o;
	bool ok = open_parts(w, mail, &o, why);
	if (ok) {
		add_texts(mail->json, &o.parts);
		json_object_set_new(mail->json, "headers", headers_json(buf_slice(&o.text)));
		json_object_set_new(mail->json, "attachment_list", attachments_json(&o.parts));
	}
	close_parts(&o);
	if (ok)
		return mail->json;
	json_decref(mail->json);
	return NULL;
}

static void refuse(struct request *r, const struct fault *why)
{
	request_error(r, why->kind == FAULT_PERMANENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_SERVICE_UNAVAILABLE, why->text);
}

static void answer_mail(struct request *r, const char *id)
{
	struct web_mail mail;
	struct fault why;
	if (!web_find_mail(r, id, &mail)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such mail");
		return;
	}
	json_t *json = web_whole_mail(r->web, &mail, &why);
	if (json)
		request_json(r, MHD_HTTP_OK, json);
	else
		refuse(r, &why);
}

void api_message(struct request *r)
{
	answer_mail(r, r->parameters[0]);
}

/* ---- waiting for one ---- */

/* "30s", "500ms", "2m", or seconds. */
static bool read_duration(struct slice text, int *ms)
{
	uint64_t number;
	size_t digits = 0;
	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (!slice_number(slice_make(text.ptr, digits), WAITERS_MS_MAX, &number))
		return false;
	struct slice unit = slice_skip(text, digits);
	uint64_t factor = slice_equal_text(unit, "ms")                   ? 1
	                  : slice_equal_text(unit, "s") || unit.len == 0 ? 1000
	                  : slice_equal_text(unit, "m")                  ? 60 * 1000
	                                                                 : 0;
	*ms = (int)(number * factor < WAITERS_MS_MAX ? number * factor : WAITERS_MS_MAX);
	return factor > 0;
}

static void keep_id(void *owner, const struct catalogue_mail *m)
{
	snprintf(owner, CATALOGUE_ID_MAX, "%s", m->id);
}

void web_wait_found(struct request *r, const char *id)
{
	answer_mail(r, id);
}

void api_wait(struct request *r)
{
	struct web *w = r->web;
	struct query q;
	const char *timeout = request_query(r, "timeout");
	char id[CATALOGUE_ID_MAX] = "";
	int ms = WAIT_MS;
	if (!web_query(r, &q))
		return;
	q.limit = 1;
	if (*timeout && !read_duration(slice_str(timeout), &ms)) {
		request_error(r, MHD_HTTP_BAD_REQUEST, "timeout: 30s, 500ms or 2m");
	} else if (!catalogue_find(w->catalogue, &q, keep_id, id)) {
		request_error(r, MHD_HTTP_BAD_REQUEST, "this cannot be searched for");
	} else if (*id) {
		answer_mail(r, id);
	} else if (!waiters_add(w->waiters, r, &q, ms)) {
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too many wait already");
	}
}

/* ---- HTML, attachments ---- */

/* The parts of the mail that the request names. False: it is answered. */
static bool open_named(struct request *r, struct opened *o)
{
	struct web_mail mail;
	struct fault why;
	if (!web_find_mail(r, r->parameters[0], &mail)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such mail");
		return false;
	}
	json_decref(mail.json);
	if (open_parts(r->web, &mail, o, &why))
		return true;
	close_parts(o);
	refuse(r, &why);
	return false;
}

void web_html(struct web *w, const struct web_mail *mail, struct buf *html)
{
	struct opened o;
	struct fault ignored;
	if (open_parts(w, mail, &o, &ignored))
		parts_html(&o.parts, html);
	close_parts(&o);
}

/* Nothing of it runs, nothing is loaded, and it is nobody's origin: as a frame, and where somebody opens it by itself. */
static const char mail_policy[] =
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'";

void api_html(struct request *r)
{
	struct opened o;
	struct buf html;
	if (!open_named(r, &o))
		return;
	buf_init(&html, HTML_MAX);
	buf_append_text(&html, "<!doctype html><meta charset=\"utf-8\"><base target=\"_blank\">"
	                       "<style>:root{color-scheme:light}body{font:16px/1.5 "
	                       "system-ui,sans-serif;margin:16px;overflow-wrap:anywhere}"
	                       "img{max-width:100%;height:auto}</style>");
	if (parts_html(&o.parts, &html))
		request_octets(r, "text/html; charset=utf-8", buf_slice(&html));
	else
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "too much to show");
	request_add(r, "Content-Security-Policy", mail_policy);
	buf_release(&html);
	close_parts(&o);
}

/* RFC 6266 and 8187: the name in UTF-8, every octet but letters and digits escaped. */
static void add_disposition(struct request *r, const char *name)
{
	char value[3 * 200 + 64];
	size_t n = (size_t)snprintf(value, sizeof value, "attachment; filename*=UTF-8''");
	for (size_t i = 0; i < 200 && name[i]; i++) {
		unsigned char c = (unsigned char)name[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' ||
		             c == '-' || c == '_';
		n += (size_t)snprintf(value + n, sizeof value - n, plain ? "%c" : "%%%02X", c);
	}
	request_add(r, "Content-Disposition", value);
}

/* Always to be saved, never to be shown: whatever it is, it does not run here. */
void api_attachment(struct request *r)
{
	struct opened o;
	struct buf octets;
	uint64_t index;
	if (!slice_number(slice_str(r->parameters[1]), MIME_TREE_PARTS_MAX, &index)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "attachments have numbers");
		return;
	}
	if (!open_named(r, &o))
		return;
	const struct part *part = parts_attachment(&o.parts, (size_t)index);
	buf_init(&octets, (size_t)2 * MAIL_TEXT_MAX);
	if (!part) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such attachment");
	} else if (!parts_octets(part, &octets)) {
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "memory is out");
	} else {
		request_octets(r, "application/octet-stream", buf_slice(&octets));
		add_disposition(r, *part->name ? part->name : "attachment");
		request_add(r, "Content-Security-Policy", "sandbox; default-src 'none'");
	}
	buf_release(&octets);
	close_parts(&o);
}

/* ---- the source, of any size ---- */

enum { SOURCE_PIECE = 64 * 1024 };

struct source {
	struct glance *glance;
	size_t mail;
	uint64_t at;
	struct mail_text text;
	struct buf pending;
	bool ended;
};

static void read_more(struct source *s)
{
	char octets[SOURCE_PIECE];
	struct fault ignored;
	struct store_span span = { .offset = s->at, .octets = octets, .size = sizeof octets };
	bool ok = glance_read(s->glance, s->mail, &span, &ignored) &&
	          mail_text_push(&s->text, slice_make(octets, span.got), &s->pending);
	s->at += span.got;
	s->ended = !ok || span.got == 0;
	if (s->ended)
		mail_text_finish(&s->text, &s->pending);
}

static ssize_t on_read(void *arg, uint64_t at, char *octets, size_t max)
{
	struct source *s = arg;
	(void)at;
	if (s->pending.len == 0 && !s->ended)
		read_more(s);
	size_t n = s->pending.len < max ? s->pending.len : max;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(octets, s->pending.data, n);
	buf_consume(&s->pending, n);
	return (ssize_t)n;
}

static void on_free(void *arg)
{
	struct source *s = arg;
	glance_close(s->glance);
	buf_release(&s->pending);
	free(s);
}

static struct source *open_source(struct web *w, const struct web_mail *mail, struct fault *why)
{
	struct source *s = calloc(1, sizeof *s);
	fault_set(why, FAULT_TEMPORARY, "memory is out");
	if (!s)
		return NULL;
	s->text.line_begins = true;
	buf_init(&s->pending, (size_t)2 * SOURCE_PIECE);
	s->glance = web_open_mail(w, mail, &s->mail, why);
	if (s->glance)
		return s;
	free(s);
	return NULL;
}

void api_source(struct request *r)
{
	struct web_mail mail;
	struct fault why;
	char name[STORE_UID_MAX + 8];
	if (!web_find_mail(r, r->parameters[0], &mail)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such mail");
		return;
	}
	json_decref(mail.json);
	struct source *s = open_source(r->web, &mail, &why);
	if (!s) {
		refuse(r, &why);
		return;
	}
	bool download = *request_query(r, "download");
	request_response(r, MHD_HTTP_OK,
	                 MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, SOURCE_PIECE, on_read, s, on_free));
	request_add(r, "Content-Type", download ? "message/rfc822" : "text/plain; charset=utf-8");
	request_add(r, "Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'");
	snprintf(name, sizeof name, "%.12s.eml", mail.uid);
	if (download)
		add_disposition(r, name);
}
