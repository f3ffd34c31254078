/*
 * pop3_rig: see pop3_rig_suite.h.
 */
#include "protocol/pop3_rig_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HEARD_MAX = 32 * 1024 * 1024 };

static const char *const two_mails[] = { "From: a\nSubject: one\n\n..dot\nend\n", "From: b\nHello.\nThere: you are\n",
	                                 NULL };

static size_t count_mails(const struct pop3_host *h)
{
	size_t n = 0;
	while (h->mails && h->mails[n])
		n++;
	return h->many ? h->many : n;
}

static const char *mail_text(const struct pop3_host *h, size_t i)
{
	assert_true(i < count_mails(h));
	return h->many ? "x\n" : h->mails[i];
}

/* Enough for the test mails: each line end is two octets, a doubled full stop one. */
static uint64_t mail_octets(const struct pop3_host *h, size_t i)
{
	uint64_t octets = 0;
	const char *text = mail_text(h, i);
	for (const char *c = text; *c; c++)
		octets += *c == '\n' ? 2 : *c == '.' && c[1] == '.' && (c == text || c[-1] == '\n') ? 0 : 1;
	return octets;
}

static void note(struct pop3_host *h, const char *event)
{
	assert_int_equal(h->owes, OWES_NOTHING);
	assert_true(buf_append_text(&h->noted, event));
}

void pop3_rig_give_answer(struct pop3_host *h)
{
	enum pop3_rig_owes owes = h->owes;
	h->owes = OWES_NOTHING;
	if (owes == OWES_LOGIN)
		pop3_server_login(h->session, h->result, h->result == POP3_LOGIN_IN_USE ? "alice from \n::1" : NULL);
	else if (owes == OWES_CHALLENGE)
		pop3_server_challenge(h->session, "cGxlYXNl");
	else if (owes == OWES_CONTINUE)
		pop3_server_continue(h->session);
	else if (owes == OWES_COMMIT)
		pop3_server_committed(h->session, !h->cannot_remove);
}

static void answer(struct pop3_host *h, enum pop3_rig_owes owes)
{
	h->owes = owes;
	if (!h->defers)
		pop3_rig_give_answer(h);
}

static void answer_login(struct pop3_host *h, bool right)
{
	h->result = right ? h->login : POP3_LOGIN_WRONG;
	answer(h, OWES_LOGIN);
}

static void host_login(void *host, struct slice user, struct slice password)
{
	note(host, "[login]");
	answer_login(host, slice_equal_text(user, "alice") && slice_equal_text(password, "secret"));
}

/* The digest is the time stamp backwards. */
static void host_apop(void *host, struct slice user, struct slice stamp, struct slice digest)
{
	bool right = slice_equal_text(user, "alice") && stamp.len == digest.len;
	for (size_t i = 0; right && i < stamp.len; i++)
		right = stamp.ptr[i] == digest.ptr[stamp.len - 1 - i];
	note(host, "[apop]");
	answer_login(host, right);
}

static void host_refresh(void *host)
{
	answer(host, OWES_CONTINUE);
}

static bool host_apop_offered(void *host)
{
	return !((const struct pop3_host *)host)->no_apop;
}

static bool host_plaintext_allowed(void *host)
{
	return ((const struct pop3_host *)host)->in_clear;
}

static void host_mechanisms(void *host, char list[POP3_MECHANISMS_MAX])
{
	snprintf(list, POP3_MECHANISMS_MAX, "%s", ((const struct pop3_host *)host)->mechanisms);
}

static void host_auth_step(void *host, struct slice response)
{
	struct pop3_host *h = host;
	char event[64];
	snprintf(event, sizeof event, "[step %.*s]", response.len < 40 ? (int)response.len : 40, response.ptr);
	note(h, event);
	if (h->challenges > 0) {
		h->challenges--;
		answer(h, OWES_CHALLENGE);
		return;
	}
	answer_login(h, slice_equal_text(response, "eWVz"));
}

static void host_auth(void *host, struct slice mechanism, const struct slice *initial)
{
	struct pop3_host *h = host;
	note(h, "[auth]");
	if (!slice_equal_text_nocase(mechanism, "TEST")) {
		h->result = POP3_LOGIN_NO_MECHANISM;
		answer(h, OWES_LOGIN);
	} else if (initial) {
		host_auth_step(host, *initial);
	} else {
		answer(h, OWES_CHALLENGE);
	}
}

static void host_auth_cancel(void *host)
{
	note(host, "[cancel]");
}

static size_t host_count(void *host)
{
	return count_mails(host);
}

static uint64_t host_octets(void *host)
{
	const struct pop3_host *h = host;
	uint64_t sum = 0;
	for (size_t i = 0; i < count_mails(h); i++)
		sum += mail_octets(h, i);
	return sum;
}

/* Whether what is asked for has to be fetched first. */
static bool fetch(struct pop3_host *h)
{
	assert_int_equal(h->owes, OWES_NOTHING);
	h->fetched = !h->fetched;
	if (!h->fetches || !h->fetched)
		return false;
	answer(h, OWES_CONTINUE);
	return true;
}

static enum pop3_got host_info(void *host, size_t i, bool want_uid, struct pop3_mail *mail)
{
	struct pop3_host *h = host;
	if (fetch(h))
		return POP3_LATER;
	if (h->info_fails != POP3_RIG_NEVER && h->info_fails == (int)i)
		return POP3_FAULT;
	mail->octets = mail_octets(h, i);
	mail->uid[0] = '\0';
	if (want_uid)
		snprintf(mail->uid, sizeof mail->uid, "uid-%zu", i);
	return POP3_GOT;
}

static enum pop3_got host_read(void *host, size_t i, struct pop3_piece *piece)
{
	struct pop3_host *h = host;
	struct slice text = slice_str(mail_text(h, i));
	if (fetch(h))
		return POP3_LATER;
	if (h->read_fails != POP3_RIG_NEVER && piece->offset >= (uint64_t)h->read_fails)
		return POP3_FAULT;
	text = slice_skip(text, (size_t)piece->offset);
	size_t most = piece->most < h->read_max ? piece->most : h->read_max;
	piece->octets = slice_make(text.ptr, text.len < most ? text.len : most);
	return POP3_GOT;
}

static void host_commit(void *host, const unsigned char *marks)
{
	struct pop3_host *h = host;
	char event[32] = "[commit]";
	if (marks)
		snprintf(event, sizeof event, "[commit %02x]", marks[0]);
	note(h, event);
	answer(h, OWES_COMMIT);
}

static void host_free(void *host)
{
	note(host, "[free]");
}

static const struct pop3_host_ops host_ops = {
	.login = host_login,
	.apop = host_apop,
	.refresh = host_refresh,
	.apop_offered = host_apop_offered,
	.plaintext_allowed = host_plaintext_allowed,
	.mechanisms = host_mechanisms,
	.auth = host_auth,
	.auth_step = host_auth_step,
	.auth_cancel = host_auth_cancel,
	.count = host_count,
	.octets = host_octets,
	.info = host_info,
	.read = host_read,
	.commit = host_commit,
	.free = host_free,
};

void pop3_rig_hear(struct pop3_rig *r)
{
	while (r->pump.out.len > 0) {
		assert_true(buf_append_slice(&r->heard, buf_slice(&r->pump.out)));
		buf_clear(&r->pump.out);
		pump_drained(&r->pump);
	}
}

void pop3_rig_settle(struct pop3_rig *r)
{
	pop3_rig_hear(r);
	while (r->host.owes != OWES_NOTHING) {
		pop3_rig_give_answer(&r->host);
		pop3_rig_hear(r);
	}
}

static void open_session(struct pop3_rig *r, bool defers, int64_t idle_ms)
{
	*r = (struct pop3_rig){
		.host = { .defers = defers,
		          .fetches = defers,
		          .mails = two_mails,
		          .in_clear = true,
		          .mechanisms = "",
		          .info_fails = POP3_RIG_NEVER,
		          .read_fails = POP3_RIG_NEVER,
		          .read_max = SIZE_MAX },
		.config = { .replies = replies_default, .domain = "rig.example", .idle_ms = idle_ms },
	};
	buf_init(&r->host.noted, HEARD_MAX);
	buf_init(&r->heard, HEARD_MAX);
	r->host.session = pop3_server_new(&r->config, &host_ops, &r->host);
	assert_non_null(r->host.session);
	pump_init(&r->pump, r->host.session, NULL, NULL);
}

void pop3_rig_open(struct pop3_rig *r, bool defers)
{
	open_session(r, defers, 0);
}

void pop3_rig_open_idle(struct pop3_rig *r, int64_t idle_ms)
{
	open_session(r, false, idle_ms);
}

void pop3_rig_close(struct pop3_rig *r)
{
	pump_release(&r->pump);
	assert_memory_equal(buf_end(&r->host.noted) - strlen("[free]"), "[free]", strlen("[free]"));
	buf_release(&r->host.noted);
	buf_release(&r->heard);
}

void pop3_rig_give(struct pop3_rig *r, const char *text)
{
	pump_input(&r->pump, text, strlen(text));
	pop3_rig_settle(r);
}

void pop3_rig_expect(struct pop3_rig *r, const char *expected)
{
	pop3_rig_hear(r);
	assert_true(buf_append_char(&r->heard, '\0'));
	assert_string_equal(r->heard.data, expected);
	buf_clear(&r->heard);
}

void pop3_rig_expect_noted(struct pop3_rig *r, const char *expected)
{
	assert_true(buf_append_char(&r->host.noted, '\0'));
	assert_string_equal(r->host.noted.data, expected);
	buf_clear(&r->host.noted);
}

void pop3_rig_log_in(struct pop3_rig *r)
{
	pump_start(&r->pump);
	pop3_rig_give(r, "USER alice\r\nPASS secret\r\n");
	pop3_rig_hear(r);
	buf_clear(&r->heard);
	buf_clear(&r->host.noted);
}

void pop3_rig_open_mailbox(struct pop3_rig *r)
{
	pop3_rig_open(r, false);
	pop3_rig_log_in(r);
}
