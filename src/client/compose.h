/*
 * compose: a mail as it is typed, read to its end and then checked.
 *
 * The form is the courses': `From: X@Y`, `To: X@Y` (of several, commas between, where the rules allow it), `Subject: …`,
 * in that order, then the body up to a line with only a full stop. There is no editing: what is not in this form is thrown away as a whole. It sends nothing.
 */
#ifndef POSTROOM_CLIENT_COMPOSE_H
#define POSTROOM_CLIENT_COMPOSE_H

#include "client/prompt.h"

enum {
	COMPOSE_MAX = 64 * 1024 * 1024, /* octets of a typed mail */
	COMPOSE_RECIPIENTS_MAX = 100,   /* a server takes as many (RFC 5321 section 4.5.3.1.8) */
};

struct compose_rules {
	unsigned subject_max;    /* characters */
	unsigned recipients_max; /* at most COMPOSE_RECIPIENTS_MAX */
};

enum compose_result {
	COMPOSE_OK,
	COMPOSE_WRONG_FORMAT,
	COMPOSE_TOO_BIG,
	COMPOSE_END, /* the input ended before the full stop */
};

struct compose_mail {
	struct buf from;                                 /* X@Y */
	struct buf to;                                   /* X@Y, X@Y */
	struct slice recipients[COMPOSE_RECIPIENTS_MAX]; /* parts of `to` */
	size_t recipients_len;
	struct slice subject; /* parts of what was typed */
	struct slice body;
	struct buf text; /* the three header lines and the body, LF line ends, nothing stuffed */
};

void compose_init(struct compose_mail *m);
void compose_release(struct compose_mail *m);

/* Reads up to the full stop, whatever comes, into `typed` (each line with its LF, the full stop left out). Blocks. */
enum compose_result compose_read(struct prompt *p, struct buf *typed);

/* Checks what was typed and makes the mail of it. Pure. */
enum compose_result compose_check(struct slice typed, const struct compose_rules *rules, struct compose_mail *m);

#endif
