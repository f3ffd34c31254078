/*
 * mailbox: the inbox and the screen. See mailbox.h.
 */
#include "client/mailbox.h"

#include <fcntl.h>

#include "client/attachment.h"
#include "client/mail_list.h"

void mailbox_init(struct mailbox *m, struct client *client)
{
	m->client = client;
	shown_mail_begin(&m->shown, &client->screen, NULL);
	inbox_init(&m->inbox, &client->account);
}

void mailbox_release(struct mailbox *m)
{
	screen_flush(&m->client->screen);
	inbox_close(&m->inbox);
	inbox_release(&m->inbox);
	shown_mail_release(&m->shown);
}

enum inbox_result mailbox_open(struct mailbox *m)
{
	screen_flush(&m->client->screen);
	client_use_credentials(m->client);
	return inbox_open(&m->inbox);
}

void mailbox_show_list(struct mailbox *m)
{
	const struct course_client *texts = &m->client->course->client;

	if (mail_list_show(&m->client->screen, texts->list_heading, &m->inbox) == 0)
		screen_sayf(&m->client->screen, "%s\n", texts->no_mail);
}

static void take_text(void *owner, const char *octets, size_t n)
{
	shown_mail_take(owner, slice_make(octets, n));
}

enum inbox_result mailbox_show_mail(struct mailbox *m, size_t index)
{
	const struct pop3_client_sink reader = { .text = take_text, .owner = &m->shown };

	screen_flush(&m->client->screen);
	shown_mail_release(&m->shown);
	shown_mail_begin(&m->shown, &m->client->screen, &m->inbox.progress);
	m->shown.may_be_mime = true;
	enum inbox_result result = inbox_read(&m->inbox, index, &reader);
	shown_mail_end(&m->shown, result == INBOX_OK);
	return result;
}

void mailbox_save_attachments(struct mailbox *m)
{
	struct screen *screen = &m->client->screen;
	const struct mime_view *view = &m->shown.view;
	char name[ATTACHMENT_NAME_MAX + 1];
	struct fault why;

	if (view->count == 0)
		screen_say(screen, "This mail has no attachments\n");
	for (size_t i = 0; i < view->count; i++) {
		if (attachment_save(view, i, AT_FDCWD, name, &why))
			screen_show_line(screen, "Saved: ", slice_str(name));
		else
			screen_show_line(screen, "Not saved: ", slice_str(why.text));
	}
}

void mailbox_tell(struct mailbox *m, const char *before)
{
	screen_show_line(&m->client->screen, before, buf_slice(&m->inbox.words));
}

bool mailbox_read_number(const struct mailbox *m, struct slice typed, size_t *index)
{
	uint64_t number;

	if (!slice_number(typed, m->inbox.count, &number) || number == 0)
		return false;
	*index = (size_t)number - 1;
	return true;
}
