/*
 * smtp_rig: see smtp_rig_suite.h.
 */
#include "protocol/smtp_rig_suite.h"

#include <setjmp.h>
#include <stdarg.h>
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
	if (!h->pauses)
		return true;
	h->owes = OWES_CONTINUE;
	if (!h->defers) {
		h->owes = OWES_NOTHING;
		smtp_server_continue(h->session);
	}
	return false;
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
		bool owes_answer = h->owes == OWES_ANSWER;
		h->owes = OWES_NOTHING;
		if (owes_answer)
			smtp_server_answer(h->session, h->answer, 7);
		else
			smtp_server_continue(h->session);
		smtp_rig_hear(r);
	}
}

void smtp_rig_open(struct smtp_rig *r, bool defers)
{
	*r = (struct smtp_rig){
		.host = { .defers = defers, .data_begin = REPLY_DATA_START, .data_end = REPLY_ACCEPTED },
		.config = { .replies = replies_default, .domain = "lab.example", .max_size = 1000 * 1000 },
	};
	buf_init(&r->host.noted, HEARD_MAX);
	buf_init(&r->host.text, HEARD_MAX);
	buf_init(&r->heard, HEARD_MAX);
	r->host.session = smtp_server_new(&r->config, &host_ops, &r->host);
	assert_non_null(r->host.session);
	pump_init(&r->pump, r->host.session, NULL, NULL);
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
