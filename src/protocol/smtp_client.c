/*
 * smtp_client: the sending dialogue, a row per state. See smtp_client.h.
 */
#include "protocol/smtp_client.h"

enum { TEXT_CHUNK = 32 * 1024 }; /* octets of the mail encoded at a time; `out` takes twice that */

enum { SECONDS = 1000, MINUTES = 60 * SECONDS };

static struct smtp_client *client_of(struct talk *t)
{
	return (struct smtp_client *)t;
}

/* ---- what is sent on entering a state ---- */

static void expect_greeting(struct smtp_client *c)
{
	talk_expect(&c->talk);
}

static void send_helo(struct smtp_client *c)
{
	talk_commandf(&c->talk, "HELO %s", c->mail->client);
}

static void send_mail(struct smtp_client *c)
{
	talk_commandf(&c->talk, "MAIL FROM:<%.*s>", SLICE_FMT(c->mail->from));
}

static void send_rcpt(struct smtp_client *c)
{
	talk_commandf(&c->talk, "RCPT TO:<%.*s>", SLICE_FMT(c->mail->to));
}

static void send_data(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("DATA"));
}

/* The text itself goes out in role_room(), as the connection takes it. */
static void start_text(struct smtp_client *c)
{
	dot_encoder_init(&c->encoder, true);
	talk_expect(&c->talk);
}

static void send_quit(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("QUIT"));
}

struct step {
	int limit_ms; /* RFC 5321 section 4.5.3.2 */
	int wanted;   /* the reply's first digit that lets the dialogue go on */
	void (*send)(struct smtp_client *c);
};

static const struct step steps[] = {
	[SMTP_CLIENT_GREETING] = { 5 * MINUTES, 2, expect_greeting },
	[SMTP_CLIENT_HELO] = { 5 * MINUTES, 2, send_helo },
	[SMTP_CLIENT_MAIL] = { 5 * MINUTES, 2, send_mail },
	[SMTP_CLIENT_RCPT] = { 5 * MINUTES, 2, send_rcpt },
	[SMTP_CLIENT_DATA] = { 2 * MINUTES, 3, send_data },
	[SMTP_CLIENT_TEXT] = { 3 * MINUTES, 2, start_text },
	/* The mail's fate is known; nobody waits long for a goodbye. */
	[SMTP_CLIENT_QUIT] = { 10 * SECONDS, 2, send_quit },
};

enum { AFTER_FULL_STOP_MS = 10 * MINUTES }; /* section 4.5.3.2.6 */

static void enter(struct smtp_client *c, enum smtp_client_state state)
{
	c->state = state;
	if (state == SMTP_CLIENT_END)
		return;
	c->talk.limit_ms = steps[state].limit_ms;
	steps[state].send(c);
}

static void refused(struct smtp_client *c)
{
	/* An answer before the text's end leaves the server inside the mail, where QUIT would be text; with 421 it is
	 * leaving by itself. */
	bool hang_up = (c->state == SMTP_CLIENT_TEXT && !c->text_ended) || c->talk.code == 421;

	c->outcome = SMTP_CLIENT_REFUSED;
	buf_append_slice(&c->refusal, buf_slice(&c->talk.words));
	if (hang_up) {
		talk_stop(&c->talk);
		enter(c, SMTP_CLIENT_END);
	} else {
		enter(c, SMTP_CLIENT_QUIT);
	}
}

static void role_reply(struct talk *t)
{
	struct smtp_client *c = client_of(t);

	if (c->state == SMTP_CLIENT_QUIT) {
		enter(c, SMTP_CLIENT_END);
		return;
	}
	bool early = c->state == SMTP_CLIENT_TEXT && !c->text_ended;
	if (early || t->code / 100 != steps[c->state].wanted) {
		refused(c);
		return;
	}
	if (c->state == SMTP_CLIENT_TEXT)
		c->outcome = SMTP_CLIENT_SENT;
	enter(c, c->state + 1);
}

static bool encode_some(struct smtp_client *c)
{
	struct slice rest = slice_skip(c->mail->text, c->text_given);

	if (rest.len == 0) {
		c->text_ended = true;
		c->talk.limit_ms = AFTER_FULL_STOP_MS;
		return dot_encode_end(&c->encoder, &c->talk.out);
	}
	size_t n = rest.len < TEXT_CHUNK ? rest.len : TEXT_CHUNK;
	c->text_given += n;
	return dot_encode(&c->encoder, rest.ptr, n, &c->talk.out);
}

static void role_room(struct talk *t)
{
	struct smtp_client *c = client_of(t);

	if (c->state != SMTP_CLIENT_TEXT || c->text_ended)
		return;
	size_t before = t->out.len;
	if (!encode_some(c)) {
		talk_break(t, "memory is out");
		return;
	}
	transcript_text(t->feed, TRANSCRIPT_CLIENT, t->out.data + before, t->out.len - before);
}

static const struct talk_role role = { .reply = role_reply, .room = role_room };

void smtp_client_init(struct smtp_client *c, const struct smtp_client_mail *mail, struct transcript_feed *feed)
{
	*c = (struct smtp_client){ .mail = mail };
	talk_init(&c->talk, TALK_SMTP, &role, feed);
	buf_init(&c->refusal, TALK_WORDS_MAX);
	enter(c, SMTP_CLIENT_GREETING);
}

void smtp_client_release(struct smtp_client *c)
{
	talk_release(&c->talk);
	buf_release(&c->refusal);
}
