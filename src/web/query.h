/*
 * query: which mails are meant: filters, and what a person typed into the search field, as SQLite's full text search wants it. Pure.
 */
#ifndef POSTROOM_WEB_QUERY_H
#define POSTROOM_WEB_QUERY_H

#include "base/buf.h"

enum {
	QUERY_TEXT_MAX = 1000, /* octets of what a person typed */
	QUERY_MATCH_MAX = 16 * 1024,
};

/* "" and 0: anything. */
struct query {
	const char *only; /* the one inbox that this user may see */
	const char *inbox;
	const char *to; /* an address of the envelope, or of To and Cc; without its +tag it finds those with one, too */
	const char *tag;     /* "news" of ann+news@x.org */
	const char *login;   /* SMTP login */
	const char *from;    /* a part of From */
	const char *subject; /* a part of the subject */
	const char *text;    /* what a person typed: words, "phrases", from:, to:, subject:, -without */
	int64_t since;       /* ms since 1970 */
	int64_t before_when; /* where the page before ended: its last mail's time and row */
	int64_t before_row;
	int64_t row; /* this one alone */
	size_t offset;
	size_t limit;
};

/* Appends what has to match and what must not, each as an expression of FTS5, "" for nothing. False: too long. */
bool query_match(struct slice text, struct buf *match, struct buf *without);

#endif
