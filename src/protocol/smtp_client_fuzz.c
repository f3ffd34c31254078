/*
 * smtp_client: a server that says anything at all, to a client that registers or logs in (the first octet says which), sends two mails, retrieves and leaves.
 */
#include "protocol/smtp_client.h"

#include "protocol/client_login_suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void take_text(void *owner, const char *octets, size_t n)
{
	(void)owner;
	(void)octets;
	(void)n;
}

static void take_refused(void *owner, size_t index, struct slice words)
{
	(void)owner;
	(void)index;
	(void)words;
}

static const struct smtp_client_sink sink = { take_text, NULL };

/* What link does: all there is to send is sent. */
static void send_all(struct talk *t)
{
	do {
		talk_sent(t, t->out.len);
		if (t->expected > 0 && !t->broken)
			t->role->room(t);
	} while (t->out.len > 0);
}

/* The next thing a user may do. */
static void go_on(struct smtp_client *c, const struct smtp_client_mail *mail, int *step)
{
	switch ((*step)++) {
	case 0:
	case 1:
		smtp_client_send(c, mail);
		break;
	case 2:
		smtp_client_retrieve(c, &sink);
		break;
	default:
		smtp_client_quit(c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	const struct slice to[] = { slice_str("5@m"), slice_str("6@m") };
	const struct smtp_client_mail mail = { slice_str("4@m"), to,   2,   slice_str("Subject: s\n.\n"),
		                               take_refused,     NULL, NULL };
	struct transcript_feed feed;
	struct smtp_client c;
	struct client_login login;
	int step = 0;

	if (n == 0)
		return 0;
	client_login_init(&login, "alice", "secret");
	const struct smtp_client_manner manner = {
		.name = "h",
		.mail_verb = "MAIL_FROM:",
		.rcpt_verb = "RCPT_TO:",
		.registers = (octets[0] & 7) == 0,
		.extended = octets[0] & 1,
		.secured = octets[0] & 2,
		.clear_login = octets[0] & 4,
		.login = &login.login,
	};
	transcript_feed_init(&feed, NULL);
	smtp_client_init(&c, &feed);
	smtp_client_open(&c, &manner);
	for (size_t at = 1; at < n && !c.talk.broken && c.state != SMTP_CLIENT_END; at++) {
		send_all(&c.talk);
		if (c.talk.secures)
			talk_secured(&c.talk);
		send_all(&c.talk);
		talk_push(&c.talk, (const char *)octets + at, 1);
		send_all(&c.talk);
		while (!c.talk.broken && c.state == SMTP_CLIENT_READY && talk_idle(&c.talk)) {
			go_on(&c, &mail, &step);
			send_all(&c.talk);
		}
	}
	smtp_client_release(&c);
	transcript_feed_release(&feed);
	return 0;
}
