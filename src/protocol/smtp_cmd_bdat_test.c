/*
 * BDAT against the scripted host: that octets come through verbatim, that the dialogue keeps in step whatever becomes of them, and that half a mail is none.
 */
#include "protocol/smtp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/smtp_rig_suite.h"
#include "protocol/smtp_session.h"

#define ENVELOPE "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\n"

/* RFC 3030 section 2 */
static void a_chunk_is_taken_verbatim(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 27 LAST\r\na\r\n.\r\n..\r\n.b\r\nQUIT\r\n\xff\r\n\r\n\r\nNOOP\r\n");
	smtp_rig_expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                    "250 2.0.0 OK Message accepted for delivery\r\n250 2.0.0 OK\r\n");
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][end][reset]");
	smtp_rig_expect_text(&r, "a\n..\n...\n..b\nQUIT\n\xff\n\n\n");
	smtp_rig_close(&r);
}

static void chunks_are_joined_wherever_they_are_cut(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 2\r\na\rBDAT 1\r\n\nBDAT 0\r\nbdat 1\r\n.BDAT 3 last\r\nb\r\n");
	smtp_rig_expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                    "250 2.0.0 2 octets received\r\n250 2.0.0 1 octets received\r\n"
	                    "250 2.0.0 0 octets received\r\n250 2.0.0 1 octets received\r\n"
	                    "250 2.0.0 OK Message accepted for delivery\r\n");
	smtp_rig_expect_text(&r, "a\n..b\n");
	smtp_rig_close(&r);
}

static void a_last_chunk_may_be_empty_and_so_may_a_mail(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 3\r\na\r\nBDAT 0 LAST\r\n" ENVELOPE "BDAT 0 LAST\r\n");
	smtp_rig_expect_codes(&r, "250 250 250 250 250 250 250");
	smtp_rig_expect_text(&r, "a\n");
	smtp_rig_close(&r);
}

static void what_would_not_end_in_a_line_end_is_refused(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 1 LAST\r\na");
	smtp_rig_give(&r, ENVELOPE "BDAT 2 LAST\r\na\r");
	smtp_rig_give(&r, ENVELOPE "BDAT 5 LAST\r\na\rb\r\n");
	smtp_rig_hear(&r);
	assert_non_null(strstr((buf_append_char(&r.heard, '\0'), r.heard.data),
	                       "554 5.6.0 Message does not end with a line end (CR LF)\r\n"));
	r.heard.len--;
	smtp_rig_expect_codes(&r, "250 250 554 250 250 554 250 250 554");
	smtp_rig_expect_noted(&r,
	                      "[rcpt alice@x][begin][reset][rcpt alice@x][begin][reset][rcpt alice@x][begin][reset]");
	smtp_rig_close(&r);
}

static void a_bare_lf_is_a_line_end_unless_line_ends_are_strict(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 5 LAST\r\na\n.b\n");
	smtp_rig_expect_text(&r, "a\n..b\n");
	r.config.strict = true;
	smtp_rig_give(&r, ENVELOPE "BDAT 2\r\na\nBDAT 3 LAST\r\nb\r\n");
	smtp_rig_expect_codes(&r, "250 250 250 250 250 554 554");
	smtp_rig_close(&r);
}

/* Section 2: "503" where DATA follows, and nothing but BDAT, RSET, NOOP and the end. */
static void between_chunks_only_chunks_go_on(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE
	              "BDAT 3\r\na\r\nDATA\r\nMAIL FROM:<c@d>\r\nRCPT TO:<bob@x>\r\nNOOP\r\nBDAT 3 LAST\r\nb\r\n");
	smtp_rig_expect_codes(&r, "250 250 250 503 503 503 250 250");
	smtp_rig_expect_text(&r, "a\nb\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 3\r\na\r\nRSET\r\nDATA\r\n" ENVELOPE "BDAT 3\r\na\r\nEHLO y\r\nBDAT 2\r\nxy"
	                           "MAIL FROM:<a@b>\r\n");
	smtp_rig_expect_codes(&r, "250 250 250 250 503 250 250 250 250 503 250");
	smtp_rig_close(&r);
}

static void what_is_refused_is_read_to_its_end(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "");
	smtp_rig_give(&r, "BDAT 6\r\nQUIT\r\nEHLO x\r\nBDAT 6 LAST\r\nQUIT\r\n");
	smtp_rig_expect_codes(&r, "503 250 503");
	/* Nobody to send it to: the mail is spoiled, whatever RCPT may follow. */
	smtp_rig_give(&r, "MAIL FROM:<a@b>\r\nRCPT TO:<nobody@x>\r\nBDAT 6\r\nQUIT\r\nRCPT TO:<alice@x>\r\nBDAT 6 "
	                  "LAST\r\nQUIT\r\n"
	                  "MAIL FROM:<a@b>\r\n");
	smtp_rig_expect_codes(&r, "250 550 554 503 554 250");
	smtp_rig_expect_text(&r, "");
	smtp_rig_close(&r);
}

static void age(struct smtp_rig *r, int64_t ms)
{
	struct smtp_server *s = smtp_session_of(r->host.session);
	s->text_since -= ms;
	if (s->text_paused != 0)
		s->text_paused -= ms;
}

static void a_chunk_without_a_length_is_a_mistake(void **state)
{
	static const char *const wrong[] = { "",       "-1",      "abc",      "18446744073709551616",
		                             "1x",     "1 LASTS", "1 LAST x", "LAST",
		                             "LAST 1", "+1",      "0x10",     "1,5" };
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char line[100];
		struct smtp_rig r;
		smtp_rig_greet(&r, "EHLO x\r\n" ENVELOPE);
		snprintf(line, sizeof line, "BDAT %s\r\nNOOP\r\n", wrong[i]);
		smtp_rig_give(&r, line);
		smtp_rig_expect(&r,
		                "501 5.5.4 Syntax error; the correct form is: BDAT octets [LAST]\r\n250 2.0.0 OK\r\n");
		smtp_rig_expect_noted(&r, "[rcpt alice@x][reset]");
		smtp_rig_close(&r);
	}
}

/* A mail with a hole in it is none. */
static void a_chunk_that_cannot_be_read_is_the_end_of_its_mail(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n" ENVELOPE);
	smtp_rig_give(&r, "BDAT 3\r\na\r\nBDAT x5\r\nBDAT 3 LAST\r\nb\r\nNOOP\r\n");
	smtp_rig_expect(&r, "250 2.0.0 3 octets received\r\n"
	                    "501 5.5.4 Syntax error; the correct form is: BDAT octets [LAST]\r\n"
	                    "503 5.5.1 Wrong order of commands: MAIL comes first\r\n"
	                    "250 2.0.0 OK\r\n");
	smtp_rig_close(&r);
}

/* RFC 5321 section 4.5.3.2.7: between two commands the client has minutes, and they are not the text's. */
static void a_pause_between_chunks_is_not_slowness(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n" ENVELOPE);
	for (int i = 0; i < 5; i++) {
		smtp_rig_give(&r, "BDAT 3\r\na\r\n");
		smtp_rig_expect(&r, "250 2.0.0 3 octets received\r\n");
		age(&r, 4 * 60 * 1000);
	}
	smtp_rig_give(&r, "BDAT 3 LAST\r\nb\r\n");
	smtp_rig_expect(&r, "250 2.0.0 OK Message accepted for delivery\r\n");
	smtp_rig_close(&r);
}

/* … and so is the refusal of one that the end of the server has found open. */
static void at_shutdown_a_refused_chunk_is_the_last_word(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "BDAT 6\r\nabc");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	smtp_rig_give(&r, "def");
	smtp_rig_expect(&r, "503 5.5.1 Wrong order of commands: MAIL comes first\r\n"
	                    "421 4.3.2 lab.example Service is shutting down, closing transmission channel\r\n");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

/* RFC 1870 section 6.3 */
static void a_mail_that_becomes_too_big_is_read_to_its_end(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	r.config.max_size = 10;
	smtp_rig_give(&r, ENVELOPE
	              "BDAT 10\r\n12345678\r\nBDAT 4\r\nab\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
	smtp_rig_expect(&r,
	                "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                "250 2.0.0 10 octets received\r\n552 5.3.4 Message is larger than 10 octets\r\n"
	                "552 5.3.4 Message is larger than 10 octets\r\n552 5.3.4 Message is larger than 10 octets\r\n"
	                "250 2.0.0 OK\r\n");
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset]");
	smtp_rig_close(&r);
}

static void a_host_that_cannot_begin_spoils_the_mail(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	r.host.data_begin = REPLY_TRY_LATER;
	smtp_rig_give(&r, ENVELOPE "BDAT 3\r\na\r\n");
	r.host.data_begin = REPLY_DATA_START;
	smtp_rig_give(&r, "BDAT 3 LAST\r\nb\r\n" ENVELOPE "BDAT 3 LAST\r\nc\r\n");
	smtp_rig_expect_codes(&r, "250 250 451 451 250 250 250");
	smtp_rig_expect_text(&r, "c\n");
	smtp_rig_close(&r);
}

/* ---- cuts ---- */

static const char dialogue[] =
        "EHLO x\r\n" ENVELOPE "BDAT 4\r\n.a\r\nBDAT 5\r\n..\n.\rBDAT 3 LAST\r\n\nx\n" ENVELOPE
        "BDAT 9\r\nxxxxxxxxxBDAT 9\r\nyyyyyyy\r\nBDAT 0 LAST\r\nBDAT 3\r\nabc" ENVELOPE "BDAT 1 LAST\r\n.QUIT\r\n";

static void play(bool defers, bool pauses, size_t step, size_t cut)
{
	struct smtp_rig r;
	size_t len = strlen(dialogue);
	smtp_rig_open(&r, defers);
	r.host.pauses = pauses;
	pump_start(&r.pump);
	for (size_t at = 0; at < len;) {
		size_t next = at < cut && cut < at + step ? cut : at + step;
		next = next < len ? next : len;
		smtp_rig_give_octets(&r, dialogue + at, next - at);
		at = next;
	}
	smtp_rig_expect_codes(&r, "220 250 250 250 250 250 250 250 250 250 250 250 503 250 250 554 221");
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][end][reset][rcpt alice@x][begin][end][reset]"
	                          "[rcpt alice@x][begin][reset]");
	smtp_rig_expect_text(&r, "..a\n...\n..\nx\nxxxxxxxxxyyyyyyy\n..");
	smtp_rig_close(&r);
}

static void chunks_are_the_same_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < strlen(dialogue); cut++) {
		play(false, false, sizeof dialogue, cut);
		play(true, true, sizeof dialogue, cut);
	}
	play(false, false, 1, 0);
	play(true, true, 1, 0);
	play(true, false, 1, 0);
}

static void a_chunk_of_a_megabyte_comes_through(void **state)
{
	static char text[1024 * 1024];
	struct smtp_rig r;
	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text + sizeof text - 2, "\r\n", 2);
	smtp_rig_greet(&r, "EHLO x\r\n");
	r.config.max_size = sizeof text;
	smtp_rig_give(&r, ENVELOPE "BDAT 1048576 LAST\r\n");
	smtp_rig_give_octets(&r, text, sizeof text);
	smtp_rig_expect_codes(&r, "250 250 250");
	assert_int_equal(r.host.text.len, sizeof text - 1);
	smtp_rig_close(&r);
}

/* ---- ends ---- */

static void half_a_mail_is_none(void **state)
{
	static const char *const halves[] = { "BDAT 3\r\na\r\n", "BDAT 9 LAST\r\na\r\n" };
	static const enum session_stop stops[] = { STOP_IDLE, STOP_NOW };
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct smtp_rig r;
		smtp_rig_greet(&r, "EHLO x\r\n");
		smtp_rig_give(&r, ENVELOPE);
		smtp_rig_give(&r, halves[i % 2]);
		pump_stop(&r.pump, stops[i / 2]);
		smtp_rig_hear(&r);
		assert_true(pump_closing(&r.pump));
		smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset]");
		smtp_rig_close(&r);
	}
}

static void a_connection_that_breaks_amid_a_chunk_delivers_nothing(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 9 LAST\r\na\r\n");
	pump_lost(&r.pump);
	pump_release(&r.pump);
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset][free]");
	buf_release(&r.host.noted);
	buf_release(&r.host.text);
	buf_release(&r.heard);
}

static void at_shutdown_a_last_chunk_is_finished_and_another_is_not(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 6 LAST\r\na\r\n");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	smtp_rig_give(&r, "b\r\nNOOP\r\n");
	smtp_rig_expect_codes(&r, "250 250 250 421");
	smtp_rig_expect_text(&r, "a\nb\n");
	smtp_rig_close(&r);

	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "BDAT 6\r\na\r\n");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	smtp_rig_give(&r, "b\r\nNOOP\r\n");
	smtp_rig_expect_codes(&r, "250 250 421");
	assert_true(pump_closing(&r.pump));
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset]");
	smtp_rig_close(&r);
}

/* ---- slow senders ---- */

static void a_text_that_drips_is_not_waited_for_for_ever(void **state)
{
	static const char *const beginnings[] = { ENVELOPE "DATA\r\nx", ENVELOPE "BDAT 100000\r\nx",
		                                  "BDAT 100000\r\nx" };
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct smtp_rig r;
		smtp_rig_greet(&r, "EHLO x\r\n");
		smtp_rig_give(&r, beginnings[i]);
		age(&r, SMTP_TEXT_GRACE_MS - 1000);
		smtp_rig_give(&r, "x");
		assert_false(pump_closing(&r.pump));
		buf_clear(&r.heard);
		age(&r, 2000);
		smtp_rig_give(&r, "x");
		smtp_rig_expect(&r,
		                "421 4.4.2 lab.example The mail comes too slowly, closing transmission channel\r\n");
		assert_true(pump_closing(&r.pump));
		smtp_rig_close(&r);
	}
}

static void a_text_that_comes_fast_enough_may_take_hours(void **state)
{
	static char text[SMTP_TEXT_RATE * 3600];
	struct smtp_rig r;
	(void)state;
	memset(text, 'x', sizeof text);
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE "DATA\r\n");
	smtp_rig_give_octets(&r, text, sizeof text);
	age(&r, 3599 * 1000);
	smtp_rig_give(&r, "\r\n.\r\n");
	smtp_rig_expect_codes(&r, "250 250 354 250");
	smtp_rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chunk_is_taken_verbatim),
		cmocka_unit_test(chunks_are_joined_wherever_they_are_cut),
		cmocka_unit_test(a_last_chunk_may_be_empty_and_so_may_a_mail),
		cmocka_unit_test(what_would_not_end_in_a_line_end_is_refused),
		cmocka_unit_test(a_bare_lf_is_a_line_end_unless_line_ends_are_strict),
		cmocka_unit_test(between_chunks_only_chunks_go_on),
		cmocka_unit_test(what_is_refused_is_read_to_its_end),
		cmocka_unit_test(a_chunk_without_a_length_is_a_mistake),
		cmocka_unit_test(a_chunk_that_cannot_be_read_is_the_end_of_its_mail),
		cmocka_unit_test(a_pause_between_chunks_is_not_slowness),
		cmocka_unit_test(at_shutdown_a_refused_chunk_is_the_last_word),
		cmocka_unit_test(a_mail_that_becomes_too_big_is_read_to_its_end),
		cmocka_unit_test(a_host_that_cannot_begin_spoils_the_mail),
		cmocka_unit_test(chunks_are_the_same_however_they_are_cut),
		cmocka_unit_test(a_chunk_of_a_megabyte_comes_through),
		cmocka_unit_test(half_a_mail_is_none),
		cmocka_unit_test(a_connection_that_breaks_amid_a_chunk_delivers_nothing),
		cmocka_unit_test(at_shutdown_a_last_chunk_is_finished_and_another_is_not),
		cmocka_unit_test(a_text_that_drips_is_not_waited_for_for_ever),
		cmocka_unit_test(a_text_that_comes_fast_enough_may_take_hours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
