/*
 * reply: a row of the table of replies, made into the lines that go out (RFC 5321 section 4.2, RFC 2034 section 4).
 *
 * Fills in the placeholders and adds code, enhanced code and line ends. A text's newline begins the next line of a multi-line reply. Nothing
 * that a peer said can break a line or make it longer than 512 octets. Pure.
 */
#ifndef POSTROOM_PROTOCOL_REPLY_H
#define POSTROOM_PROTOCOL_REPLY_H

#include "base/buf.h"
#include "base/slice.h"
#include "course/replies.h"

enum { REPLY_LINE_MAX = 512 }; /* RFC 5321 section 4.5.3.1.5, RFC 1939 section 3; its end included */

/* What stands for the placeholders. What came from the peer is shown as printable ASCII, other octets as "?". */
struct reply_values {
	const char *domain;     /* %d; NULL is as good as "" */
	const char *text;       /* %t; NULL is as good as "" */
	const char *address;    /* %a; NULL is as good as "" */
	struct slice client;    /* %c, the peer's */
	struct slice sender;    /* %s, the peer's */
	struct slice recipient; /* %r, the peer's */
	bool utf8;       /* sender and recipient are shown as they are: the peer reads UTF-8 (RFC 6531 section 3.5) */
	uint64_t number; /* %n */
};

/* Appends the whole reply, or nothing: false, no room. `enhanced`: the row's enhanced code, where it has one, stands before each line's text. */
bool reply_write(struct buf *out, const struct reply *reply, const struct reply_values *values, bool enhanced);

#endif
