/*
 * pop3_top: line by line through the header, then counting lines. See pop3_top.h.
 */
#include "protocol/pop3_top.h"

#include "mail/header.h"

enum part {
	FIRST_LINE,  /* at the start of the mail */
	HEADER_LINE, /* at the start of a line behind a field */
	FIELD_REST,  /* in a line of the header */
	BODY,
};

void pop3_top_init(struct pop3_top *t, uint64_t lines)
{
	*t = (struct pop3_top){ .lines_left = lines, .part = FIRST_LINE };
}

/* Adds octets to the line's beginning, up to the one that tells what line it is. Returns how many; *told: it is among them. */
static size_t hold(struct pop3_top *t, struct slice octets, bool *told)
{
	size_t n = 0;
	*told = false;
	while (n < octets.len && !*told) {
		char c = octets.ptr[n++];
		t->held[t->held_len++] = c;
		*told = c == ':' || c == '\n' || t->held_len == sizeof t->held ||
		        (t->held_len == 1 && slice_is_blank(c));
	}
	return n;
}

static bool is_empty_line(struct slice line)
{
	return slice_equal_text(line, "\n") || slice_equal_text(line, "\r\n");
}

static enum part judge(const struct pop3_top *t)
{
	struct slice line = slice_make(t->held, t->held_len);
	if (is_empty_line(line))
		return BODY;
	if (t->part == HEADER_LINE && slice_is_blank(line.ptr[0]))
		return FIELD_REST;
	return header_is_field(line) ? FIELD_REST : BODY;
}

/* Gives out a line's beginning, now that it is known what it is. */
static void give_held(struct pop3_top *t, void (*out)(void *owner, const char *octets, size_t n), void *owner)
{
	struct slice held = slice_make(t->held, t->held_len);
	t->part = judge(t);
	t->held_len = 0;
	if (t->part == BODY && !is_empty_line(held)) {
		t->over = t->lines_left == 0;
		if (!t->over && held.ptr[held.len - 1] == '\n')
			t->lines_left--;
	}
	if (!t->over)
		out(owner, held.ptr, held.len);
}

/* To the line's end, or as far as it goes. */
static size_t give_rest(struct pop3_top *t, struct slice octets, void (*out)(void *owner, const char *octets, size_t n),
                        void *owner)
{
	size_t end = slice_find(octets, '\n');
	bool whole = end < octets.len;
	if (t->part == BODY)
		t->lines_left -= whole;
	else if (whole)
		t->part = HEADER_LINE;
	out(owner, octets.ptr, end + whole);
	return end + whole;
}

void pop3_top_push(struct pop3_top *t, struct slice octets, void (*out)(void *owner, const char *octets, size_t n),
                   void *owner)
{
	bool told;
	while (octets.len > 0 && !t->over) {
		size_t n = 0;
		if (t->part == BODY && t->lines_left == 0) {
			t->over = true;
		} else if (t->part == BODY || t->part == FIELD_REST) {
			n = give_rest(t, octets, out, owner);
		} else {
			n = hold(t, octets, &told);
			if (told)
				give_held(t, out, owner);
		}
		octets = slice_skip(octets, n);
	}
}

void pop3_top_finish(struct pop3_top *t, void (*out)(void *owner, const char *octets, size_t n), void *owner)
{
	if (t->held_len > 0)
		give_held(t, out, owner);
}
