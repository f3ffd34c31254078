/*
 * post: from the keyboard to the server. See post.h.
 */
#include "client/post.h"

#include <unistd.h>

#include "client/compose.h"
#include "client/link.h"
#include "protocol/smtp_client.h"

enum { HOST_NAME_MAX_OCTETS = 256 };

/* The name for HELO: this host's, where that can stand in a command (RFC 5321 section 4.1.1.1). */
static void find_host_name(char name[HOST_NAME_MAX_OCTETS])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (gethostname(name, HOST_NAME_MAX_OCTETS) != 0)
		name[0] = '\0';
	name[HOST_NAME_MAX_OCTETS - 1] = '\0';
	if (name[0] == '\0' || name[strspn(name, allowed)] != '\0')
		memcpy(name, "localhost", sizeof "localhost");
}

static void tell(struct client *client, const struct smtp_client *c, const struct fault *why)
{
	const struct course_client *texts = &client->course->client;

	if (c->outcome == SMTP_CLIENT_SENT)
		screen_sayf(&client->screen, "%s\n", texts->sent);
	else if (c->outcome == SMTP_CLIENT_REFUSED)
		screen_show_line(&client->screen, texts->send_error, buf_slice(&c->refusal));
	else
		screen_show_line(&client->screen, texts->send_error, slice_str(why->text));
}

/* Once the server has said yes or no, a connection that breaks before its goodbye changes nothing. */
static void send_mail(struct client *client, const struct compose_mail *mail)
{
	char host[HOST_NAME_MAX_OCTETS];
	struct link_options options = { client->server, client->smtp_port, ++client->connections, client->transcript };
	struct smtp_client_mail what = { host, buf_slice(&mail->from), buf_slice(&mail->to), buf_slice(&mail->text) };
	struct smtp_client c;
	struct link link;
	struct fault why = { 0 };

	find_host_name(host);
	screen_flush(&client->screen);
	link_init(&link);
	smtp_client_init(&c, &what, &link.feed);
	if (link_open(&link, &options, &why))
		link_run(&link, &c.talk, &why);
	link_close(&link);
	tell(client, &c, &why);
	smtp_client_release(&c);
}

static void check_and_send(struct client *client, struct slice typed)
{
	struct compose_mail mail;

	compose_init(&mail);
	if (compose_check(typed, client->course->subject_typed, &mail) == COMPOSE_OK)
		send_mail(client, &mail);
	else
		screen_sayf(&client->screen, "%s\n", client->course->client.wrong_format);
	compose_release(&mail);
}

bool post_mail(struct client *client)
{
	struct buf typed;

	buf_init(&typed, COMPOSE_MAX);
	screen_sayf(&client->screen, "%s\n", client->course->client.compose_hint);
	enum compose_result result = compose_read(&client->prompt, &typed);
	if (result == COMPOSE_OK)
		check_and_send(client, buf_slice(&typed));
	else if (result == COMPOSE_TOO_BIG)
		screen_sayf(&client->screen, "The mail is larger than %d MiB and was not sent\n", COMPOSE_MAX >> 20);
	buf_release(&typed);
	return result != COMPOSE_END;
}
