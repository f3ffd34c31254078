/*
 * The SMTP session against a scripted host, which notes what it is asked, and answers at once or later. Which commands are answered how is shown
 * by the dialogs in tests/dialogs/smtp as well; here is what they cannot show: the host's side, cuts, waits, limits and ends.
 */
#include "protocol/smtp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/pump.h"
#include "protocol/smtp_session.h"

enum { HEARD_MAX = 8 * 1024 * 1024, PIECE = 32 * 1024 };

struct host {
	struct session *session;
	bool defers; /* answers come when the test lets them */
	enum { OWES_NOTHING, OWES_ANSWER, OWES_CONTINUE } owes;
	enum reply_id answer;
	enum reply_id data_begin;
	enum reply_id data_end;
	bool pauses; /* data() asks to wait, each time */
	struct buf noted;
	struct buf text;
};

struct rig {
	struct host host;
	struct pump pump;
	struct buf heard;
	struct smtp_config config;
};

static void note(struct host *h, const char *event)
{
	assert_int_equal(h->owes, OWES_NOTHING);
	assert_true(buf_append_text(&h->noted, event));
}

static void answer(struct host *h, enum reply_id id)
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
	struct host *h = host;
	note(h, "[rcpt ");
	note(h, a->text);
	note(h, "]");
	bool known = strncmp(a->local, "alice", 5) == 0 || strncmp(a->local, "bob", 3) == 0;
	answer(h, known ? REPLY_RECIPIENT_OK : REPLY_NO_SUCH_USER);
}

static enum reply_id host_data_begin(void *host)
{
	struct host *h = host;
	note(h, "[begin]");
	return h->data_begin;
}

static bool host_data(void *host, const char *octets, size_t n)
{
	struct host *h = host;
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
	struct host *h = host;
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

/* ---- the rig ---- */

static void hear(struct rig *r)
{
	while (r->pump.out.len > 0) {
		assert_true(buf_append_slice(&r->heard, buf_slice(&r->pump.out)));
		buf_clear(&r->pump.out);
		pump_drained(&r->pump);
	}
}

/* Gives every answer that is owed. */
static void settle(struct rig *r)
{
	struct host *h = &r->host;
	hear(r);
	while (h->owes != OWES_NOTHING) {
		bool owes_answer = h->owes == OWES_ANSWER;
		h->owes = OWES_NOTHING;
		if (owes_answer)
			smtp_server_answer(h->session, h->answer, 7);
		else
			smtp_server_continue(h->session);
		hear(r);
	}
}

static void rig_open(struct rig *r, bool defers)
{
	*r = (struct rig){
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

static void rig_close(struct rig *r)
{
	pump_release(&r->pump);
	assert_memory_equal(buf_end(&r->host.noted) - strlen("[free]"), "[free]", strlen("[free]"));
	buf_release(&r->host.noted);
	buf_release(&r->host.text);
	buf_release(&r->heard);
}

static void give_octets(struct rig *r, const char *octets, size_t n)
{
	while (n > 0) {
		size_t piece = n < PIECE ? n : PIECE;
		pump_input(&r->pump, octets, piece);
		settle(r);
		octets += piece;
		n -= piece;
	}
}

static void give(struct rig *r, const char *text)
{
	give_octets(r, text, strlen(text));
}

/* All that was said since the last call. */
static void expect(struct rig *r, const char *expected)
{
	hear(r);
	assert_true(buf_append_char(&r->heard, '\0'));
	assert_string_equal(r->heard.data, expected);
	buf_clear(&r->heard);
}

/* The codes alone: "250 250 354". */
static void expect_codes(struct rig *r, const char *expected)
{
	struct buf codes;
	hear(r);
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

static void expect_noted(struct rig *r, const char *expected)
{
	assert_true(buf_append_char(&r->host.noted, '\0'));
	assert_string_equal(r->host.noted.data, expected);
	buf_clear(&r->host.noted);
}

static void expect_text(struct rig *r, const char *expected)
{
	assert_true(buf_append_char(&r->host.text, '\0'));
	assert_string_equal(r->host.text.data, expected);
	buf_clear(&r->host.text);
}

static void greet(struct rig *r, const char *hello)
{
	rig_open(r, false);
	pump_start(&r->pump);
	give(r, hello);
	hear(r);
	buf_clear(&r->heard);
}

#define ENVELOPE "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\nDATA\r\n"

/* ---- the host's side ---- */

static const char dialogue[] = "EHLO kgp\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\nRCPT TO:<nobody@x>\r\nDATA\r\n"
                               "From: a@b\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:bob@x\r\nDATA\r\n.\r\nQUIT\r\n";
static const char answers[] = "220 lab.example Service Ready\r\n"
                              "250-lab.example OK Hello kgp\r\n"
                              "250-PIPELINING\r\n"
                              "250-SIZE 1000000\r\n"
                              "250-8BITMIME\r\n"
                              "250-ENHANCEDSTATUSCODES\r\n"
                              "250 HELP\r\n"
                              "250 2.1.0 <a@b>... Sender ok\r\n"
                              "250 2.1.5 <alice@x>... Recipient ok\r\n"
                              "550 5.1.1 No such user\r\n"
                              "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
                              "250 2.0.0 OK Message accepted for delivery\r\n"
                              "250 2.1.0 <>... Sender ok\r\n"
                              "250 2.1.5 <bob@x>... Recipient ok\r\n"
                              "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
                              "250 2.0.0 OK Message accepted for delivery\r\n"
                              "221 2.0.0 lab.example Service closing transmission channel\r\n";
static const char events[] = "[rcpt alice@x][rcpt nobody@x][begin][end][reset][rcpt bob@x][begin][end][reset]";

/* Two mails in one dialogue: in pieces of `step`, cut at `cut`. */
static void play(bool defers, bool pauses, size_t step, size_t cut)
{
	struct rig r;
	size_t len = strlen(dialogue);
	rig_open(&r, defers);
	r.host.pauses = pauses;
	pump_start(&r.pump);
	for (size_t at = 0; at < len;) {
		size_t next = at < cut && cut < at + step ? cut : at + step;
		next = next < len ? next : len;
		give_octets(&r, dialogue + at, next - at);
		at = next;
	}
	expect(&r, answers);
	expect_noted(&r, events);
	expect_text(&r, "From: a@b\n\n..dot\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_dialogue_is_the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < strlen(dialogue); cut++)
		play(false, false, sizeof dialogue, cut);
	play(false, false, 1, 0);
}

static void a_dialogue_is_the_same_when_the_host_answers_later(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < strlen(dialogue); cut++)
		play(true, true, sizeof dialogue, cut);
	play(true, false, 1, 0);
	play(false, true, 1, 0);
	play(true, true, 1, 0);
}

static void a_refusal_by_the_host_is_said_and_ends_the_transaction(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "EHLO x\r\n");
	r.host.data_end = REPLY_SUBJECT_TOO_LONG;
	give(&r, ENVELOPE "x\r\n.\r\nRCPT TO:<bob@x>\r\n");
	expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	           "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	           "554 5.6.0 Subject is longer than 7 characters\r\n"
	           "503 5.5.1 Wrong order of commands: MAIL comes first\r\n");
	expect_noted(&r, "[rcpt alice@x][begin][end][reset]");
	rig_close(&r);
}

static void data_that_cannot_begin_leaves_the_transaction_as_it_is(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\n");
	r.host.data_begin = REPLY_TRY_LATER;
	give(&r, ENVELOPE);
	expect_codes(&r, "250 250 451");
	r.host.data_begin = REPLY_DATA_START;
	give(&r, "DATA\r\n.\r\n");
	expect_codes(&r, "354 250");
	rig_close(&r);
}

static void the_host_forgets_at_rset_helo_quit_and_at_the_end(void **state)
{
	static const char *const enders[] = { "RSET\r\n", "HELO y\r\n", "EHLO y\r\n", "QUIT\r\n", "" };
	(void)state;
	for (size_t i = 0; i < sizeof enders / sizeof enders[0]; i++) {
		struct rig r;
		greet(&r, "HELO x\r\n");
		give(&r, "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\n");
		give(&r, enders[i]);
		assert_int_equal(r.pump.next == NEXT_CLOSE, strcmp(enders[i], "QUIT\r\n") == 0);
		if (enders[i][0])
			expect_noted(&r, "[rcpt alice@x][reset]");
		rig_close(&r);
	}
}

static void nothing_is_forgotten_where_there_was_nothing(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\nRSET\r\nHELO x\r\nRSET\r\n");
	expect_noted(&r, "");
	rig_close(&r);
}

static void the_host_is_told_name_and_sender(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO my.name \r\n");
	assert_string_equal(smtp_server_client_name(r.host.session), "my.name");
	assert_string_equal(smtp_server_sender(r.host.session)->text, "");
	give(&r, "MAIL FROM:<a@b>\r\n");
	assert_string_equal(smtp_server_sender(r.host.session)->text, "a@b");
	give(&r, "RSET\r\n");
	assert_string_equal(smtp_server_sender(r.host.session)->text, "");
	rig_close(&r);
}

/* ---- limits ---- */

static void a_mail_of_just_the_size_is_taken_and_one_octet_more_is_not(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "EHLO x\r\n");
	r.config.max_size = 10;
	give(&r, ENVELOPE "12345678\r\n.\r\n" ENVELOPE "..2345678\r\n.\r\n" ENVELOPE "123456789\r\n.\r\n");
	expect_codes(&r, "250 250 354 250 250 250 354 250 250 250 354 552");
	expect_noted(&r,
	             "[rcpt alice@x][begin][end][reset][rcpt alice@x][begin][end][reset][rcpt alice@x][begin][reset]");
	rig_close(&r);
}

static void a_mail_that_is_too_big_is_given_up_at_once_and_the_session_lives(void **state)
{
	struct rig r;
	static char text[3 * 1000 * 1000];
	(void)state;
	memset(text, 'x', sizeof text);
	greet(&r, "EHLO x\r\n");
	give(&r, ENVELOPE);
	give_octets(&r, text, sizeof text / 2);
	expect_noted(&r, "[rcpt alice@x][begin][reset]");
	assert_true(r.host.text.len <= 1000 * 1000);
	give_octets(&r, text, sizeof text / 2);
	give(&r, "\r\n.\r\nNOOP\r\n");
	expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	           "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	           "552 5.3.4 Message is larger than 1000000 octets\r\n250 2.0.0 OK\r\n");
	rig_close(&r);
}

static void a_bare_cr_is_refused_at_the_end_without_asking_the_host(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\n");
	give(&r, ENVELOPE "a\rb\r\nmore\r\n.\r\nNOOP\r\n");
	expect(&r, "250 <a@b>... Sender ok\r\n250 <alice@x>... Recipient ok\r\n"
	           "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	           "554 Message holds a CR that is not followed by LF\r\n250 OK\r\n");
	expect_noted(&r, "[rcpt alice@x][begin][reset]");
	rig_close(&r);
}

/* RFC 5321 section 4.5.3.1.10 */
static void after_a_thousand_recipients_452_and_those_before_are_kept(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\nMAIL FROM:<a@b>\r\n");
	for (int i = 0; i < SMTP_RECIPIENTS_MAX; i++) {
		char line[64];
		snprintf(line, sizeof line, "RCPT TO:<alice%d@x>\r\n", i);
		give(&r, line);
	}
	buf_clear(&r.heard);
	give(&r, "RCPT TO:<bob@x>\r\nDATA\r\n.\r\n");
	expect_codes(&r, "452 354 250");
	rig_close(&r);
}

static void ten_errors_and_out(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "EHLO x\r\n");
	for (int i = 0; i < SMTP_ERRORS_MAX; i++)
		give(&r, "XYZZY\r\n");
	give(&r, "NOOP\r\n");
	expect_codes(&r, "500 500 500 500 500 500 500 500 500 500 421");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void unknown_recipients_are_no_errors_and_an_accepted_mail_forgives(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "EHLO x\r\n");
	for (int i = 0; i < SMTP_ERRORS_MAX - 1; i++)
		give(&r, "XYZZY\r\n");
	give(&r, "MAIL FROM:<a@b>\r\nRCPT TO:<nobody@x>\r\nRCPT TO:<nobody@x>\r\nRCPT TO:<alice@x>\r\nDATA\r\n.\r\n");
	for (int i = 0; i < SMTP_ERRORS_MAX - 1; i++)
		give(&r, "XYZZY\r\n");
	buf_clear(&r.heard);
	give(&r, "NOOP\r\nXYZZY\r\n");
	expect_codes(&r, "250 500 421");
	rig_close(&r);
}

/* RFC 5321 section 4.5.3.1.4 */
static void a_line_of_the_full_length_works_and_a_longer_one_does_nothing(void **state)
{
	struct rig r;
	char line[4 * SMTP_LINE_MAX];
	(void)state;
	greet(&r, "HELO x\r\n");
	for (size_t len = SMTP_LINE_MAX - 1; len <= SMTP_LINE_MAX + 1; len++) {
		memset(line, ' ', sizeof line);
		memcpy(line, "NOOP x", 6);
		memcpy(line + len - 2, "\r\n", 2);
		give_octets(&r, line, len);
	}
	memset(line, 'x', sizeof line);
	memcpy(line + sizeof line - 6, "QUIT\r\n", 6);
	give_octets(&r, line, sizeof line);
	give(&r, "NOOP\r\n");
	expect_codes(&r, "250 250 500 500 250");
	rig_close(&r);
}

static void a_client_name_of_255_octets_is_taken_and_shown(void **state)
{
	struct rig r;
	char line[600];
	(void)state;
	greet(&r, "");
	snprintf(line, sizeof line, "HELO %0255d\r\nHELO %0256d\r\n", 1, 1);
	give(&r, line);
	expect_codes(&r, "250 501");
	assert_int_equal(strlen(smtp_server_client_name(r.host.session)), 255);
	rig_close(&r);
}

/* RFC 2920 section 3.2: no reply is lost, none comes twice. */
static void sixty_commands_in_one_write_get_sixty_replies(void **state)
{
	struct rig r;
	char commands[60 * 6 + 1] = "";
	char codes[60 * 4 + 1] = "";
	(void)state;
	greet(&r, "EHLO x\r\n");
	for (int i = 0; i < 60; i++) {
		strcat(commands, "NOOP\r\n");
		strcat(codes, i > 0 ? " 250" : "250");
	}
	give(&r, commands);
	expect_codes(&r, codes);
	rig_close(&r);
}

/* ---- line ends ---- */

static void a_peer_of_the_first_line_with_lf_is_read_by_lf(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\n");
	give(&r, "MAIL FROM:<a@b>\nRCPT TO:<alice@x>\r\nDATA\nSubject: x\n..\r\n.\nQUIT\n");
	expect_codes(&r, "250 250 354 250 221");
	expect_text(&r, "Subject: x\n..\n");
	rig_close(&r);
}

static void a_peer_of_crlf_cannot_hide_a_command_behind_a_bare_lf(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "EHLO x\r\n");
	give(&r, "NOOP\nRSET\r\nMAIL FROM:<a@b>\nRCPT TO:<alice@x>\r\n");
	expect_codes(&r, "500 501");
	expect_noted(&r, "");
	rig_close(&r);
}

static void a_first_line_that_is_too_long_chooses_the_line_ends_too(void **state)
{
	struct rig r;
	char line[SMTP_LINE_MAX + 3];
	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	greet(&r, line);
	assert_int_equal(r.host.session->ends, LINE_ENDS_CRLF);
	rig_close(&r);
}

/* ---- ends ---- */

static void each_stop_is_said(void **state)
{
	static const struct {
		enum session_stop why;
		const char *said;
	} stops[] = {
		{ STOP_IDLE, "421 4.4.2 lab.example Nothing heard for too long, closing transmission channel\r\n" },
		{ STOP_SHUTDOWN, "421 4.3.2 lab.example Service is shutting down, closing transmission channel\r\n" },
		{ STOP_NOW, "421 4.3.2 lab.example Service is shutting down, closing transmission channel\r\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
		struct rig r;
		greet(&r, "EHLO x\r\nMAIL FROM:<a@b>\r\n");
		pump_stop(&r.pump, stops[i].why);
		expect(&r, stops[i].said);
		expect_noted(&r, "[reset]");
		assert_true(pump_closing(&r.pump));
		rig_close(&r);
	}
}

static void a_crowded_server_says_so_in_place_of_its_greeting(void **state)
{
	struct rig r;
	(void)state;
	rig_open(&r, false);
	pump_stop(&r.pump, STOP_CROWDED);
	expect(&r, "421 lab.example Too many connections, try again later\r\n");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void at_shutdown_a_mail_in_mid_data_is_finished_and_answered(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\n");
	give(&r, ENVELOPE "half");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	expect_codes(&r, "250 250 354");
	give(&r, " and whole\r\n.\r\nNOOP\r\n");
	expect_codes(&r, "250 421");
	expect_text(&r, "half and whole\n");
	expect_noted(&r, "[rcpt alice@x][begin][end][reset]");
	rig_close(&r);
}

static void when_time_is_over_a_mail_in_mid_data_is_given_up(void **state)
{
	static const enum session_stop stops[] = { STOP_NOW, STOP_IDLE };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig r;
		greet(&r, "HELO x\r\n");
		give(&r, ENVELOPE "half\r\n");
		pump_stop(&r.pump, STOP_SHUTDOWN);
		pump_stop(&r.pump, stops[i]);
		give(&r, ".\r\n");
		expect_codes(&r, "250 250 354 421");
		expect_noted(&r, "[rcpt alice@x][begin][reset]");
		rig_close(&r);
	}
}

/* RFC 5321 section 4.1.1.10 */
static void a_connection_that_breaks_before_the_full_stop_delivers_nothing(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\n");
	give(&r, ENVELOPE "text\r\n.");
	pump_lost(&r.pump);
	pump_release(&r.pump);
	expect_noted(&r, "[rcpt alice@x][begin][reset][free]");
	buf_release(&r.host.noted);
	buf_release(&r.host.text);
	buf_release(&r.heard);
}

static void a_peer_that_vanishes_while_the_host_works_is_waited_for(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\n");
	give(&r, ENVELOPE);
	r.host.defers = true;
	pump_input(&r.pump, ".\r\n", 3);
	pump_lost(&r.pump);
	assert_true(pump_waiting(&r.pump));
	expect_noted(&r, "[rcpt alice@x][begin][end]");
	settle(&r);
	expect_noted(&r, "[reset]");
	assert_true(pump_closing(&r.pump));
	rig_close(&r);
}

static void a_stop_while_the_host_works_comes_after_its_answer(void **state)
{
	struct rig r;
	(void)state;
	greet(&r, "HELO x\r\n");
	give(&r, ENVELOPE);
	buf_clear(&r.heard);
	r.host.defers = true;
	pump_input(&r.pump, ".\r\n", 3);
	pump_stop(&r.pump, STOP_NOW);
	settle(&r);
	expect_codes(&r, "250 421");
	rig_close(&r);
}

static void an_idle_session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct smtp_server) < 1024);
}

static void the_transcript_shows_the_dialogue(void **state)
{
	static char shown[4096];
	struct rig r;
	FILE *file = tmpfile();
	(void)state;
	rig_open(&r, false);
	r.config.transcript = transcript_new(fileno(file));
	transcript_feed_init(&smtp_session_of(r.host.session)->feed, r.config.transcript);
	pump_start(&r.pump);
	give(&r, "HELO x\r\n" ENVELOPE "Te");
	give(&r, "xt\r\n.\r\nQUIT\r\n");
	rig_close(&r);
	transcript_free(r.config.transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(shown, "C: <client connects to SMTP port>\nS: 220 lab.example Service Ready\nC: HELO x\n"
	                           "S: 250 OK Hello x\nC: MAIL FROM:<a@b>\nS: 250 <a@b>... Sender ok\n"
	                           "C: RCPT TO:<alice@x>\nS: 250 <alice@x>... Recipient ok\nC: DATA\n"
	                           "S: 354 Start mail input; end with <CRLF>.<CRLF>\nC: Text\nC: .\n"
	                           "S: 250 OK Message accepted for delivery\nC: QUIT\n"
	                           "S: 221 lab.example Service closing transmission channel\n"
	                           "C: <client hangs up>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dialogue_is_the_same_however_it_is_cut),
		cmocka_unit_test(a_dialogue_is_the_same_when_the_host_answers_later),
		cmocka_unit_test(a_refusal_by_the_host_is_said_and_ends_the_transaction),
		cmocka_unit_test(data_that_cannot_begin_leaves_the_transaction_as_it_is),
		cmocka_unit_test(the_host_forgets_at_rset_helo_quit_and_at_the_end),
		cmocka_unit_test(nothing_is_forgotten_where_there_was_nothing),
		cmocka_unit_test(the_host_is_told_name_and_sender),
		cmocka_unit_test(a_mail_of_just_the_size_is_taken_and_one_octet_more_is_not),
		cmocka_unit_test(a_mail_that_is_too_big_is_given_up_at_once_and_the_session_lives),
		cmocka_unit_test(a_bare_cr_is_refused_at_the_end_without_asking_the_host),
		cmocka_unit_test(after_a_thousand_recipients_452_and_those_before_are_kept),
		cmocka_unit_test(ten_errors_and_out),
		cmocka_unit_test(unknown_recipients_are_no_errors_and_an_accepted_mail_forgives),
		cmocka_unit_test(a_line_of_the_full_length_works_and_a_longer_one_does_nothing),
		cmocka_unit_test(a_client_name_of_255_octets_is_taken_and_shown),
		cmocka_unit_test(sixty_commands_in_one_write_get_sixty_replies),
		cmocka_unit_test(a_peer_of_the_first_line_with_lf_is_read_by_lf),
		cmocka_unit_test(a_peer_of_crlf_cannot_hide_a_command_behind_a_bare_lf),
		cmocka_unit_test(a_first_line_that_is_too_long_chooses_the_line_ends_too),
		cmocka_unit_test(each_stop_is_said),
		cmocka_unit_test(a_crowded_server_says_so_in_place_of_its_greeting),
		cmocka_unit_test(at_shutdown_a_mail_in_mid_data_is_finished_and_answered),
		cmocka_unit_test(when_time_is_over_a_mail_in_mid_data_is_given_up),
		cmocka_unit_test(a_connection_that_breaks_before_the_full_stop_delivers_nothing),
		cmocka_unit_test(a_peer_that_vanishes_while_the_host_works_is_waited_for),
		cmocka_unit_test(a_stop_while_the_host_works_comes_after_its_answer),
		cmocka_unit_test(an_idle_session_is_small),
		cmocka_unit_test(the_transcript_shows_the_dialogue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
