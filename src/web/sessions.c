/*
 * sessions: see sessions.h.
 */
#include "web/sessions.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "web/dialogue.h"
#include "web/text.h"

enum { LIST_MAX = 8 * 1024, PROTOCOL_MAX = 16, PEER_MAX = 64 };

/* One under way. */
struct live {
	uint64_t number; /* the mail process's */
	int64_t row;
	int64_t began;
	char protocol[PROTOCOL_MAX];
	char peer[PEER_MAX];
	struct buf users; /* lists */
	struct buf recipients;
	int64_t mails;
	int64_t errors;
	struct buf dialogue;
	uint64_t unsaid; /* lines for which there was no room */
	struct live *next;
};

struct sessions {
	struct catalogue *catalogue;
	struct live *live;
	size_t count;
};

struct sessions *sessions_new(struct catalogue *c)
{
	struct sessions *s = calloc(1, sizeof *s);
	if (s)
		s->catalogue = c;
	return s;
}

static void free_live(struct live *l)
{
	buf_release(&l->users);
	buf_release(&l->recipients);
	buf_release(&l->dialogue);
	free(l);
}

static struct live **find(struct sessions *s, uint64_t number)
{
	struct live **at = &s->live;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

/* ---- what happens ---- */

static bool in_list(struct slice list, struct slice member)
{
	struct slice one;
	while (message_list_next(&list, &one)) {
		if (slice_equal(one, member))
			return true;
	}
	return false;
}

static void add_to_list(struct buf *list, struct slice member)
{
	if (member.len == 0 || slice_has(member, '\n') || in_list(buf_slice(list), member) ||
	    list->len + member.len + 1 > LIST_MAX)
		return;
	text_utf8(member, list);
	buf_append_char(list, '\n');
}

static void open_session(struct sessions *s, const struct message *m)
{
	struct live *l = s->count < SESSIONS_LIVE_MAX ? calloc(1, sizeof *l) : NULL;
	if (!l)
		return;
	l->number = m->numbers[0];
	l->began = (int64_t)m->numbers[1];
	l->row = catalogue_new_session(s->catalogue);
	snprintf(l->protocol, sizeof l->protocol, "%.*s", SLICE_FMT(m->texts[0]));
	snprintf(l->peer, sizeof l->peer, "%.*s", SLICE_FMT(m->texts[1]));
	buf_init(&l->users, (size_t)4 * LIST_MAX);
	buf_init(&l->recipients, (size_t)4 * LIST_MAX);
	buf_init(&l->dialogue, DIALOGUE_MAX);
	l->next = s->live;
	s->live = l;
	s->count++;
}

static struct catalogue_session as_row(struct live *l, int64_t ended, const char *why)
{
	/* Lists end in a line end, and in a NUL for SQLite. */
	buf_append_char(&l->users, '\0');
	buf_append_char(&l->recipients, '\0');
	const struct catalogue_session row = {
		.row = l->row,
		.protocol = l->protocol,
		.peer = l->peer,
		.why = why,
		.users = l->users.data ? l->users.data : "",
		.recipients = l->recipients.data ? l->recipients.data : "",
		.began = l->began,
		.ended = ended,
		.mails = l->mails,
		.errors = l->errors,
		.dialogue = buf_slice(&l->dialogue),
	};
	if (l->users.len > 0)
		l->users.len--;
	if (l->recipients.len > 0)
		l->recipients.len--;
	return row;
}

static void end_session(struct sessions *s, struct live **at, int64_t ended, struct slice why)
{
	struct live *l = *at;
	char text[128];
	snprintf(text, sizeof text, "%.*s", (int)(why.len < 100 ? why.len : 100), why.len ? why.ptr : "");
	const struct catalogue_session row = as_row(l, ended, text);
	catalogue_save_session(s->catalogue, &row);
	*at = l->next;
	s->count--;
	free_live(l);
}

/* A recipient as the client named it, taken or not. */
static void note_recipient(struct live *l, struct slice line)
{
	if (!slice_starts_nocase(line, "RCPT TO:"))
		return;
	line = slice_skip(line, slice_find(line, '<') + 1);
	add_to_list(&l->recipients, slice_make(line.ptr, slice_find(line, '>')));
}

static bool is_refusal(struct slice line)
{
	return slice_starts_nocase(line, "-ERR") ||
	       (line.len > 3 && (line.ptr[0] == '4' || line.ptr[0] == '5') && line.ptr[3] == ' ');
}

static void note(struct live *l, const struct message *m)
{
	if (m->type == MESSAGE_LINE && m->numbers[2] == 'C')
		note_recipient(l, m->texts[0]);
	else if (m->type == MESSAGE_LINE && is_refusal(m->texts[0]))
		l->errors++;
	else if (m->type == MESSAGE_LOGGED_IN)
		add_to_list(&l->users, m->texts[0]);
	else if (m->type == MESSAGE_DELIVERED) {
		add_to_list(&l->users, m->texts[0]);
		l->mails++;
	}
	if (m->type != MESSAGE_DELIVERED && !dialogue_add(&l->dialogue, m))
		l->unsaid++;
}

int64_t sessions_take(struct sessions *s, const struct message *m)
{
	if (m->type < MESSAGE_OPENED || m->type > MESSAGE_DELIVERED)
		return 0;
	if (m->type == MESSAGE_OPENED)
		open_session(s, m);
	struct live **at = find(s, m->numbers[0]);
	if (!*at)
		return 0;
	int64_t row = (*at)->row;
	if (m->type != MESSAGE_OPENED)
		note(*at, m);
	if (m->type == MESSAGE_ENDED)
		end_session(s, at, (int64_t)m->numbers[1], m->texts[0]);
	return row;
}

size_t sessions_live(const struct sessions *s)
{
	return s->count;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	while (s->live)
		end_session(s, &s->live, text_now(), slice_str("the mail process has ended"));
	free(s);
}

/* ---- as JSON ---- */

static json_t *list_json(const char *list)
{
	json_t *array = json_array();
	struct slice rest = slice_str(list), member;
	while (message_list_next(&rest, &member))
		json_array_append_new(array, json_stringn(member.ptr, member.len));
	return array;
}

static json_t *row_json(const struct catalogue_session *r)
{
	char began[TEXT_TIME_SIZE], ended[TEXT_TIME_SIZE];
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:b}", "id", (json_int_t)r->row, "protocol",
	                         r->protocol, "peer", r->peer, "began", text_time(r->began, began), "users",
	                         list_json(r->users), "recipients", list_json(r->recipients), "mails",
	                         (json_int_t)r->mails, "errors", (json_int_t)r->errors, "live", r->ended == 0);
	if (json && r->ended)
		json_object_set_new(json, "ended", json_string(text_time(r->ended, ended)));
	if (json && *r->why)
		json_object_set_new(json, "why", json_string(r->why));
	return json;
}

static void append(void *owner, const struct catalogue_session *r)
{
	json_array_append_new(owner, row_json(r));
}

static bool concerns(const struct live *l, const char *user)
{
	return !*user || in_list(buf_slice(&l->users), slice_str(user));
}

json_t *sessions_list(const struct sessions *s, const char *user, int64_t before, size_t limit)
{
	json_t *array = json_array();
	for (struct live *l = before ? NULL : s->live; l; l = l->next) {
		if (concerns(l, user)) {
			const struct catalogue_session row = as_row(l, 0, "");
			append(array, &row);
		}
	}
	size_t live = json_array_size(array);
	catalogue_sessions(s->catalogue, user, before, limit, append, array);
	size_t count = json_array_size(array);
	json_t *json = json_pack("{s:O}", "sessions", array);
	if (json && count - live == limit)
		json_object_set(json, "next", json_object_get(json_array_get(array, count - 1), "id"));
	json_decref(array);
	return json;
}

static void give_one(void *owner, const struct catalogue_session *r)
{
	json_t **json = owner;
	*json = row_json(r);
	json_object_set_new(*json, "lines", dialogue_json(r->dialogue, r->began));
}

struct asking {
	const char *user;
	json_t *json;
};

static void give_if_mine(void *owner, const struct catalogue_session *r)
{
	struct asking *a = owner;
	if (!*a->user || in_list(slice_str(r->users), slice_str(a->user)))
		give_one(&a->json, r);
}

json_t *sessions_one(const struct sessions *s, const char *user, int64_t row)
{
	struct asking a = { .user = user };
	for (struct live *l = s->live; l; l = l->next) {
		if (l->row == row && concerns(l, user)) {
			const struct catalogue_session r = as_row(l, 0, "");
			give_one(&a.json, &r);
			return a.json;
		}
	}
	catalogue_session(s->catalogue, row, give_if_mine, &a);
	return a.json;
}
