/*
 * dialogue: packets with their length before them, read again when somebody looks. See dialogue.h.
 */
#include "web/dialogue.h"

#include "protocol/explain.h"
#include "web/text.h"

bool dialogue_add(struct buf *dialogue, const struct message *m)
{
	struct buf packet;
	buf_init(&packet, MESSAGE_MAX);
	bool ok = message_encode(m, &packet);
	uint32_t len = (uint32_t)packet.len;
	size_t before = dialogue->len;
	ok = ok && buf_append(dialogue, &len, sizeof len) && buf_append_slice(dialogue, buf_slice(&packet));
	if (!ok)
		dialogue->len = before;
	buf_release(&packet);
	return ok;
}

static bool next(struct slice *rest, struct message *m)
{
	uint32_t len;
	if (rest->len < sizeof len)
		return false;
	memcpy(&len, rest->ptr, sizeof len);
	*rest = slice_skip(*rest, sizeof len);
	bool ok = len <= rest->len && message_decode(m, slice_make(rest->ptr, len));
	*rest = slice_skip(*rest, len);
	return ok;
}

/* ---- JSON ---- */

struct telling {
	json_t *lines;
	struct explain explain;
	int64_t began;
};

static json_t *text_json(struct slice text)
{
	struct buf utf8;
	buf_init(&utf8, (size_t)4 * MESSAGE_MAX);
	text_utf8(text, &utf8);
	json_t *json = json_stringn(utf8.len ? utf8.data : "", utf8.len);
	buf_release(&utf8);
	return json;
}

/* A line with what is said about it; `explanation` may be empty. */
static json_t *tell(struct telling *t, int64_t when, const char *side, struct slice text, struct slice explanation)
{
	char time[TEXT_TIME_SIZE];
	json_t *line = json_pack("{s:s, s:I, s:s, s:o}", "time", text_time(when, time), "after",
	                         (json_int_t)(when - t->began), "side", side, "text", text_json(text));
	if (explanation.len > 0)
		json_object_set_new(line, "explanation", text_json(explanation));
	json_array_append_new(t->lines, line);
	return line;
}

static void tell_line(struct telling *t, const struct message *m)
{
	bool client = m->numbers[2] == 'C', cut = m->numbers[4] & MESSAGE_LINE_SECRET,
	     body = m->numbers[4] & MESSAGE_LINE_BODY;
	struct slice text = m->texts[0], said;
	if (!client)
		said = explain_server(&t->explain, text);
	else if (body)
		said = explain_text(&t->explain, text);
	else
		said = explain_client(&t->explain, text, cut);
	json_t *line = tell(t, (int64_t)m->numbers[1], client ? "client" : "server", text, said);
	json_object_set_new(line, "octets", json_integer((json_int_t)m->numbers[3]));
	if (cut)
		json_object_set_new(line, "secret", json_true());
}

static void tell_text(struct telling *t, const struct message *m)
{
	json_t *line = tell(t, (int64_t)m->numbers[1], m->numbers[2] == 'C' ? "client" : "server", slice_make("", 0),
	                    slice_make("", 0));
	json_object_set_new(line, "octets", json_integer((json_int_t)m->numbers[3]));
	json_object_set_new(line, "lines", json_integer((json_int_t)m->numbers[4]));
	json_object_set_new(line, "mail", json_true());
}

static void tell_note(struct telling *t, int64_t when, const char *note, struct slice detail, struct slice explanation)
{
	struct buf text;
	buf_init(&text, (size_t)2 * MESSAGE_MAX);
	buf_printf(&text, "%s%s%.*s", note, detail.len ? " " : "", SLICE_FMT(detail));
	tell(t, when, "note", buf_slice(&text), explanation);
	buf_release(&text);
}

static void tell_one(struct telling *t, const struct message *m)
{
	int64_t when = (int64_t)m->numbers[1];
	if (m->type == MESSAGE_LINE)
		tell_line(t, m);
	else if (m->type == MESSAGE_TEXT)
		tell_text(t, m);
	else if (m->type == MESSAGE_SECURED)
		tell_note(t, when, "TLS begins:", m->texts[0], m->texts[1]);
	else if (m->type == MESSAGE_LOGGED_IN)
		tell_note(t, when, "Logged in:", m->texts[0], slice_make("", 0));
	else if (m->type == MESSAGE_ENDED)
		tell_note(t, when, m->texts[0].len ? "The session ends:" : "The session ends.", m->texts[0],
		          explain_note(&t->explain));
}

json_t *dialogue_json(struct slice dialogue, int64_t began)
{
	struct telling t = { .lines = json_array(), .began = began };
	struct message m;
	explain_init(&t.explain, NULL, 0);
	tell_note(&t, began, "The client connects.", slice_make("", 0), explain_note(&t.explain));
	while (next(&dialogue, &m))
		tell_one(&t, &m);
	explain_release(&t.explain);
	return t.lines;
}
