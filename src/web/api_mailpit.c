/*
 * api_mailpit: the paths of Mailpit's /api/v1 that test helpers use most, in its own names, so that they work here, too.
 */
#include <stdio.h>

#include "web/web.h"

enum { STANDARD = 50, MAX = 1000 };

/* "Ann <ann@x.org>" as { Name, Address }. */
static json_t *address_json(const char *text)
{
	const char *open = strrchr(text, '<');
	if (!open)
		return json_pack("{s:s, s:s}", "Name", "", "Address", text);
	size_t name = (size_t)(open - text), address = strcspn(open + 1, ">");
	while (name > 0 && (text[name - 1] == ' ' || text[name - 1] == '"'))
		name--;
	size_t skip = text[0] == '"' && name > 0 ? 1 : 0;
	return json_pack("{s:s%, s:s%}", "Name", text + skip, name - skip, "Address", open + 1, address);
}

/* Several, divided by commas outside of quotation marks. */
static json_t *addresses_json(const char *text)
{
	json_t *array = json_array();
	char one[1024];
	while (*text) {
		bool quoted = false;
		size_t n = 0;
		while (text[n] && (quoted || text[n] != ',')) {
			quoted = text[n] == '"' ? !quoted : quoted;
			n++;
		}
		snprintf(one, sizeof one, "%.*s", (int)(n < sizeof one ? n : sizeof one - 1), text);
		json_array_append_new(array, address_json(one));
		text += n;
		text += strspn(text, ", ");
	}
	return array;
}

static const char *string_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "";
}

static json_t *summary_json(const json_t *m)
{
	return json_pack("{s:s, s:o, s:o, s:[], s:[], s:s, s:s, s:O, s:O, s:s, s:b, s:[]}", "ID", string_of(m, "id"),
	                 "From", address_json(string_of(m, "from")), "To", addresses_json(string_of(m, "to")), "Cc",
	                 "Bcc", "Subject", string_of(m, "subject"), "Created", string_of(m, "received"), "Size",
	                 json_object_get(m, "octets"), "Attachments", json_object_get(m, "attachments"), "Snippet",
	                 string_of(m, "snippet"), "Read", 0, "Tags");
}

static void add_summary(void *owner, const struct catalogue_mail *mail)
{
	json_t *m = web_mail_json(mail);
	json_array_append_new(owner, summary_json(m));
	json_decref(m);
}

static void list(struct request *r, const char *text)
{
	struct web *w = r->web;
	struct query q = { .only = r->user, .text = text };
	json_t *array = json_array();
	json_int_t total = (json_int_t)catalogue_count(w->catalogue, &(struct query){ .only = r->user });
	q.limit = (size_t)request_number(r, "limit", STANDARD, MAX);
	q.offset = (size_t)request_number(r, "start", 0, 1000 * 1000 * 1000);
	catalogue_find(w->catalogue, &q, add_summary, array);
	size_t start = q.offset;
	q.limit = q.offset = 0;
	json_int_t found = *text ? (json_int_t)catalogue_count(w->catalogue, &q) : total;
	request_json(r, MHD_HTTP_OK,
	             json_pack("{s:I, s:I, s:I, s:I, s:I, s:[], s:o}", "total", total, "unread", total, "count",
	                       (json_int_t)json_array_size(array), "messages_count", found, "start", (json_int_t)start,
	                       "tags", "messages", array));
}

void mailpit_messages(struct request *r)
{
	list(r, "");
}

void mailpit_search(struct request *r)
{
	list(r, request_query(r, "query"));
}

void mailpit_info(struct request *r)
{
	struct web *w = r->web;
	const struct query all = { .only = r->user };
	request_json(r, MHD_HTTP_OK,
	             json_pack("{s:s, s:I}", "Version", "Postroom " POSTROOM_VERSION, "Messages",
	                       (json_int_t)catalogue_count(w->catalogue, &all)));
}

static json_t *attachments_json(const json_t *m)
{
	json_t *array = json_array(), *a;
	size_t i;
	json_array_foreach(json_object_get(m, "attachment_list"), i, a)
	{
		char part[32];
		snprintf(part, sizeof part, "%zu", i);
		json_array_append_new(array,
		                      json_pack("{s:s, s:s, s:s, s:s, s:O}", "PartID", part, "FileName",
		                                string_of(a, "name"), "ContentType", string_of(a, "type"), "ContentID",
		                                string_of(a, "cid"), "Size", json_object_get(a, "octets")));
	}
	return array;
}

void mailpit_message(struct request *r)
{
	struct web_mail mail;
	struct fault why;
	if (!web_find_mail(r, r->parameters[0], &mail)) {
		request_error(r, MHD_HTTP_NOT_FOUND, "there is no such mail");
		return;
	}
	json_t *m = web_whole_mail(r->web, &mail, &why);
	if (!m) {
		request_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, why.text);
		return;
	}
	json_t *json = summary_json(m);
	json_object_set(json, "Date", json_object_get(m, "received"));
	json_object_set(json, "Text", json_object_get(m, "text"));
	json_object_set_new(json, "Attachments", attachments_json(m));
	struct buf html;
	buf_init(&html, (size_t)32 * 1024 * 1024);
	web_html(r->web, &mail, &html);
	json_object_set_new(json, "HTML", json_stringn(html.len ? html.data : "", html.len));
	buf_release(&html);
	json_decref(m);
	request_json(r, MHD_HTTP_OK, json);
}

/* {"IDs": […]}; without: everything. */
void mailpit_delete(struct request *r)
{
	json_t *body = request_body(r), *ids = json_object_get(body, "IDs");
	const struct query all = { .only = r->user };
	bool some = json_is_array(ids) && json_array_size(ids) > 0;
	json_t *which = some ? json_incref(ids) : web_found_ids(r->web, &all);
	json_decref(body);
	web_delete(r, which);
}

void mailpit_delete_found(struct request *r)
{
	const struct query q = { .only = r->user, .text = request_query(r, "query") };
	if (*q.text)
		web_delete(r, web_found_ids(r->web, &q));
	else
		request_error(r, MHD_HTTP_BAD_REQUEST, "query is missing");
}
