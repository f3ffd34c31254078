/*
 * mime_header: fields, in the order in which they are read. See mime_header.h.
 */
#include "client/mime_header.h"

#include "terminal/visible.h"
#include "mail/header.h"

enum { DECODED_MAX = 4 * HEADER_FIELD_MAX };

static const struct shown {
	const char *name;
	bool addresses;
} shown[] = {
	{ "From", true },  { "To", true },       { "Cc", true },
	{ "Date", false }, { "Subject", false }, { "Received", false },
};

enum { SHOWN = sizeof shown / sizeof shown[0], RECEIVED = SHOWN - 1 };

struct reading {
	struct buf values[SHOWN]; /* decoded */
	bool full;
};

bool mime_header_line(struct slice foreign, struct buf *out)
{
	struct visible v;

	visible_init(&v, VISIBLE_LINE, NULL);
	return visible_push(&v, foreign, out) && visible_finish(&v, out);
}

/* The length of the quoted string at the front, its quotes included; all of it where its end is missing. */
static size_t quoted(struct slice s)
{
	size_t i = 1;

	while (i < s.len && s.ptr[i] != '"')
		i += s.ptr[i] == '\\' ? 2 : 1;
	return i < s.len ? i + 1 : s.len;
}

/* As it is, on one line. */
static bool put_unfolded(struct slice s, struct buf *out)
{
	while (s.len > 0) {
		size_t n = slice_find(s, '\n');
		if (!buf_append(out, s.ptr, n))
			return false;
		s = slice_skip(s, n + 1);
	}
	return true;
}

/* RFC 2047 section 5 (3): an encoded word never stands within a quoted string. */
static bool decode_addresses(struct slice value, struct buf *out)
{
	while (value.len > 0) {
		size_t n = value.ptr[0] == '"' ? quoted(value) : slice_find(value, '"');
		struct slice piece = slice_make(value.ptr, n);
		if (value.ptr[0] == '"' ? !put_unfolded(piece, out) : !header_decode(piece, out))
			return false;
		value = slice_skip(value, n);
	}
	return true;
}

/* The servers' own Received lines say how a mail came; a course's says when. */
static bool is_wanted(size_t which, struct slice value)
{
	return which != RECEIVED || (value.len > 0 && value.ptr[0] >= '0' && value.ptr[0] <= '9');
}

static void take_field(void *owner, const struct header_field *f)
{
	struct reading *r = owner;

	for (size_t i = 0; i < SHOWN; i++) {
		struct buf *to = &r->values[i];
		if (to->len > 0 || !slice_equal_text_nocase(f->name, shown[i].name) || !is_wanted(i, f->value))
			continue;
		bool ok = shown[i].addresses ? decode_addresses(f->folded, to) : header_decode(f->folded, to);
		r->full = r->full || !ok;
	}
}

static bool put_lines(const struct reading *r, struct buf *out)
{
	for (size_t i = 0; i < SHOWN; i++) {
		if (r->values[i].len == 0)
			continue;
		if (!buf_printf(out, "%s: ", shown[i].name) || !mime_header_line(buf_slice(&r->values[i]), out) ||
		    !buf_append_char(out, '\n'))
			return false;
	}
	return true;
}

bool mime_header_show(struct slice mail, struct buf *out)
{
	struct reading r = { .full = false };
	struct header_parser parser;

	for (size_t i = 0; i < SHOWN; i++)
		buf_init(&r.values[i], DECODED_MAX);
	header_parser_init(&parser, take_field, &r);
	header_parser_push(&parser, mail.ptr, mail.len);
	header_parser_finish(&parser);
	header_parser_release(&parser);
	bool ok = !r.full && !parser.lacking && put_lines(&r, out);
	for (size_t i = 0; i < SHOWN; i++)
		buf_release(&r.values[i]);
	return ok;
}
