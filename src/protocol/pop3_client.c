/*
 * pop3_client: the reading dialogue, a row per state. See pop3_client.h.
 */
#include "protocol/pop3_client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECONDS = 1000, MINUTES = 60 * SECONDS };
enum {
	BRIEF_WORDS = 96, /* octets of a name and a password of which a line of 255 holds the initial response */
	APOP_MAX = 2048,
};

static void enter(struct pop3_client *c, enum pop3_client_state state);

static struct pop3_client *client_of(struct talk *t)
{
	return (struct pop3_client *)t;
}

/* The server said no to what was asked. */
static void refuse(struct pop3_client *c)
{
	c->refused = true;
	buf_clear(&c->refusal);
	buf_append_slice(&c->refusal, buf_slice(&c->talk.words));
}

static void take_answer(struct pop3_client *c)
{
	if (!c->talk.positive)
		refuse(c);
	enter(c, POP3_CLIENT_READY);
}

/* ---- the login ---- */

static void expect_greeting(struct pop3_client *c)
{
	talk_expect(&c->talk);
}

static void login_refused(struct pop3_client *c)
{
	refuse(c);
	enter(c, POP3_CLIENT_QUIT);
}

static void logged_in(struct pop3_client *c)
{
	enter(c, c->bare ? POP3_CLIENT_STAT : POP3_CLIENT_CAPA);
}

static void choose_login(struct pop3_client *c);

static void take_greeting(struct pop3_client *c)
{
	buf_clear(&c->greeting);
	buf_append_slice(&c->greeting, buf_slice(&c->talk.words));
	if (!c->talk.positive) {
		refuse(c);
		enter(c, POP3_CLIENT_END);
	} else if (!c->manner.extended) {
		enter(c, POP3_CLIENT_USER);
	} else if (!c->no_offer) {
		enter(c, POP3_CLIENT_OFFER);
	} else {
		choose_login(c);
	}
}

static void take_offer(struct pop3_client *c)
{
	if (c->offer.stls && !c->secured)
		enter(c, POP3_CLIENT_STLS);
	else if (c->offer.utf8)
		enter(c, POP3_CLIENT_UTF8);
	else
		choose_login(c);
}

static void send_stls(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("STLS"));
}

static void take_stls(struct pop3_client *c)
{
	if (c->talk.positive)
		talk_secure(&c->talk);
	else
		talk_refuse(&c->talk, "the server offers TLS and then refuses it: %.*s",
		            SLICE_FMT(buf_slice(&c->talk.words)));
}

/* RFC 2595 section 4: what was heard in clear is forgotten. */
static void role_secured(struct talk *t)
{
	struct pop3_client *c = client_of(t);

	c->secured = true;
	enter(c, POP3_CLIENT_OFFER);
}

static void send_utf8(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("UTF8"));
}

/* Refused, it changes nothing. */
static void take_utf8(struct pop3_client *c)
{
	choose_login(c);
}

/* The greeting's time stamp, which APOP's digest is made with: "<…@…>" in visible ASCII, as RFC 1939 section 7 has it; anything else may be made for finding
 * out the password (CVE-2007-1558). Empty: there is none. */
static struct slice time_stamp(const struct pop3_client *c)
{
	static const struct slice none = { "", 0 };
	struct slice s = buf_slice(&c->greeting);

	s = slice_skip(s, slice_find(s, '<'));
	s.len = slice_find(s, '>') < s.len ? slice_find(s, '>') + 1 : 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return none;
	}
	return slice_has(s, '@') ? s : none;
}

/* The strongest that both sides have. Without TLS, APOP shows less than PLAIN, LOGIN and PASS, which show the password. */
static void choose_login(struct pop3_client *c)
{
	struct talk_login *login = c->manner.login;

	if (!c->secured && !c->manner.clear_login) {
		talk_auth_refuse_clear(&c->talk);
		return;
	}
	c->mechanism = c->offer.mechanisms.len > 0 ? login->choose(login, buf_slice(&c->offer.mechanisms)) : NULL;
	bool scram = c->mechanism && slice_starts_nocase(slice_str(c->mechanism), "SCRAM-");
	if (!c->secured && !scram && time_stamp(c).len > 0)
		enter(c, POP3_CLIENT_APOP);
	else
		enter(c, c->mechanism ? POP3_CLIENT_AUTH : POP3_CLIENT_USER);
}

/* RFC 5034 section 4: with its initial response a command stays within 255 octets. */
static void send_auth(struct pop3_client *c)
{
	struct talk_login *login = c->manner.login;

	talk_auth_begin(&c->talk, login, c->mechanism, login->name.len + login->password.len <= BRIEF_WORDS);
}

static void take_auth(struct pop3_client *c)
{
	if (c->talk.challenge)
		talk_auth_answer(&c->talk, c->manner.login, slice_skip(buf_slice(&c->talk.words), 2));
	else if (!c->talk.positive)
		login_refused(c);
	else if (talk_auth_accept(&c->talk, c->manner.login))
		logged_in(c);
}

static void send_apop(struct pop3_client *c)
{
	struct talk_login *login = c->manner.login;
	char hex[33];
	struct buf secret;

	buf_init(&secret, APOP_MAX);
	if (!login->digest(login, time_stamp(c), hex) || !buf_append_slice(&secret, login->name) ||
	    !buf_append_char(&secret, ' ') || !buf_append_text(&secret, hex))
		talk_fail(&c->talk, FAULT_FULL, "memory is out");
	else
		talk_secret(&c->talk, "APOP", buf_slice(&secret));
	buf_release(&secret);
}

static void take_login(struct pop3_client *c)
{
	if (c->talk.positive)
		logged_in(c);
	else
		login_refused(c);
}

static void send_user(struct pop3_client *c)
{
	talk_commandf(&c->talk, "USER %.*s", SLICE_FMT(c->manner.login->name));
}

static void take_user(struct pop3_client *c)
{
	if (c->talk.positive)
		enter(c, POP3_CLIENT_PASS);
	else
		login_refused(c);
}

static void send_pass(struct pop3_client *c)
{
	talk_secret(&c->talk, "PASS", c->manner.login->password);
}

/* ---- what there is ---- */

/* The answer may be another after TLS, and after the login (RFC 2449 section 5). */
static void send_capa(struct pop3_client *c)
{
	c->top = c->pipelining = c->offer.stls = c->offer.utf8 = false;
	buf_clear(&c->offer.mechanisms);
	talk_command(&c->talk, slice_str("CAPA"));
}

static void read_capa_line(struct pop3_client *c, struct slice line)
{
	struct slice word = slice_word(&line);

	if (slice_equal_text_nocase(word, "TOP"))
		c->top = true;
	else if (slice_equal_text_nocase(word, "PIPELINING"))
		c->pipelining = true;
	else if (slice_equal_text_nocase(word, "STLS"))
		c->offer.stls = true;
	else if (slice_equal_text_nocase(word, "UTF8"))
		c->offer.utf8 = true;
	else if (slice_equal_text_nocase(word, "SASL"))
		buf_append_slice(&c->offer.mechanisms, slice_trim(line));
}

static void take_capa(struct pop3_client *c)
{
	c->capa = c->talk.positive;
	enter(c, POP3_CLIENT_STAT);
}

static void send_stat(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("STAT"));
}

static void take_stat(struct pop3_client *c)
{
	struct slice words = slice_skip(buf_slice(&c->talk.words), 3);

	c->counted = c->talk.positive && slice_number(slice_word(&words), POP3_CLIENT_MAILS_MAX, &c->stat_mails);
	if (!c->listed)
		enter(c, POP3_CLIENT_LIST);
	else
		take_answer(c);
}

static void send_list(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("LIST"));
}

static bool grow_list(struct pop3_client *c)
{
	size_t cap = c->cap == 0 ? 64 : c->cap * 2;
	struct pop3_client_mail *mails = realloc(c->mails, cap * sizeof *mails);

	if (!mails)
		return false;
	c->mails = mails;
	c->cap = cap;
	return true;
}

static void add_mail(struct pop3_client *c, uint32_t number, uint64_t octets)
{
	if (c->count == POP3_CLIENT_MAILS_MAX)
		talk_break(&c->talk, "the server lists more than %d mails", POP3_CLIENT_MAILS_MAX);
	else if (c->count == c->cap && !grow_list(c))
		talk_fail(&c->talk, FAULT_FULL, "memory is out");
	else
		c->mails[c->count++] = (struct pop3_client_mail){ number, octets };
}

/* RFC 1939 section 5, a scan listing: the number, a blank, the size, and whatever else. */
static void read_list_line(struct pop3_client *c, struct slice line)
{
	uint64_t number, octets = 0;

	if (!slice_number(slice_word(&line), UINT32_MAX, &number) || number == 0)
		return;
	slice_number(slice_word(&line), UINT64_MAX, &octets);
	add_mail(c, (uint32_t)number, octets);
}

/* A server without LIST still has STAT's count. */
static void take_list(struct pop3_client *c)
{
	if (c->listed) {
		take_answer(c);
		return;
	}
	if (!c->talk.positive) {
		for (uint64_t n = 1; n <= c->stat_mails && !c->talk.broken; n++)
			add_mail(c, (uint32_t)n, 0);
	}
	c->listed = true;
	enter(c, POP3_CLIENT_READY);
}

/* ---- from READY on ---- */

static bool uses_top(const struct pop3_client *c)
{
	return !c->bare && !c->no_top && (c->top || !c->capa);
}

/* A server that sends on and on is left long before a mail's limit where no mail was asked for. */
static uint64_t text_max(const struct pop3_client *c)
{
	switch (c->state) {
	case POP3_CLIENT_OFFER:
	case POP3_CLIENT_CAPA:
		return POP3_CLIENT_CAPA_MAX;
	case POP3_CLIENT_LIST:
		return POP3_CLIENT_LIST_MAX;
	case POP3_CLIENT_SCAN:
		return uses_top(c) ? POP3_CLIENT_HEAD_MAX : TALK_TEXT_MAX;
	default:
		return TALK_TEXT_MAX;
	}
}

/* Where nothing says that the server has TOP, one is tried alone before a window is filled. */
static size_t window(const struct pop3_client *c)
{
	return c->pipelining ? POP3_CLIENT_WINDOW : 1;
}

static void send_scan(struct pop3_client *c)
{
	const char *format = uses_top(c) ? "TOP %" PRIu32 " 0" : "RETR %" PRIu32;
	char line[32];

	while (c->asked < c->count && c->asked - c->answered < window(c)) {
		snprintf(line, sizeof line, format, c->mails[c->asked++].number);
		talk_command(&c->talk, slice_str(line));
	}
}

static void take_scan(struct pop3_client *c)
{
	if (!c->talk.positive && uses_top(c) && !c->top) {
		c->no_top = true;
		c->talk.text_max = text_max(c);
		c->asked = c->answered;
	} else {
		c->top = c->top || uses_top(c);
		c->sink->end(c->sink->owner, c->answered++, c->talk.positive);
	}
	if (c->answered < c->count)
		send_scan(c);
	else
		enter(c, POP3_CLIENT_READY);
}

/* RETR and DELE are queued by the calls that bring the number. */
static void send_nothing(struct pop3_client *c)
{
	(void)c;
}

static void send_rset(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("RSET"));
}

static void send_quit(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("QUIT"));
}

static void take_quit(struct pop3_client *c)
{
	/* After a refused login the words of that refusal stay. */
	if (!c->talk.positive && !c->refused)
		refuse(c);
	enter(c, POP3_CLIENT_END);
}

struct step {
	int limit_ms;
	bool multiline;
	void (*send)(struct pop3_client *c);
	void (*interpret)(struct pop3_client *c);
	void (*line)(struct pop3_client *c, struct slice line); /* of the text; NULL: the text goes to the sink */
};

static const struct step steps[] = {
	[POP3_CLIENT_GREETING] = { 2 * MINUTES, false, expect_greeting, take_greeting, NULL },
	[POP3_CLIENT_OFFER] = { 20 * SECONDS, true, send_capa, take_offer, read_capa_line },
	[POP3_CLIENT_STLS] = { 2 * MINUTES, false, send_stls, take_stls, NULL },
	[POP3_CLIENT_UTF8] = { 2 * MINUTES, false, send_utf8, take_utf8, NULL },
	[POP3_CLIENT_AUTH] = { 2 * MINUTES, false, send_auth, take_auth, NULL },
	[POP3_CLIENT_APOP] = { 2 * MINUTES, false, send_apop, take_login, NULL },
	[POP3_CLIENT_USER] = { 2 * MINUTES, false, send_user, take_user, NULL },
	[POP3_CLIENT_PASS] = { 2 * MINUTES, false, send_pass, take_login, NULL },
	[POP3_CLIENT_CAPA] = { 20 * SECONDS, true, send_capa, take_capa, read_capa_line },
	[POP3_CLIENT_STAT] = { 2 * MINUTES, false, send_stat, take_stat, NULL },
	[POP3_CLIENT_LIST] = { 2 * MINUTES, true, send_list, take_list, read_list_line },
	[POP3_CLIENT_SCAN] = { 2 * MINUTES, true, send_scan, take_scan, NULL },
	[POP3_CLIENT_RETR] = { 2 * MINUTES, true, send_nothing, take_answer, NULL },
	[POP3_CLIENT_DELE] = { 2 * MINUTES, false, send_nothing, take_answer, NULL },
	[POP3_CLIENT_RSET] = { 2 * MINUTES, false, send_rset, take_answer, NULL },
	/* The removal of the deleted mails may take its time. */
	[POP3_CLIENT_QUIT] = { 5 * MINUTES, false, send_quit, take_quit, NULL },
};

static void enter(struct pop3_client *c, enum pop3_client_state state)
{
	c->state = state;
	if (state == POP3_CLIENT_READY || state == POP3_CLIENT_END || c->talk.broken)
		return;
	buf_clear(&c->line);
	c->line_too_long = false;
	c->talk.limit_ms = steps[state].limit_ms;
	c->talk.multiline = steps[state].multiline;
	c->talk.text_max = text_max(c);
	c->talk.challenges = state == POP3_CLIENT_AUTH;
	steps[state].send(c);
}

/* ---- the talk's role ---- */

static void role_reply(struct talk *t)
{
	struct pop3_client *c = client_of(t);

	steps[c->state].interpret(c);
}

static void line_ended(struct pop3_client *c)
{
	if (!c->line_too_long)
		steps[c->state].line(c, buf_slice(&c->line));
	buf_clear(&c->line);
	c->line_too_long = false;
}

static void split_lines(struct pop3_client *c, struct slice text)
{
	while (text.len > 0 && !c->talk.broken) {
		size_t n = slice_find(text, '\n');
		if (!buf_append(&c->line, text.ptr, n))
			c->line_too_long = true;
		if (n < text.len)
			line_ended(c);
		text = slice_skip(text, n + 1);
	}
}

static void role_text(struct talk *t, const char *octets, size_t n)
{
	struct pop3_client *c = client_of(t);

	if (steps[c->state].line)
		split_lines(c, slice_make(octets, n));
	else
		c->sink->text(c->sink->owner, octets, n);
}

static const struct talk_role role = { .reply = role_reply, .text = role_text, .secured = role_secured };

/* ---- calls ---- */

void pop3_client_init(struct pop3_client *c, struct transcript_feed *feed)
{
	*c = (struct pop3_client){ .state = POP3_CLIENT_END };
	talk_init(&c->talk, TALK_POP3, &role, feed);
	buf_init(&c->refusal, TALK_WORDS_MAX);
	buf_init(&c->greeting, TALK_WORDS_MAX);
	buf_init(&c->line, POP3_CLIENT_LINE_MAX);
	buf_init(&c->offer.mechanisms, TALK_AUTH_OFFER_MAX);
}

void pop3_client_release(struct pop3_client *c)
{
	talk_release(&c->talk);
	buf_release(&c->refusal);
	buf_release(&c->greeting);
	buf_release(&c->line);
	buf_release(&c->offer.mechanisms);
	free(c->mails);
	c->mails = NULL;
	c->count = c->cap = 0;
}

void pop3_client_login(struct pop3_client *c, const struct pop3_client_manner *manner)
{
	assert(c->state == POP3_CLIENT_END);
	c->manner = *manner;
	c->secured = manner->secured;
	enter(c, POP3_CLIENT_GREETING);
}

static void leave_ready(struct pop3_client *c, enum pop3_client_state state)
{
	assert(c->state == POP3_CLIENT_READY && talk_idle(&c->talk));
	c->refused = false;
	enter(c, state);
}

void pop3_client_scan(struct pop3_client *c, const struct pop3_client_sink *sink)
{
	if (c->count == 0)
		return;
	c->sink = sink;
	c->asked = c->answered = 0;
	leave_ready(c, POP3_CLIENT_SCAN);
}

void pop3_client_retrieve(struct pop3_client *c, uint32_t number, const struct pop3_client_sink *sink)
{
	c->sink = sink;
	leave_ready(c, POP3_CLIENT_RETR);
	talk_commandf(&c->talk, "RETR %" PRIu32, number);
}

void pop3_client_delete(struct pop3_client *c, uint32_t number)
{
	leave_ready(c, POP3_CLIENT_DELE);
	talk_commandf(&c->talk, "DELE %" PRIu32, number);
}

void pop3_client_stat(struct pop3_client *c)
{
	leave_ready(c, POP3_CLIENT_STAT);
}

void pop3_client_list(struct pop3_client *c)
{
	c->count = 0;
	leave_ready(c, POP3_CLIENT_LIST);
}

void pop3_client_reset(struct pop3_client *c)
{
	leave_ready(c, POP3_CLIENT_RSET);
}

void pop3_client_quit(struct pop3_client *c)
{
	leave_ready(c, POP3_CLIENT_QUIT);
}

bool pop3_client_is_probing(const struct pop3_client *c)
{
	bool after_stls = c->secured && !c->manner.secured;

	return (c->state == POP3_CLIENT_OFFER && !after_stls) || c->state == POP3_CLIENT_CAPA ||
	       (c->state == POP3_CLIENT_SCAN && uses_top(c) && !c->top);
}
