/*
 * post: from the keyboard to the server. See post.h.
 */
#include "client/post.h"

#include "base/clock.h"
#include "client/compose.h"
#include "client/mime_compose.h"
#include "client/registration.h"

void post_tell_trouble(struct client *client, const char *before)
{
	const struct smtp_link *smtp = &client->smtp;

	if (smtp->client.outcome == SMTP_CLIENT_REFUSED || smtp->client.outcome == SMTP_CLIENT_UNFIT)
		screen_show_line(&client->screen, before, buf_slice(&smtp->client.words));
	else
		screen_show_line(&client->screen, before, slice_str(smtp->why.text));
}

/* A mail under way. */
struct sending {
	struct client *client;
	const struct compose_mail *mail;
};

/* Of several recipients the refused one is named. */
static void tell_refused(void *owner, size_t index, struct slice words)
{
	const struct sending *s = owner;
	struct client *client = s->client;
	struct buf line;

	buf_init(&line, TALK_WORDS_MAX + TALK_LINE_MAX);
	if (s->mail->recipients_len > 1)
		buf_printf(&line, "%.*s: ", SLICE_FMT(s->mail->recipients[index]));
	buf_append_slice(&line, words);
	screen_show_line(&client->screen, client->course->client.send_error, buf_slice(&line));
	buf_release(&line);
}

static void tell(struct client *client)
{
	const struct course_client *texts = &client->course->client;

	switch (client->smtp.client.outcome) {
	case SMTP_CLIENT_DONE:
		screen_sayf(&client->screen, "%s\n", texts->sent);
		break;
	case SMTP_CLIENT_NOBODY:
		break;
	default:
		post_tell_trouble(client, texts->send_error);
	}
}

/* A connection for this mail, unless one is kept open. */
static bool connect_for_mail(struct client *client)
{
	if (client->course->registration)
		return true;
	client_use_credentials(client);
	return smtp_link_open(&client->smtp);
}

/* One of the two is there: a text, or what is put together. */
static void send_mail(struct client *client, const struct compose_mail *mail, struct slice text,
                      const struct smtp_client_more *more)
{
	struct sending sending = { client, mail };
	const struct smtp_client_mail what = { .from = buf_slice(&mail->from),
		                               .to = mail->recipients,
		                               .to_count = mail->recipients_len,
		                               .text = text,
		                               .refused = tell_refused,
		                               .owner = &sending,
		                               .more = more };

	screen_flush(&client->screen);
	if (connect_for_mail(client)) {
		smtp_link_send(&client->smtp, &what);
		if (!client->course->registration)
			smtp_link_close(&client->smtp);
	}
	tell(client);
}

/* With Date, Message-ID and MIME's lines, the subject encoded where it is not ASCII. */
static void send_mime(struct client *client, const struct compose_mail *mail)
{
	const struct person from = { .address = buf_slice(&mail->from) };
	struct people to = { .count = 0 };
	struct mime_letter letter = { .from = &from, .to = &to, .subject = mail->subject, .text = mail->body };
	struct mime_message message;
	struct fault why;

	for (size_t i = 0; i < mail->recipients_len; i++)
		to.list[to.count++].address = mail->recipients[i];
	letter.date = clock_wall();
	size_t invalid = mime_compose_find_invalid(mail->body);
	if (invalid < mail->body.len) {
		screen_sayf(&client->screen, "The text is not UTF-8 from octet %zu on and was not sent\n", invalid + 1);
	} else if (!mime_compose(&letter, &message, &why)) {
		screen_show_line(&client->screen, client->course->client.send_error, slice_str(why.text));
	} else {
		const struct smtp_client_more more = mime_message_text(&message);
		send_mail(client, mail, slice_make("", 0), &more);
		mime_message_release(&message);
	}
}

static void check_and_send(struct client *client, struct slice typed)
{
	const struct course *course = client->course;
	const struct compose_rules rules = { course->subject_typed, course->registration ? COMPOSE_RECIPIENTS_MAX : 1 };
	struct compose_mail mail;

	compose_init(&mail);
	if (compose_check(typed, &rules, &mail) != COMPOSE_OK)
		screen_sayf(&client->screen, "%s\n", course->client.wrong_format);
	else if (course->standard)
		send_mime(client, &mail);
	else
		send_mail(client, &mail, buf_slice(&mail.text), NULL);
	compose_release(&mail);
}

/* With nowhere to send it, somebody at a terminal need not type a mail; what comes through a pipe is read over. */
bool post_mail(struct client *client)
{
	bool ready = !client->course->registration || registration_renew(client);
	struct buf typed;

	if (!ready && client->prompt.terminal)
		return true;
	buf_init(&typed, COMPOSE_MAX);
	screen_say_line(&client->screen, client->course->client.compose_hint);
	enum compose_result result = compose_read(&client->prompt, &typed);
	if (result == COMPOSE_OK && ready)
		check_and_send(client, buf_slice(&typed));
	else if (result == COMPOSE_TOO_BIG)
		screen_sayf(&client->screen, "The mail is larger than %d MiB and was not sent\n", COMPOSE_MAX >> 20);
	else if (result == COMPOSE_END && client->prompt.terminal)
		screen_say_line(&client->screen, "The input has ended; the mail was not sent");
	buf_release(&typed);
	return result != COMPOSE_END;
}
