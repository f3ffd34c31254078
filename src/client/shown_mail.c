/*
 * shown_mail: first kept, then printed. See shown_mail.h.
 */
#include "client/shown_mail.h"

void shown_mail_begin(struct shown_mail *m, struct screen *screen, struct progress *progress)
{
	*m = (struct shown_mail){ .screen = screen, .progress = progress };
	buf_init(&m->text, SHOWN_MAIL_KEPT_MAX);
	mime_view_init(&m->view);
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

/* False: it is too large to be kept any further. */
static bool keep(struct shown_mail *m, struct slice text)
{
	if (buf_append_slice(&m->text, text))
		return true;
	if (!m->may_be_mime || m->text.max == MIME_TREE_MAX || !mime_tree_applies(buf_slice(&m->text)))
		return false;
	m->text.max = MIME_TREE_MAX;
	return buf_append_slice(&m->text, text);
}

void shown_mail_take(struct shown_mail *m, struct slice text)
{
	if (m->printing || !keep(m, text))
		print(m, text);
}

static void print_view(struct shown_mail *m)
{
	if (m->progress)
		progress_end(m->progress);
	screen_mail_begin(m->screen);
	screen_mail(m->screen, buf_slice(&m->view.text));
	screen_mail_end(m->screen);
	buf_release(&m->view.text);
}

void shown_mail_end(struct shown_mail *m, bool wanted)
{
	if (wanted && m->may_be_mime && !m->printing && mime_view_make(&m->view, buf_slice(&m->text))) {
		print_view(m);
		return;
	}
	if (wanted)
		print(m, slice_make("", 0));
	if (m->printing)
		screen_mail_end(m->screen);
	buf_release(&m->text);
}

void shown_mail_release(struct shown_mail *m)
{
	mime_view_release(&m->view);
	buf_release(&m->text);
}
