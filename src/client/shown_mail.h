/*
 * shown_mail: a text on its way from a server to the screen.
 *
 * It is kept until it is whole, so that nothing else comes between its lines; a large one is printed while it still
 * comes. Where a MIME mail is expected, it is kept up to mime_view's limit, shown as a view, and stays for its attachments until
 * it is released; every other mail is shown as it is. Escaping is the screen's.
 */
#ifndef POSTROOM_CLIENT_SHOWN_MAIL_H
#define POSTROOM_CLIENT_SHOWN_MAIL_H

#include "client/mime_view.h"
#include "terminal/progress.h"
#include "terminal/screen.h"

enum { SHOWN_MAIL_KEPT_MAX = 16 * 1024 * 1024 };

struct shown_mail {
	struct screen *screen;
	struct progress *progress; /* taken off the screen before anything is printed; may be NULL */
	struct buf text;           /* its beginning */
	bool printing;             /* it passed SHOWN_MAIL_KEPT_MAX */
	bool may_be_mime;          /* one mail is expected, and may be MIME; set after the beginning */
	struct mime_view view;     /* of `text`, behind the end */
};

void shown_mail_begin(struct shown_mail *m, struct screen *screen, struct progress *progress);
/* The next octets, cut anywhere. */
void shown_mail_take(struct shown_mail *m, struct slice text);
/* Prints what is kept; where it is not wanted, only a text that is on the screen already is ended. Nothing but a view, if there is one, is
 * left to be released. */
void shown_mail_end(struct shown_mail *m, bool wanted);
void shown_mail_release(struct shown_mail *m);

#endif
