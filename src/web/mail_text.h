/*
 * mail_text: a mail out of a mailbox as it was sent, LF line ends: a leading full stop that the store doubled is single again.
 */
#ifndef POSTROOM_WEB_MAIL_TEXT_H
#define POSTROOM_WEB_MAIL_TEXT_H

#include "base/buf.h"
#include "store/glance.h"

enum {
	MAIL_TEXT_MAX = 64 * 1024 * 1024
}; /* octets of a mail that is taken apart; of a larger one its source is all there is */

/* Octets in pieces, in order, into `out`. Begins as { .line_begins = true }. */
struct mail_text {
	bool line_begins;
	bool stop; /* the line begins with a full stop, and the next octet decides */
};
bool mail_text_push(struct mail_text *t, struct slice stored, struct buf *out);
/* The last piece is in. */
bool mail_text_finish(struct mail_text *t, struct buf *out);

/* Appends the first `max` octets, or all. False with why. */
bool mail_text_read(const struct glance *g, size_t i, size_t max, struct buf *out, struct fault *why);

#endif
