/*
 * smtp_client: the sending dialogue, a row per state. See smtp_client.h.
 */
#include "protocol/smtp_client.h"

#include <assert.h>

enum { TEXT_CHUNK = 32 * 1024 }; /* octets of the mail encoded at a time; `out` takes twice that */

enum { SECONDS = 1000, MINUTES = 60 * SECONDS };

static void enter(struct smtp_client *c, enum smtp_client_state state);

static struct smtp_client *client_of(struct talk *t)
{
	return (struct smtp_client *)t;
}

/* ---- what becomes of a call ---- */

static void keep_words(struct smtp_client *c)
{
	buf_clear(&c->words);
	buf_append_slice(&c->words, buf_slice(&c->talk.words));
}

static void refused(struct smtp_client *c)
{
	c->outcome = SMTP_CLIENT_REFUSED;
	keep_words(c);
	enter(c, SMTP_CLIENT_READY);
}

static void done(struct smtp_client *c)
{
	c->outcome = SMTP_CLIENT_DONE;
	keep_words(c);
	enter(c, SMTP_CLIENT_READY);
}

static bool agreed(const struct smtp_client *c)
{
	return c->talk.code / 100 == 2;
}

/* RFC 5321 section 4.2.4: a verb that the server does not know, or does not have. */
static bool is_unknown_verb(const struct smtp_client *c)
{
	return c->talk.code == 500 || c->talk.code == 502;
}

/* ---- the beginning ---- */

static void expect_greeting(struct smtp_client *c)
{
	talk_expect(&c->talk);
}

static void take_greeting(struct smtp_client *c)
{
	if (agreed(c))
		enter(c, c->manner->registers ? SMTP_CLIENT_REGISTER : SMTP_CLIENT_HELO);
	else
		refused(c);
}

static void send_register(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("REGISTER"));
}

static void take_register(struct smtp_client *c)
{
	if (agreed(c))
		done(c);
	else if (is_unknown_verb(c))
		enter(c, SMTP_CLIENT_HELO);
	else
		refused(c);
}

static void send_helo(struct smtp_client *c)
{
	talk_commandf(&c->talk, "HELO %s", c->manner->name);
}

static void take_helo(struct smtp_client *c)
{
	if (agreed(c))
		done(c);
	else
		refused(c);
}

/* ---- a mail ---- */

static void send_rset(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("RSET"));
}

/* A server without RSET may still begin anew with MAIL. */
static void take_rset(struct smtp_client *c)
{
	c->unfinished = false;
	enter(c, SMTP_CLIENT_MAIL);
}

static void send_path(struct smtp_client *c, const char *own_verb, const char *verb, struct slice path)
{
	if (own_verb && !c->plain)
		talk_commandf(&c->talk, "%s <%.*s>", own_verb, SLICE_FMT(path));
	else
		talk_commandf(&c->talk, "%s<%.*s>", verb, SLICE_FMT(path));
}

/* Whether the server may know the standard verb where it does not know the course's. */
static bool falls_back(struct smtp_client *c, const char *own_verb)
{
	if (!own_verb || c->plain || !is_unknown_verb(c))
		return false;
	c->plain = true;
	return true;
}

static void send_mail(struct smtp_client *c)
{
	send_path(c, c->manner->mail_verb, "MAIL FROM:", c->mail->from);
}

static void take_mail(struct smtp_client *c)
{
	if (falls_back(c, c->manner->mail_verb)) {
		enter(c, SMTP_CLIENT_MAIL);
	} else if (agreed(c)) {
		c->unfinished = true;
		enter(c, SMTP_CLIENT_RCPT);
	} else {
		refused(c);
	}
}

static void send_rcpt(struct smtp_client *c)
{
	send_path(c, c->manner->rcpt_verb, "RCPT TO:", c->mail->to[c->recipient]);
}

/* RFC 5321 section 3.3: a recipient that is refused takes nothing from the others. */
static void take_rcpt(struct smtp_client *c)
{
	if (falls_back(c, c->manner->rcpt_verb)) {
		enter(c, SMTP_CLIENT_RCPT);
		return;
	}
	if (agreed(c))
		c->taken++;
	else
		c->mail->refused(c->mail->owner, c->recipient, buf_slice(&c->talk.words));
	if (++c->recipient < c->mail->to_count) {
		enter(c, SMTP_CLIENT_RCPT);
	} else if (c->taken > 0) {
		enter(c, SMTP_CLIENT_DATA);
	} else {
		c->outcome = SMTP_CLIENT_NOBODY;
		enter(c, SMTP_CLIENT_READY);
	}
}

static void send_data(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("DATA"));
}

static void take_data(struct smtp_client *c)
{
	if (c->talk.code / 100 == 3)
		enter(c, SMTP_CLIENT_TEXT);
	else
		refused(c);
}

/* The text itself goes out in role_room(), as the connection takes it. */
static void start_text(struct smtp_client *c)
{
	c->text_given = 0;
	c->text_ended = false;
	dot_encoder_init(&c->encoder, true);
	talk_expect(&c->talk);
}

static void take_text(struct smtp_client *c)
{
	if (!c->text_ended) {
		/* An answer before the text's end leaves the server inside the mail, where a command would be text. */
		refused(c);
		talk_stop(&c->talk);
		enter(c, SMTP_CLIENT_END);
		return;
	}
	c->unfinished = false;
	if (agreed(c))
		done(c);
	else
		refused(c);
}

/* ---- what arrived, and the end ---- */

static void send_retrieve(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("RETRIEVE"));
}

static void take_retrieve(struct smtp_client *c)
{
	if (agreed(c))
		done(c);
	else
		refused(c);
}

static void send_quit(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("QUIT"));
}

static void take_quit(struct smtp_client *c)
{
	enter(c, SMTP_CLIENT_END);
}

struct step {
	int limit_ms; /* RFC 5321 section 4.5.3.2 */
	void (*send)(struct smtp_client *c);
	void (*interpret)(struct smtp_client *c);
};

static const struct step steps[] = {
	[SMTP_CLIENT_GREETING] = { 5 * MINUTES, expect_greeting, take_greeting },
	[SMTP_CLIENT_REGISTER] = { 5 * MINUTES, send_register, take_register },
	[SMTP_CLIENT_HELO] = { 5 * MINUTES, send_helo, take_helo },
	[SMTP_CLIENT_RSET] = { 5 * MINUTES, send_rset, take_rset },
	[SMTP_CLIENT_MAIL] = { 5 * MINUTES, send_mail, take_mail },
	[SMTP_CLIENT_RCPT] = { 5 * MINUTES, send_rcpt, take_rcpt },
	[SMTP_CLIENT_DATA] = { 2 * MINUTES, send_data, take_data },
	[SMTP_CLIENT_TEXT] = { 3 * MINUTES, start_text, take_text },
	[SMTP_CLIENT_RETRIEVE] = { 2 * MINUTES, send_retrieve, take_retrieve },
	/* What was wanted is known; nobody waits long for a goodbye. */
	[SMTP_CLIENT_QUIT] = { 10 * SECONDS, send_quit, take_quit },
};

enum { AFTER_FULL_STOP_MS = 10 * MINUTES }; /* section 4.5.3.2.6 */

static void enter(struct smtp_client *c, enum smtp_client_state state)
{
	c->state = state;
	c->talk.multiline = state == SMTP_CLIENT_RETRIEVE;
	if (state == SMTP_CLIENT_READY || state == SMTP_CLIENT_END)
		return;
	c->talk.limit_ms = steps[state].limit_ms;
	steps[state].send(c);
}

/* ---- the talk's role ---- */

static void role_reply(struct talk *t)
{
	struct smtp_client *c = client_of(t);

	/* RFC 5321 section 3.8: the server is leaving by itself. */
	if (t->code == 421 && c->state != SMTP_CLIENT_QUIT) {
		refused(c);
		talk_stop(t);
		enter(c, SMTP_CLIENT_END);
		return;
	}
	steps[c->state].interpret(c);
}

static void role_text(struct talk *t, const char *octets, size_t n)
{
	struct smtp_client *c = client_of(t);

	c->sink->text(c->sink->owner, octets, n);
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

static const struct talk_role role = { .reply = role_reply, .text = role_text, .room = role_room };

/* ---- calls ---- */

void smtp_client_init(struct smtp_client *c, struct transcript_feed *feed)
{
	*c = (struct smtp_client){ .state = SMTP_CLIENT_END };
	talk_init(&c->talk, TALK_SMTP, &role, feed);
	buf_init(&c->words, TALK_WORDS_MAX);
}

void smtp_client_release(struct smtp_client *c)
{
	talk_release(&c->talk);
	buf_release(&c->words);
}

void smtp_client_open(struct smtp_client *c, const struct smtp_client_manner *manner)
{
	assert(c->state == SMTP_CLIENT_END);
	c->manner = manner;
	enter(c, SMTP_CLIENT_GREETING);
}

static void leave_ready(struct smtp_client *c, enum smtp_client_state state)
{
	assert(c->state == SMTP_CLIENT_READY && talk_idle(&c->talk));
	c->outcome = SMTP_CLIENT_UNKNOWN;
	enter(c, state);
}

void smtp_client_send(struct smtp_client *c, const struct smtp_client_mail *mail)
{
	assert(mail->to_count > 0);
	c->mail = mail;
	c->recipient = c->taken = 0;
	leave_ready(c, c->unfinished ? SMTP_CLIENT_RSET : SMTP_CLIENT_MAIL);
}

void smtp_client_retrieve(struct smtp_client *c, const struct smtp_client_sink *sink)
{
	c->sink = sink;
	leave_ready(c, SMTP_CLIENT_RETRIEVE);
}

/* Whatever the last call's outcome was, it stays. */
void smtp_client_quit(struct smtp_client *c)
{
	assert(c->state == SMTP_CLIENT_READY && talk_idle(&c->talk));
	enter(c, SMTP_CLIENT_QUIT);
}
