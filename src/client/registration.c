/*
 * registration: one connection, one address. See registration.h.
 */
#include "client/registration.h"

#include "client/post.h"
#include "client/shown_mail.h"

struct slice registration_address(struct slice words)
{
	struct slice address = slice_trim(slice_skip(words, 3)), word;

	while ((word = slice_word(&words)).len > 0) {
		if (slice_has(word, '@'))
			address = word;
	}
	return address;
}

static void tell_address(struct client *client)
{
	struct slice address = registration_address(buf_slice(&client->smtp.client.words));

	screen_show_line(&client->screen, client->course->client.own_address, address);
}

bool registration_renew(struct client *client)
{
	if (smtp_link_is_open(&client->smtp))
		return true;
	if (client->smtp.opened)
		screen_say(&client->screen, "The server has ended the connection, and the address with it\n");
	screen_flush(&client->screen);
	if (smtp_link_open(&client->smtp)) {
		tell_address(client);
		return true;
	}
	post_tell_trouble(client, "Error in registering: ");
	return false;
}

static void take_text(void *owner, const char *octets, size_t n)
{
	shown_mail_take(owner, slice_make(octets, n));
}

void registration_retrieve(struct client *client)
{
	struct shown_mail mail;
	const struct smtp_client_sink sink = { take_text, &mail };

	if (!registration_renew(client))
		return;
	screen_flush(&client->screen);
	shown_mail_begin(&mail, &client->screen, NULL);
	smtp_link_retrieve(&client->smtp, &sink);
	bool done = client->smtp.client.outcome == SMTP_CLIENT_DONE;
	if (done && mail.text.len == 0 && !mail.printing)
		screen_sayf(&client->screen, "%s\n", client->course->client.no_mail);
	/* What came before the connection broke is nowhere else any more. */
	shown_mail_end(&mail, mail.text.len > 0);
	if (!done)
		post_tell_trouble(client, "Error in retrieving mail: ");
}
