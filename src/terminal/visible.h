/*
 * visible: text from mails and servers, made harmless for a terminal.
 *
 * Control characters (C0, DEL, C1 also in their UTF-8 form), the marks that turn the reading direction and bytes that
 * are no UTF-8 come out as text, the way less(1) writes them: ^[ for ESC, <U+009B>, <U+202E>, <FF>. Everything else
 * stays, but for what a terminal with a set of its own has no place for, <U+2026>. A pure push filter: any cut of the input gives the same output. Widths are those of wcwidth(3) in a UTF-8
 * locale.
 */
#ifndef POSTROOM_TERMINAL_VISIBLE_H
#define POSTROOM_TERMINAL_VISIBLE_H

#include "base/buf.h"
#include "base/slice.h"
#include "terminal/local_set.h"

enum visible_mode {
	VISIBLE_TEXT, /* tabs and newlines stay, as in a mail */
	VISIBLE_LINE, /* one line, as in a list: a tab becomes a blank, a newline ^J */
};

enum { VISIBLE_GROWTH = 4 }; /* one octet becomes at most so many */

struct visible {
	enum visible_mode mode;
	struct local_set *set; /* the caller's; what it has no place for is written as <U+…>. NULL: UTF-8 */
	char partial[4];       /* a UTF-8 sequence under way */
	size_t partial_len;
};

void visible_init(struct visible *v, enum visible_mode mode, struct local_set *set);
/* Appends the visible form; false: no room in out. */
bool visible_push(struct visible *v, struct slice text, struct buf *out);
/* The text is over; a sequence that was cut off comes out as bytes. */
bool visible_finish(struct visible *v, struct buf *out);

/* The columns that already visible text takes on a terminal. */
size_t visible_width(struct slice text);
/* How many of its octets fit into so many columns; characters stay whole, combining ones stay with theirs. */
size_t visible_fit(struct slice text, size_t columns);

#endif
