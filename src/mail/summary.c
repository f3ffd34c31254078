/*
 * summary: picks three fields out of a mail's header and makes them fit for a list's line; see summary.h.
 */
#include "mail/summary.h"

#include "mail/date.h"
#include "mail/trace.h"
#include "mail/utf8.h"

#include <stdio.h>

enum { DECODED_MAX = 4 * HEADER_FIELD_MAX };

/* Cut at a character. Nothing at all leaves `to` as it was. */
static void copy(struct slice text, char *to, size_t size)
{
	text = utf8_cut(slice_trim(text), size - 1);
	if (slice_empty(text))
		return;
	for (size_t i = 0; i < text.len; i++)
		to[i] = text.ptr[i] ? text.ptr[i] : '?';
	to[text.len] = '\0';
}

/* The field's text decoded, or as it is where there is no room for that. */
static void copy_decoded(struct slice folded, char *to, size_t size)
{
	struct buf text;
	buf_init(&text, DECODED_MAX);
	copy(header_decode(folded, &text) ? buf_slice(&text) : folded, to, size);
	buf_release(&text);
}

/* The length of what is in quotes or a comment at the front of s, closing sign included; 0: neither begins there. */
static size_t aside(struct slice s)
{
	if (s.ptr[0] != '"' && s.ptr[0] != '(')
		return 0;
	char end = s.ptr[0] == '"' ? '"' : ')';
	size_t depth = 1, i = 1;
	for (; i < s.len && depth > 0; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == end)
			depth--;
		else if (s.ptr[i] == '(' && end == ')')
			depth++;
	}
	return i < s.len ? i : s.len;
}

/* The place of the first of the signs outside quotes and comments, or s.len. */
static size_t find_outside(struct slice s, const char *signs)
{
	size_t i = 0;
	while (i < s.len) {
		size_t skip = aside(slice_skip(s, i));
		if (skip == 0 && s.ptr[i] && strchr(signs, s.ptr[i]))
			return i;
		i += skip > 0 ? skip : 1;
	}
	return s.len;
}

/* `Name <a@b>`: a@b. `a@b (Name)` and `a@b, c@d`: a@b, too. */
static struct slice address_of(struct slice from)
{
	size_t bracket = find_outside(from, "<");
	if (bracket < from.len) {
		struct slice inside = slice_skip(from, bracket + 1);
		return slice_make(inside.ptr, find_outside(inside, ">"));
	}
	while (from.len > 0 && from.ptr[0] == '(')
		from = slice_trim(slice_skip(from, aside(from)));
	size_t comment = slice_find(from, '('), comma = find_outside(from, ",");
	return slice_trim(slice_make(from.ptr, comment < comma ? comment : comma));
}

static size_t last_semicolon(struct slice s)
{
	size_t i = s.len;
	while (i > 0 && s.ptr[i - 1] != ';')
		i--;
	return i;
}

/* A course's line begins with its date; one of RFC 5321 section 4.4 has it behind the last semicolon. */
static void take_received(struct summary *s, const struct header_field *f)
{
	bool course = f->value.len > 0 && f->value.ptr[0] >= '0' && f->value.ptr[0] <= '9';
	size_t date = course ? 0 : last_semicolon(f->folded);
	time_t when;
	char unfolded[SUMMARY_TEXT_MAX] = "";
	if (date == 0) {
		copy(f->value, s->received, sizeof s->received);
		return;
	}
	copy_decoded(slice_skip(f->folded, date), unfolded, sizeof unfolded);
	if (date_parse(slice_str(unfolded), &when))
		trace_course_date(when, s->received, sizeof s->received);
	else
		copy(slice_str(unfolded), s->received, sizeof s->received);
}

/* The first field of a name counts; a place that still holds "" has seen none. */
static void take_field(void *owner, const struct header_field *f)
{
	struct summary *s = owner;
	if (!s->from[0] && slice_equal_text_nocase(f->name, "From")) {
		copy_decoded(address_of(f->folded), s->from, sizeof s->from);
	} else if (!s->received[0] && slice_equal_text_nocase(f->name, "Received")) {
		take_received(s, f);
	} else if (!s->subject[0] && slice_equal_text_nocase(f->name, "Subject")) {
		copy_decoded(f->folded, s->subject, sizeof s->subject);
		copy_decoded(f->value, s->one_line_subject, sizeof s->one_line_subject);
	}
}

void summary_init(struct summary *s)
{
	*s = (struct summary){ .from = "" };
	header_parser_init(&s->parser, take_field, s);
}

void summary_release(struct summary *s)
{
	header_parser_release(&s->parser);
}

void summary_push(struct summary *s, const char *octets, size_t n)
{
	header_parser_push(&s->parser, octets, n);
}

void summary_finish(struct summary *s)
{
	static const struct slice none = { .ptr = "-", .len = 1 };
	header_parser_finish(&s->parser);
	if (!s->parser.empty_line)
		memcpy(s->subject, s->one_line_subject, sizeof s->subject);
	if (!s->from[0])
		copy(none, s->from, sizeof s->from);
	if (!s->received[0])
		copy(none, s->received, sizeof s->received);
	if (!s->subject[0])
		copy(none, s->subject, sizeof s->subject);
}
