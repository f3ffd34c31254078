/*
 * header: a push parser for the header of a stored message (LF line ends; a CR before an LF is passed over).
 *
 * Bytes go in as they come; fields come out whole, through a callback. It ends at an empty line or, as the courses'
 * mails have no empty line, at the first line that is neither `Name: …` nor a continuation. Pure; memory is bounded by
 * HEADER_FIELD_MAX (longer fields come out cut).
 */
#ifndef POSTROOM_MAIL_HEADER_H
#define POSTROOM_MAIL_HEADER_H

#include "base/buf.h"
#include "base/slice.h"

enum { HEADER_FIELD_MAX = 64 * 1024 };

struct header_field {
	struct slice name;  /* "Subject" */
	struct slice value; /* first line's value, blanks trimmed */
	struct slice
	        folded; /* the whole value with its continuation lines, line ends kept as LF, blanks trimmed at both ends */
};

struct header_parser {
	struct buf line; /* the field under way */
	void (*field)(void *owner, const struct header_field *);
	void *owner;
	bool ended;      /* the header is over: what is pushed from now on is passed over */
	bool lacking;    /* memory was out: a field was not given */
	bool empty_line; /* it ended at an empty line, which belongs to neither header nor body */
	size_t octets;   /* of the header so far, the lines of all its fields */
	/* the parser's own state follows */
	struct buf pending;    /* the line under way; a field's first part while `line` holds the lines before */
	size_t pending_octets; /* all of it, whatever was cut, with its line end */
	bool field_under_way;
};

void header_parser_init(struct header_parser *h, void (*field)(void *owner, const struct header_field *), void *owner);
void header_parser_release(struct header_parser *h);
/* Takes any cut of the message; after the end further octets are passed over. */
void header_parser_push(struct header_parser *h, const char *octets, size_t n);
/* The message is over. */
void header_parser_finish(struct header_parser *h);

/* Whether a line (without its end) is a field's first line: `Name:`, Name of printable ASCII without blank and colon. */
bool header_is_field(struct slice line);

/* The value as a reader sees it: unfolded (RFC 5322 section 2.2.3) and its encoded words decoded to UTF-8 (RFC 2047, through
 * iconv; what cannot be decoded stays as it is). Appends to `out`; false: it is full or memory is out. A charset other than UTF-8,
 * ASCII and ISO-8859-1 may make iconv read its tables from disk. */
bool header_decode(struct slice folded, struct buf *out);
/* Characters of UTF-8 text; a byte that is not UTF-8 counts as one. */
size_t header_characters(struct slice utf8);

#endif
