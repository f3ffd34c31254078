/*
 * shown_mail: first kept, then printed. See shown_mail.h.
 */
#include "client/shown_mail.h"

void shown_mail_begin(struct shown_mail *m, struct screen *screen, struct progress *progress)
{
	*m = (struct shown_mail){ .screen = screen, .progress = progress };
	buf_init(&m->text, SHOWN_MAIL_KEPT_MAX);
}

static void print(struct shown_mail *m, struct slice text)
{
	if (!m->printing) {
		if (m->progress)
			progress_end(m->progress);
		screen_mail_begin(m->screen);
		screen_mail(m->screen, buf_slice(&m->text));
		buf_release(&m->text);
		m->printing = true;
	}
	screen_mail(m->screen, text);
}

void shown_mail_take(struct shown_mail *m, struct slice text)
{
	if (m->printing || !buf_append_slice(&m->text, text))
		print(m, text);
}

void shown_mail_end(struct shown_mail *m, bool wanted)
{
	if (wanted)
		print(m, slice_make("", 0));
	if (m->printing)
		screen_mail_end(m->screen);
	buf_release(&m->text);
}
