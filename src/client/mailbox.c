/*
 * mailbox: the inbox and the screen. See mailbox.h.
 */
#include "client/mailbox.h"

#include "client/mail_list.h"
#include "client/shown_mail.h"

void mailbox_init(struct mailbox *m, struct client *client)
{
	const struct link_options options = { client->server, client->pop3_port, client->connections,
		                              client->transcript };

	m->client = client;
	inbox_init(&m->inbox, &options, buf_slice(&client->credentials.name), buf_slice(&client->credentials.password));
}

void mailbox_release(struct mailbox *m)
{
	screen_flush(&m->client->screen);
	inbox_close(&m->inbox);
	m->client->connections = m->inbox.options.connection;
	inbox_release(&m->inbox);
}

enum inbox_result mailbox_open(struct mailbox *m)
{
	screen_flush(&m->client->screen);
	m->inbox.name = buf_slice(&m->client->credentials.name);
	m->inbox.password = buf_slice(&m->client->credentials.password);
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
	struct shown_mail mail;
	const struct pop3_client_sink reader = { .text = take_text, .owner = &mail };

	screen_flush(&m->client->screen);
	shown_mail_begin(&mail, &m->client->screen, &m->inbox.progress);
	enum inbox_result result = inbox_read(&m->inbox, index, &reader);
	shown_mail_end(&mail, result == INBOX_OK);
	return result;
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
