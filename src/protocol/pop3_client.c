/*
 * pop3_client: the reading dialogue, a row per state. See pop3_client.h.
 */
#include "protocol/pop3_client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { SECONDS = 1000, MINUTES = 60 * SECONDS };

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

static void take_greeting(struct pop3_client *c)
{
	buf_clear(&c->greeting);
	buf_append_slice(&c->greeting, buf_slice(&c->talk.words));
	if (c->talk.positive) {
		enter(c, POP3_CLIENT_USER);
		return;
	}
	refuse(c);
	enter(c, POP3_CLIENT_END);
}

static void send_user(struct pop3_client *c)
{
	talk_commandf(&c->talk, "USER %.*s", SLICE_FMT(c->name));
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
	talk_secret(&c->talk, "PASS", c->password);
}

static void take_pass(struct pop3_client *c)
{
	if (c->talk.positive)
		enter(c, c->bare ? POP3_CLIENT_STAT : POP3_CLIENT_CAPA);
	else
		login_refused(c);
}

/* ---- what there is ---- */

static void send_capa(struct pop3_client *c)
{
	talk_command(&c->talk, slice_str("CAPA"));
}

static void read_capa_line(struct pop3_client *c, struct slice line)
{
	struct slice word = slice_word(&line);

	if (slice_equal_text_nocase(word, "TOP"))
		c->top = true;
	else if (slice_equal_text_nocase(word, "PIPELINING"))
		c->pipelining = true;
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
		talk_break(&c->talk, "memory is out");
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
	[POP3_CLIENT_USER] = { 2 * MINUTES, false, send_user, take_user, NULL },
	[POP3_CLIENT_PASS] = { 2 * MINUTES, false, send_pass, take_pass, NULL },
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

static const struct talk_role role = { .reply = role_reply, .text = role_text };

/* ---- calls ---- */

void pop3_client_init(struct pop3_client *c, struct transcript_feed *feed)
{
	*c = (struct pop3_client){ .state = POP3_CLIENT_END };
	talk_init(&c->talk, TALK_POP3, &role, feed);
	buf_init(&c->refusal, TALK_WORDS_MAX);
	buf_init(&c->greeting, TALK_WORDS_MAX);
	buf_init(&c->line, POP3_CLIENT_LINE_MAX);
}

void pop3_client_release(struct pop3_client *c)
{
	talk_release(&c->talk);
	buf_release(&c->refusal);
	buf_release(&c->greeting);
	buf_release(&c->line);
	free(c->mails);
	c->mails = NULL;
	c->count = c->cap = 0;
}

void pop3_client_login(struct pop3_client *c, struct slice name, struct slice password)
{
	assert(c->state == POP3_CLIENT_END);
	c->name = name;
	c->password = password;
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
	return c->state == POP3_CLIENT_CAPA || (c->state == POP3_CLIENT_SCAN && uses_top(c) && !c->top);
}
