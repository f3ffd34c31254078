/*
 * compose: a mail as it is typed, read to its end and then checked.
 *
 * The form is the courses': `From: X@Y`, `To: X@Y`, `Subject: …`, in that order, then the body up to a line with only
 * a full stop. There is no editing: what is not in this form is thrown away as a whole. It sends nothing.
 */
#ifndef POSTROOM_CLIENT_COMPOSE_H
#define POSTROOM_CLIENT_COMPOSE_H

#include "client/prompt.h"

enum { COMPOSE_MAX = 64 * 1024 * 1024 }; /* octets of a typed mail */

enum compose_result {
	COMPOSE_OK,
	COMPOSE_WRONG_FORMAT,
	COMPOSE_TOO_BIG,
	COMPOSE_END, /* the input ended before the full stop */
};

struct compose_mail {
	struct buf from; /* X@Y */
	struct buf to;
	struct buf text; /* the three header lines and the body, LF line ends, nothing stuffed */
};

void compose_init(struct compose_mail *m);
void compose_release(struct compose_mail *m);

/* Reads up to the full stop, whatever comes, into `typed` (each line with its LF, the full stop left out). Blocks. */
enum compose_result compose_read(struct prompt *p, struct buf *typed);

/* Checks what was typed and makes the mail of it; a subject has at most `subject_max` characters. Pure. */
enum compose_result compose_check(struct slice typed, unsigned subject_max, struct compose_mail *m);

#endif
