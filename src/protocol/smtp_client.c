/*
 * smtp_client: the sending dialogue, a row per state. See smtp_client.h.
 */
#include "protocol/smtp_client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* Octets of the mail that wait to be sent, and as many again are encoded at a time: `out` has room for three times that. */
enum { TEXT_CHUNK = 64 * 1024 };

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
		enter(c, c->manner->registers  ? SMTP_CLIENT_REGISTER
		         : c->manner->extended ? SMTP_CLIENT_EHLO
		                               : SMTP_CLIENT_HELO);
	else
		refused(c);
}

/* ---- EHLO, TLS and the login ---- */

static void forget_offer(struct smtp_client *c)
{
	struct buf mechanisms = c->offer.mechanisms;

	buf_clear(&mechanisms);
	c->offer = (struct smtp_client_offer){ .mechanisms = mechanisms };
}

static void send_ehlo(struct smtp_client *c)
{
	forget_offer(c);
	talk_commandf(&c->talk, "EHLO %s", c->manner->name);
}

static void add_mechanism(struct buf *mechanisms, struct slice name)
{
	if (mechanisms->len + name.len + 1 <= TALK_AUTH_OFFER_MAX && buf_append_slice(mechanisms, name))
		buf_append_char(mechanisms, ' ');
}

/* RFC 5321 section 4.1.1.1: a keyword and its parameters. */
static void read_offer(struct smtp_client *c, struct slice line)
{
	struct slice word = slice_word(&line);

	if (slice_equal_text_nocase(word, "STARTTLS")) {
		c->offer.starttls = true;
	} else if (slice_equal_text_nocase(word, "8BITMIME")) {
		c->offer.eight_bit = true;
	} else if (slice_equal_text_nocase(word, "SMTPUTF8")) {
		c->offer.utf8 = true;
	} else if (slice_equal_text_nocase(word, "SIZE")) {
		c->offer.size = true;
		slice_number(slice_trim(line), UINT64_MAX, &c->offer.size_max);
	} else if (slice_equal_text_nocase(word, "AUTH")) {
		while ((word = slice_word(&line)).len > 0)
			add_mechanism(&c->offer.mechanisms, word);
	}
}

static bool needs_login(const struct smtp_client *c)
{
	return c->manner->login_needed && talk_auth_wanted(c->manner->login);
}

static void refuse_without_login(struct smtp_client *c)
{
	talk_refuse(&c->talk, "the server offers no login: leave the user's name out, or name another server");
}

/* Without TLS and without AUTH the session goes on: no password crosses. */
static void log_in(struct smtp_client *c)
{
	struct talk_login *login = c->manner->login;

	bool offered = c->offer.mechanisms.len > 0;

	if (!offered && needs_login(c))
		refuse_without_login(c);
	else if (!talk_auth_wanted(login) || !offered)
		done(c);
	else if (!c->secured && !c->manner->clear_login)
		talk_auth_refuse_clear(&c->talk);
	else
		enter(c, SMTP_CLIENT_AUTH);
}

static void take_ehlo(struct smtp_client *c)
{
	if (!agreed(c)) {
		forget_offer(c);
		if (c->talk.code < 500)
			refused(c);
		else if (needs_login(c)) /* HELO has none */
			refuse_without_login(c);
		else
			enter(c, SMTP_CLIENT_HELO);
	} else if (c->offer.starttls && !c->secured) {
		enter(c, SMTP_CLIENT_STARTTLS);
	} else {
		log_in(c);
	}
}

static void send_starttls(struct smtp_client *c)
{
	talk_command(&c->talk, slice_str("STARTTLS"));
}

static void take_starttls(struct smtp_client *c)
{
	if (agreed(c))
		talk_secure(&c->talk);
	else
		talk_refuse(&c->talk, "the server offers TLS and then refuses it: %.*s",
		            SLICE_FMT(buf_slice(&c->talk.words)));
}

/* RFC 3207 section 4.2: what was heard in clear is forgotten. */
static void role_secured(struct talk *t)
{
	struct smtp_client *c = client_of(t);

	c->secured = true;
	enter(c, SMTP_CLIENT_EHLO);
}

static void send_auth(struct smtp_client *c)
{
	struct talk_login *login = c->manner->login;
	const char *mechanism = login->choose(login, buf_slice(&c->offer.mechanisms));

	if (mechanism)
		talk_auth_begin(&c->talk, login, mechanism, true);
	else
		talk_refuse(&c->talk, "the server takes no kind of login that is known here, but %.*s",
		            SLICE_FMT(buf_slice(&c->offer.mechanisms)));
}

static void take_auth(struct smtp_client *c)
{
	if (c->talk.code == 334) {
		talk_auth_answer(&c->talk, c->manner->login, slice_skip(buf_slice(&c->talk.words), 4));
	} else if (!agreed(c)) {
		c->login_refused = true;
		refused(c);
	} else if (talk_auth_accept(&c->talk, c->manner->login)) {
		done(c);
	}
}

/* ---- the plain beginnings ---- */

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

static void send_path(struct smtp_client *c, const char *own_verb, const char *verb, struct slice path,
                      const char *parameters)
{
	if (own_verb && !c->plain)
		talk_commandf(&c->talk, "%s <%.*s>%s", own_verb, SLICE_FMT(path), parameters);
	else
		talk_commandf(&c->talk, "%s<%.*s>%s", verb, SLICE_FMT(path), parameters);
}

/* Whether the server may know the standard verb where it does not know the course's. */
static bool falls_back(struct smtp_client *c, const char *own_verb)
{
	if (!own_verb || c->plain || !is_unknown_verb(c))
		return false;
	c->plain = true;
	return true;
}

/* RFC 6531 section 3.4. */
static bool needs_utf8(const struct smtp_client_mail *mail)
{
	bool ascii = slice_is_ascii(mail->from);

	for (size_t i = 0; ascii && i < mail->to_count; i++)
		ascii = slice_is_ascii(mail->to[i]);
	return !ascii;
}

uint64_t smtp_client_size(const struct smtp_client_mail *mail)
{
	struct slice text = mail->text;
	uint64_t size = text.len;
	bool ended = text.len == 0 || text.ptr[text.len - 1] == '\n';

	if (mail->more)
		return mail->more->octets;
	while (text.len > 0) {
		size_t n = slice_find(text, '\n');
		size += n < text.len;
		text = slice_skip(text, n + 1);
	}
	return ended ? size : size + 2;
}

static void send_mail(struct smtp_client *c)
{
	char parameters[sizeof " SIZE= BODY=8BITMIME SMTPUTF8" + 20];
	int n = 0;

	parameters[0] = '\0';
	if (c->offer.size)
		n = snprintf(parameters, sizeof parameters, " SIZE=%" PRIu64, smtp_client_size(c->mail));
	if (c->offer.eight_bit && !slice_is_ascii(c->mail->text))
		n += snprintf(parameters + n, sizeof parameters - (size_t)n, " BODY=8BITMIME");
	if (c->offer.utf8 && needs_utf8(c->mail))
		snprintf(parameters + n, sizeof parameters - (size_t)n, " SMTPUTF8");
	send_path(c, c->manner->mail_verb, "MAIL FROM:", c->mail->from, parameters);
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
	send_path(c, c->manner->rcpt_verb, "RCPT TO:", c->mail->to[c->recipient], "");
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
	c->text = c->mail->text;
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
	[SMTP_CLIENT_EHLO] = { 5 * MINUTES, send_ehlo, take_ehlo },
	[SMTP_CLIENT_STARTTLS] = { 2 * MINUTES, send_starttls, take_starttls },
	[SMTP_CLIENT_AUTH] = { 3 * MINUTES, send_auth, take_auth }, /* RFC 4954 section 4 */
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

static void role_line(struct talk *t, struct slice text)
{
	struct smtp_client *c = client_of(t);

	/* The first line is the server's name. */
	if (c->state == SMTP_CLIENT_EHLO && t->lines > 1)
		read_offer(c, text);
}

/* What comes next is in c->text; false: it cannot be had. */
static bool fetch(struct smtp_client *c)
{
	const struct smtp_client_more *more = c->mail->more;
	struct fault why;

	if (c->text.len > 0 || !more || more->next(more->owner, &c->text, &why))
		return true;
	talk_fail(&c->talk, why.kind, why.text);
	return false;
}

static bool encode_some(struct smtp_client *c)
{
	struct slice rest = c->text;

	if (rest.len == 0) {
		c->text_ended = true;
		c->talk.limit_ms = AFTER_FULL_STOP_MS;
		return dot_encode_end(&c->encoder, &c->talk.out);
	}
	size_t n = rest.len < TEXT_CHUNK ? rest.len : TEXT_CHUNK;
	c->text = slice_skip(rest, n);
	return dot_encode(&c->encoder, rest.ptr, n, &c->talk.out);
}

static void role_room(struct talk *t)
{
	struct smtp_client *c = client_of(t);
	size_t before = t->out.len;

	if (c->state != SMTP_CLIENT_TEXT)
		return;
	while (!c->text_ended && t->out.len < TEXT_CHUNK) {
		if (!fetch(c))
			return;
		if (!encode_some(c)) {
			talk_fail(t, FAULT_FULL, "memory is out");
			return;
		}
	}
	c->text_given += t->out.len - before;
	transcript_text(t->feed, TRANSCRIPT_CLIENT, t->out.data + before, t->out.len - before);
}

static const struct talk_role role = {
	.reply = role_reply, .line = role_line, .text = role_text, .secured = role_secured, .room = role_room
};

/* ---- calls ---- */

void smtp_client_init(struct smtp_client *c, struct transcript_feed *feed)
{
	*c = (struct smtp_client){ .state = SMTP_CLIENT_END };
	talk_init(&c->talk, TALK_SMTP, &role, feed);
	buf_init(&c->words, TALK_WORDS_MAX);
	buf_init(&c->offer.mechanisms, TALK_AUTH_OFFER_MAX);
}

void smtp_client_release(struct smtp_client *c)
{
	talk_release(&c->talk);
	buf_release(&c->words);
	buf_release(&c->offer.mechanisms);
}

void smtp_client_open(struct smtp_client *c, const struct smtp_client_manner *manner)
{
	assert(c->state == SMTP_CLIENT_END);
	c->manner = manner;
	c->secured = manner->secured;
	enter(c, SMTP_CLIENT_GREETING);
}

static void leave_ready(struct smtp_client *c, enum smtp_client_state state)
{
	assert(c->state == SMTP_CLIENT_READY && talk_idle(&c->talk));
	c->outcome = SMTP_CLIENT_UNKNOWN;
	enter(c, state);
}

static bool fits(struct smtp_client *c, const struct smtp_client_mail *mail)
{
	uint64_t size = c->offer.size_max > 0 ? smtp_client_size(mail) : 0;

	buf_clear(&c->words);
	if (size > c->offer.size_max)
		buf_printf(&c->words, "the mail has %" PRIu64 " octets, and the server takes %" PRIu64, size,
		           c->offer.size_max);
	else if (c->manner->extended && !c->offer.utf8 && needs_utf8(mail))
		buf_append_text(&c->words, "an address is not ASCII, and the server does not offer SMTPUTF8");
	else
		return true;
	c->outcome = SMTP_CLIENT_UNFIT;
	return false;
}

void smtp_client_send(struct smtp_client *c, const struct smtp_client_mail *mail)
{
	assert(mail->to_count > 0 && c->state == SMTP_CLIENT_READY);
	if (!fits(c, mail))
		return;
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
