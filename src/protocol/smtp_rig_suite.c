/*
 * smtp_rig: see smtp_rig_suite.h.
 */
#include "protocol/smtp_rig_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HEARD_MAX = 8 * 1024 * 1024, PIECE = 32 * 1024 };

static void note(struct smtp_host *h, const char *event)
{
	assert_int_equal(h->owes, OWES_NOTHING);
	assert_true(buf_append_text(&h->noted, event));
}

static void answer(struct smtp_host *h, enum reply_id id)
{
	h->answer = id;
	h->owes = OWES_ANSWER;
	if (h->defers)
		return;
	h->owes = OWES_NOTHING;
	smtp_server_answer(h->session, id, 7);
}

static void host_recipient(void *host, const struct address *a)
{
	struct smtp_host *h = host;
	note(h, "[rcpt ");
	note(h, a->text);
	note(h, "]");
	bool known = strncmp(a->local, "alice", 5) == 0 || strncmp(a->local, "bob", 3) == 0;
	answer(h, known ? REPLY_RECIPIENT_OK : REPLY_NO_SUCH_USER);
}

static void give_login(struct smtp_host *h)
{
	smtp_server_auth(h->session, h->answer, h->challenge);
	memset(h->challenge, '#', sizeof h->challenge - 1);
}

static void answer_login(struct smtp_host *h, enum reply_id id)
{
	h->answer = id;
	h->owes = OWES_LOGIN;
	if (h->defers)
		return;
	h->owes = OWES_NOTHING;
	give_login(h);
}

static void ask_client(struct smtp_host *h, size_t len)
{
	memset(h->challenge, 'Q', len);
	h->challenge[len] = '\0';
	h->questions--;
	answer_login(h, REPLY_AUTH_CHALLENGE);
}

static void judge_response(struct smtp_host *h, struct slice response)
{
	note(h, "[response ");
	assert_true(buf_append_slice(&h->noted, response));
	note(h, "]");
	if (slice_has(response, '!'))
		answer_login(h, REPLY_AUTH_MALFORMED);
	else if (h->questions > 0)
		ask_client(h, 4);
	else
		answer_login(h, slice_equal_text(response, "GOOD") ? REPLY_AUTH_OK : REPLY_AUTH_WRONG);
}

static void owe_continue(struct smtp_host *h)
{
	h->owes = OWES_CONTINUE;
	if (h->defers)
		return;
	h->owes = OWES_NOTHING;
	smtp_server_continue(h->session);
}

static void host_refresh(void *host)
{
	owe_continue(host);
}

static void host_mechanisms(void *host, char list[SMTP_MECHANISMS_MAX])
{
	snprintf(list, SMTP_MECHANISMS_MAX, "%s", ((struct smtp_host *)host)->mechanisms);
}

static void host_auth(void *host, struct slice mechanism, const struct slice *initial)
{
	struct smtp_host *h = host;
	bool asks_twice = slice_equal_text_nocase(mechanism, "TWO"),
	     is_long = slice_equal_text_nocase(mechanism, "LONG");
	note(h, "[auth ");
	assert_true(buf_append_slice(&h->noted, mechanism));
	note(h, "]");
	h->questions = 1 + asks_twice - (initial != NULL);
	if (slice_equal_text_nocase(mechanism, "CLEAR"))
		answer_login(h, REPLY_AUTH_NEEDS_TLS);
	else if (slice_equal_text_nocase(mechanism, "LATER"))
		answer_login(h, REPLY_AUTH_LATER);
	else if (!asks_twice && !is_long && !slice_equal_text_nocase(mechanism, "ONE"))
		answer_login(h, REPLY_AUTH_MECHANISM);
	else if (initial)
		judge_response(h, *initial);
	else
		ask_client(h, is_long ? 1000 : 4);
}

static void host_auth_step(void *host, struct slice response)
{
	judge_response(host, response);
}

static void host_auth_cancel(void *host)
{
	note(host, "[cancel]");
}

static enum reply_id host_data_begin(void *host)
{
	struct smtp_host *h = host;
	note(h, "[begin]");
	return h->data_begin;
}

static bool host_data(void *host, const char *octets, size_t n)
{
	struct smtp_host *h = host;
	assert_int_equal(h->owes, OWES_NOTHING);
	assert_true(buf_append(&h->text, octets, n));
	if (h->pauses)
		owe_continue(h);
	return !h->pauses;
}

static void host_data_end(void *host)
{
	struct smtp_host *h = host;
	note(h, "[end]");
	answer(h, h->data_end);
}

static void host_reset(void *host)
{
	note(host, "[reset]");
}

static void host_free(void *host)
{
	note(host, "[free]");
}

static const struct smtp_host_ops host_ops = {
	.recipient = host_recipient,
	.data_begin = host_data_begin,
	.data = host_data,
	.data_end = host_data_end,
	.reset = host_reset,
	.free = host_free,
};

static const struct smtp_host_ops login_ops = {
	.recipient = host_recipient,
	.refresh = host_refresh,
	.mechanisms = host_mechanisms,
	.auth = host_auth,
	.auth_step = host_auth_step,
	.auth_cancel = host_auth_cancel,
	.data_begin = host_data_begin,
	.data = host_data,
	.data_end = host_data_end,
	.reset = host_reset,
	.free = host_free,
};

void smtp_rig_hear(struct smtp_rig *r)
{
	while (r->pump.out.len > 0) {
		assert_true(buf_append_slice(&r->heard, buf_slice(&r->pump.out)));
		buf_clear(&r->pump.out);
		pump_drained(&r->pump);
	}
}

void smtp_rig_settle(struct smtp_rig *r)
{
	struct smtp_host *h = &r->host;
	smtp_rig_hear(r);
	while (h->owes != OWES_NOTHING) {
		int owes = h->owes;
		h->owes = OWES_NOTHING;
		if (owes == OWES_ANSWER)
			smtp_server_answer(h->session, h->answer, 7);
		else if (owes == OWES_LOGIN)
			give_login(h);
		else
			smtp_server_continue(h->session);
		smtp_rig_hear(r);
	}
}

static void open_with(struct smtp_rig *r, bool defers, const struct smtp_host_ops *ops)
{
	*r = (struct smtp_rig){
		.host = { .defers = defers, .data_begin = REPLY_DATA_START, .data_end = REPLY_ACCEPTED },
		.config = { .replies = replies_default, .domain = "lab.example", .max_size = 1000 * 1000 },
	};
	buf_init(&r->host.noted, HEARD_MAX);
	buf_init(&r->host.text, HEARD_MAX);
	buf_init(&r->heard, HEARD_MAX);
	r->host.session = smtp_server_new(&r->config, ops, &r->host);
	assert_non_null(r->host.session);
	pump_init(&r->pump, r->host.session, NULL, NULL);
}

void smtp_rig_open(struct smtp_rig *r, bool defers)
{
	open_with(r, defers, &host_ops);
}

void smtp_rig_open_login(struct smtp_rig *r, bool defers, const char *mechanisms)
{
	open_with(r, defers, &login_ops);
	r->host.mechanisms = mechanisms;
}

void smtp_rig_close(struct smtp_rig *r)
{
	pump_release(&r->pump);
	assert_memory_equal(buf_end(&r->host.noted) - strlen("[free]"), "[free]", strlen("[free]"));
	buf_release(&r->host.noted);
	buf_release(&r->host.text);
	buf_release(&r->heard);
}

void smtp_rig_give_octets(struct smtp_rig *r, const char *octets, size_t n)
{
	while (n > 0) {
		size_t piece = n < PIECE ? n : PIECE;
		pump_input(&r->pump, octets, piece);
		smtp_rig_settle(r);
		octets += piece;
		n -= piece;
	}
}

void smtp_rig_give(struct smtp_rig *r, const char *text)
{
	smtp_rig_give_octets(r, text, strlen(text));
}

void smtp_rig_expect(struct smtp_rig *r, const char *expected)
{
	smtp_rig_hear(r);
	assert_true(buf_append_char(&r->heard, '\0'));
	assert_string_equal(r->heard.data, expected);
	buf_clear(&r->heard);
}

void smtp_rig_expect_codes(struct smtp_rig *r, const char *expected)
{
	struct buf codes;
	smtp_rig_hear(r);
	struct slice rest = buf_slice(&r->heard);
	buf_init(&codes, HEARD_MAX);
	while (rest.len > 0) {
		if (rest.ptr[3] == ' ')
			assert_true(buf_printf(&codes, "%s%.3s", codes.len > 0 ? " " : "", rest.ptr));
		rest = slice_skip(rest, slice_find(rest, '\n') + 1);
	}
	assert_true(buf_append_char(&codes, '\0'));
	assert_string_equal(codes.data, expected);
	buf_release(&codes);
	buf_clear(&r->heard);
}

void smtp_rig_expect_noted(struct smtp_rig *r, const char *expected)
{
	assert_true(buf_append_char(&r->host.noted, '\0'));
	assert_string_equal(r->host.noted.data, expected);
	buf_clear(&r->host.noted);
}

void smtp_rig_expect_text(struct smtp_rig *r, const char *expected)
{
	assert_true(buf_append_char(&r->host.text, '\0'));
	assert_string_equal(r->host.text.data, expected);
	buf_clear(&r->host.text);
}

void smtp_rig_greet(struct smtp_rig *r, const char *hello)
{
	smtp_rig_open(r, false);
	pump_start(&r->pump);
	smtp_rig_give(r, hello);
	smtp_rig_hear(r);
	buf_clear(&r->heard);
}
