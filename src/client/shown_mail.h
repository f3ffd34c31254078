/*
 * shown_mail: a text on its way from a server to the screen.
 *
 * It is kept until it is whole, so that nothing else comes between its lines; a large one is printed while it still
 * comes. Escaping is the screen's.
 */
#ifndef POSTROOM_CLIENT_SHOWN_MAIL_H
#define POSTROOM_CLIENT_SHOWN_MAIL_H

#include "client/progress.h"
#include "client/screen.h"

enum { SHOWN_MAIL_KEPT_MAX = 16 * 1024 * 1024 };

struct shown_mail {
	struct screen *screen;
	struct progress *progress; /* taken off the screen before anything is printed; may be NULL */
	struct buf text;           /* its beginning */
	bool printing;             /* it passed SHOWN_MAIL_KEPT_MAX */
};

void shown_mail_begin(struct shown_mail *m, struct screen *screen, struct progress *progress);
/* The next octets, cut anywhere. */
void shown_mail_take(struct shown_mail *m, struct slice text);
/* Prints what is kept; where it is not wanted, only a text that is on the screen already is ended. */
void shown_mail_end(struct shown_mail *m, bool wanted);

#endif
