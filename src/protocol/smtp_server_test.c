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

#include "protocol/smtp_rig_suite.h"
#include "protocol/smtp_session.h"

#define ENVELOPE "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\nDATA\r\n"

/* ---- the host's side ---- */

static const char dialogue[] = "EHLO kgp\r\nMAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\nRCPT TO:<nobody@x>\r\nDATA\r\n"
                               "From: a@b\r\n\r\n..dot\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:bob@x\r\nDATA\r\n.\r\nQUIT\r\n";
static const char answers[] = "220 lab.example Service Ready\r\n"
                              "250-lab.example OK Hello kgp\r\n"
                              "250-PIPELINING\r\n"
                              "250-SIZE 1000000\r\n"
                              "250-8BITMIME\r\n"
                              "250-SMTPUTF8\r\n"
                              "250-CHUNKING\r\n"
                              "250-ENHANCEDSTATUSCODES\r\n"
                              "250-LIMITS RCPTMAX=1000\r\n"
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
	smtp_rig_expect(&r, answers);
	smtp_rig_expect_noted(&r, events);
	smtp_rig_expect_text(&r, "From: a@b\n\n..dot\n");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
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
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	r.host.data_end = REPLY_SUBJECT_TOO_LONG;
	smtp_rig_give(&r, ENVELOPE "x\r\n.\r\nRCPT TO:<bob@x>\r\n");
	smtp_rig_expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                    "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	                    "554 5.6.0 Subject is longer than 7 characters\r\n"
	                    "503 5.5.1 Wrong order of commands: MAIL comes first\r\n");
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][end][reset]");
	smtp_rig_close(&r);
}

static void data_that_cannot_begin_leaves_the_transaction_as_it_is(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	r.host.data_begin = REPLY_TRY_LATER;
	smtp_rig_give(&r, ENVELOPE);
	smtp_rig_expect_codes(&r, "250 250 451");
	r.host.data_begin = REPLY_DATA_START;
	smtp_rig_give(&r, "DATA\r\n.\r\n");
	smtp_rig_expect_codes(&r, "354 250");
	smtp_rig_close(&r);
}

static void the_host_forgets_at_rset_helo_quit_and_at_the_end(void **state)
{
	static const char *const enders[] = { "RSET\r\n", "HELO y\r\n", "EHLO y\r\n", "QUIT\r\n", "" };
	(void)state;
	for (size_t i = 0; i < sizeof enders / sizeof enders[0]; i++) {
		struct smtp_rig r;
		smtp_rig_greet(&r, "HELO x\r\n");
		smtp_rig_give(&r, "MAIL FROM:<a@b>\r\nRCPT TO:<alice@x>\r\n");
		smtp_rig_give(&r, enders[i]);
		assert_int_equal(r.pump.next == NEXT_CLOSE, strcmp(enders[i], "QUIT\r\n") == 0);
		if (enders[i][0])
			smtp_rig_expect_noted(&r, "[rcpt alice@x][reset]");
		smtp_rig_close(&r);
	}
}

static void nothing_is_forgotten_where_there_was_nothing(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\nRSET\r\nHELO x\r\nRSET\r\n");
	smtp_rig_expect_noted(&r, "");
	smtp_rig_close(&r);
}

static void the_host_is_told_name_and_sender(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO my.name \r\n");
	assert_string_equal(smtp_server_client_name(r.host.session), "my.name");
	assert_string_equal(smtp_server_sender(r.host.session)->text, "");
	smtp_rig_give(&r, "MAIL FROM:<a@b>\r\n");
	assert_string_equal(smtp_server_sender(r.host.session)->text, "a@b");
	smtp_rig_give(&r, "RSET\r\n");
	assert_string_equal(smtp_server_sender(r.host.session)->text, "");
	smtp_rig_close(&r);
}

/* ---- limits ---- */

static void a_mail_of_just_the_size_is_taken_and_one_octet_more_is_not(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	r.config.max_size = 10;
	smtp_rig_give(&r, ENVELOPE "12345678\r\n.\r\n" ENVELOPE "..2345678\r\n.\r\n" ENVELOPE "123456789\r\n.\r\n");
	smtp_rig_expect_codes(&r, "250 250 354 250 250 250 354 250 250 250 354 552");
	smtp_rig_expect_noted(
	        &r, "[rcpt alice@x][begin][end][reset][rcpt alice@x][begin][end][reset][rcpt alice@x][begin][reset]");
	smtp_rig_close(&r);
}

static void a_mail_that_is_too_big_is_given_up_at_once_and_the_session_lives(void **state)
{
	struct smtp_rig r;
	static char text[3 * 1000 * 1000];
	(void)state;
	memset(text, 'x', sizeof text);
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, ENVELOPE);
	smtp_rig_give_octets(&r, text, sizeof text / 2);
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset]");
	assert_true(r.host.text.len <= 1000 * 1000);
	smtp_rig_give_octets(&r, text, sizeof text / 2);
	smtp_rig_give(&r, "\r\n.\r\nNOOP\r\n");
	smtp_rig_expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                    "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	                    "552 5.3.4 Message is larger than 1000000 octets\r\n250 2.0.0 OK\r\n");
	smtp_rig_close(&r);
}

static void a_bare_cr_is_refused_at_the_end_without_asking_the_host(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	smtp_rig_give(&r, ENVELOPE "a\rb\r\nmore\r\n.\r\nNOOP\r\n");
	smtp_rig_expect(&r, "250 <a@b>... Sender ok\r\n250 <alice@x>... Recipient ok\r\n"
	                    "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	                    "554 Message holds a CR that is not followed by LF\r\n250 OK\r\n");
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset]");
	smtp_rig_close(&r);
}

/* RFC 5321 section 4.5.3.1.10 */
static void after_a_thousand_recipients_452_and_those_before_are_kept(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\nMAIL FROM:<a@b>\r\n");
	for (int i = 0; i < SMTP_RECIPIENTS_MAX; i++) {
		char line[64];
		snprintf(line, sizeof line, "RCPT TO:<alice%d@x>\r\n", i);
		smtp_rig_give(&r, line);
	}
	buf_clear(&r.heard);
	smtp_rig_give(&r, "RCPT TO:<bob@x>\r\nDATA\r\n.\r\n");
	smtp_rig_expect_codes(&r, "452 354 250");
	smtp_rig_close(&r);
}

static void ten_errors_and_out(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	for (int i = 0; i < SMTP_ERRORS_MAX; i++)
		smtp_rig_give(&r, "XYZZY\r\n");
	smtp_rig_give(&r, "NOOP\r\n");
	smtp_rig_expect_codes(&r, "500 500 500 500 500 500 500 500 500 500 421");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

static void unknown_recipients_are_no_errors_and_an_accepted_mail_forgives(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	for (int i = 0; i < SMTP_ERRORS_MAX - 1; i++)
		smtp_rig_give(&r, "XYZZY\r\n");
	smtp_rig_give(
	        &r,
	        "MAIL FROM:<a@b>\r\nRCPT TO:<nobody@x>\r\nRCPT TO:<nobody@x>\r\nRCPT TO:<alice@x>\r\nDATA\r\n.\r\n");
	for (int i = 0; i < SMTP_ERRORS_MAX - 1; i++)
		smtp_rig_give(&r, "XYZZY\r\n");
	buf_clear(&r.heard);
	smtp_rig_give(&r, "NOOP\r\nXYZZY\r\n");
	smtp_rig_expect_codes(&r, "250 500 421");
	smtp_rig_close(&r);
}

static void two_hundred_unknown_recipients_and_out_unless_a_mail_comes_between(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\nMAIL FROM:<a@b>\r\n");
	for (int i = 0; i < SMTP_STRANGERS_MAX - 1; i++)
		smtp_rig_give(&r, "RCPT TO:<nobody@x>\r\n");
	smtp_rig_give(&r, "RCPT TO:<alice@x>\r\nDATA\r\n.\r\nMAIL FROM:<a@b>\r\n");
	for (int i = 0; i < SMTP_STRANGERS_MAX - 1; i++)
		smtp_rig_give(&r, "RCPT TO:<nobody@x>\r\n");
	buf_clear(&r.heard);
	smtp_rig_give(&r, "NOOP\r\nRCPT TO:<nobody@x>\r\nRCPT TO:<alice@x>\r\n");
	smtp_rig_expect_codes(&r, "250 550 421");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

/* RFC 5321 section 4.5.3.1.4 */
static void a_line_of_the_full_length_works_and_a_longer_one_does_nothing(void **state)
{
	struct smtp_rig r;
	char line[4 * SMTP_LINE_MAX];
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	for (size_t len = SMTP_COMMAND_MAX - 1; len <= SMTP_COMMAND_MAX + 1; len++) {
		memset(line, ' ', sizeof line);
		memcpy(line, "NOOP x", 6);
		memcpy(line + len - 2, "\r\n", 2);
		smtp_rig_give_octets(&r, line, len);
	}
	memset(line, 'x', sizeof line);
	memcpy(line + sizeof line - 6, "QUIT\r\n", 6);
	smtp_rig_give_octets(&r, line, sizeof line);
	smtp_rig_give(&r, "NOOP\r\n");
	smtp_rig_expect_codes(&r, "250 250 500 500 250");
	smtp_rig_close(&r);
}

static void a_client_name_of_255_octets_is_taken_and_shown(void **state)
{
	struct smtp_rig r;
	char line[600];
	(void)state;
	smtp_rig_greet(&r, "");
	snprintf(line, sizeof line, "HELO %0255d\r\nHELO %0256d\r\n", 1, 1);
	smtp_rig_give(&r, line);
	smtp_rig_expect_codes(&r, "250 501");
	assert_int_equal(strlen(smtp_server_client_name(r.host.session)), 255);
	smtp_rig_close(&r);
}

/* RFC 2920 section 3.2: no reply is lost, none comes twice. */
static void sixty_commands_in_one_write_get_sixty_replies(void **state)
{
	struct smtp_rig r;
	char commands[60 * 6 + 1] = "";
	char codes[60 * 4 + 1] = "";
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	for (int i = 0; i < 60; i++) {
		strcat(commands, "NOOP\r\n");
		strcat(codes, i > 0 ? " 250" : "250");
	}
	smtp_rig_give(&r, commands);
	smtp_rig_expect_codes(&r, codes);
	smtp_rig_close(&r);
}

/* ---- line ends ---- */

static void a_peer_of_the_first_line_with_lf_is_read_by_lf(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\n");
	smtp_rig_give(&r, "MAIL FROM:<a@b>\nRCPT TO:<alice@x>\r\nDATA\nSubject: x\n..\r\n.\nQUIT\n");
	smtp_rig_expect_codes(&r, "250 250 354 250 221");
	smtp_rig_expect_text(&r, "Subject: x\n..\n");
	smtp_rig_close(&r);
}

static void a_peer_of_crlf_cannot_hide_a_command_behind_a_bare_lf(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "NOOP\nRSET\r\nMAIL FROM:<a@b>\nRCPT TO:<alice@x>\r\n");
	smtp_rig_expect_codes(&r, "500 501");
	smtp_rig_expect_noted(&r, "");
	smtp_rig_close(&r);
}

static void a_first_line_that_is_too_long_chooses_the_line_ends_too(void **state)
{
	struct smtp_rig r;
	char line[SMTP_LINE_MAX + 3];
	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	smtp_rig_greet(&r, line);
	assert_int_equal(r.host.session->ends, LINE_ENDS_CRLF);
	smtp_rig_close(&r);
}

/* ---- strict line ends ---- */

static void where_line_ends_are_strict_a_first_line_with_lf_is_the_last(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_open(&r, false);
	r.config.strict = true;
	pump_start(&r.pump);
	smtp_rig_give(&r, "EHLO x\nMAIL FROM:<a@b>\n");
	smtp_rig_expect(&r, "220 lab.example Service Ready\r\n"
	                    "500 Line ends in LF alone; lines end in CR LF here (nc -C sends that)\r\n");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

static void where_line_ends_are_strict_a_bare_lf_is_refused_at_the_end(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	r.config.strict = true;
	smtp_rig_give(&r, ENVELOPE "a\nb\r\n.\nQUIT\r\n.\r\nNOOP\nRSET\r\n" ENVELOPE "a\r\n.\r\n");
	smtp_rig_expect(&r, "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                    "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	                    "554 5.6.0 Message holds a LF that does not follow a CR\r\n"
	                    "500 5.5.2 Command not recognised; HELP lists the commands\r\n"
	                    "250 2.1.0 <a@b>... Sender ok\r\n250 2.1.5 <alice@x>... Recipient ok\r\n"
	                    "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
	                    "250 2.0.0 OK Message accepted for delivery\r\n");
	smtp_rig_close(&r);
}

/* ---- addresses beyond ASCII ---- */

#define UMLAUT "\xc3\xa4"

/* RFC 6531 section 3.4 */
static void an_address_beyond_ascii_needs_smtputf8_and_is_shown_then(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "MAIL FROM:<" UMLAUT "@b>\r\nMAIL FROM:<\xe4@b> SMTPUTF8\r\nMAIL FROM:<a@b>\r\n"
	                  "RCPT TO:<alice" UMLAUT "@x>\r\nRSET\r\n");
	smtp_rig_expect_codes(&r, "553 501 250 553 250");
	smtp_rig_expect_noted(&r, "[reset]");
	smtp_rig_give(&r,
	              "MAIL FROM:<" UMLAUT "@b> smtputf8 BODY=8BITMIME\r\nRCPT TO:<alice" UMLAUT "@" UMLAUT ">\r\n");
	smtp_rig_expect(&r, "250 2.1.0 <" UMLAUT "@b>... Sender ok\r\n"
	                    "250 2.1.5 <alice" UMLAUT "@" UMLAUT ">... Recipient ok\r\n");
	assert_true(smtp_server_utf8(r.host.session));
	smtp_rig_give(&r, "DATA\r\n.\r\n");
	assert_false(smtp_server_utf8(r.host.session));
	smtp_rig_close(&r);
}

static void smtputf8_has_no_value_and_comes_once(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "MAIL FROM:<a@b> SMTPUTF8=\r\nMAIL FROM:<a@b> SMTPUTF8=x\r\n"
	                  "MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8\r\nMAIL FROM:<a@b> SMTPUTF8\r\n");
	smtp_rig_expect_codes(&r, "501 501 501 250");
	smtp_rig_close(&r);
}

static void the_host_can_ask_what_mail_announced(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\nMAIL FROM:<a@b> SIZE=1234\r\n");
	assert_false(smtp_server_extended(r.host.session));
	assert_false(smtp_server_utf8(r.host.session));
	assert_int_equal(smtp_server_size(r.host.session), 1234);
	smtp_rig_give(&r, "EHLO x\r\nMAIL FROM:<a@b>\r\n");
	assert_true(smtp_server_extended(r.host.session));
	assert_int_equal(smtp_server_size(r.host.session), 0);
	smtp_rig_close(&r);
}

/* RFC 5321 section 4.2.4 */
static void a_command_of_the_rfcs_that_is_not_offered_gets_502(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "EXPN list\r\nTURN\r\nETRN x\r\nsaml from:<a@b>\r\nREGISTER\r\nXYZZY\r\n");
	smtp_rig_expect_codes(&r, "502 502 502 502 500 500");
	smtp_rig_give(&r, "HELP EXPN\r\n");
	smtp_rig_expect(&r, "214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT\r\n");
	smtp_rig_close(&r);
}

static void the_operator_may_choose_how_long_a_peer_may_be_silent(void **state)
{
	static const struct smtp_host_ops ops;
	const struct smtp_config config = { .replies = replies_default, .domain = "x", .idle_ms = 7 };
	struct session *s = smtp_server_new(&config, &ops, NULL);
	(void)state;
	assert_int_equal(s->idle_ms, 7);
	free(s);
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
		struct smtp_rig r;
		smtp_rig_greet(&r, "EHLO x\r\nMAIL FROM:<a@b>\r\n");
		pump_stop(&r.pump, stops[i].why);
		smtp_rig_expect(&r, stops[i].said);
		smtp_rig_expect_noted(&r, "[reset]");
		assert_true(pump_closing(&r.pump));
		smtp_rig_close(&r);
	}
}

static void expect_refusal(enum session_stop why, const char *expected)
{
	struct smtp_rig r;
	smtp_rig_open(&r, false);
	pump_stop(&r.pump, why);
	smtp_rig_expect(&r, expected);
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

static void who_is_refused_hears_why_in_place_of_the_greeting(void **state)
{
	(void)state;
	expect_refusal(STOP_CROWDED, "421 lab.example Too many connections, try again later\r\n");
	expect_refusal(STOP_TOO_MANY, "421 lab.example Too many connections from your address, close one or try again "
	                              "later\r\n");
	expect_refusal(STOP_TOO_OFTEN, "421 lab.example Too many new connections from your address, try again in a "
	                               "minute\r\n");
}

static void at_shutdown_a_mail_in_mid_data_is_finished_and_answered(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	smtp_rig_give(&r, ENVELOPE "half");
	pump_stop(&r.pump, STOP_SHUTDOWN);
	smtp_rig_expect_codes(&r, "250 250 354");
	smtp_rig_give(&r, " and whole\r\n.\r\nNOOP\r\n");
	smtp_rig_expect_codes(&r, "250 421");
	smtp_rig_expect_text(&r, "half and whole\n");
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][end][reset]");
	smtp_rig_close(&r);
}

static void when_time_is_over_a_mail_in_mid_data_is_given_up(void **state)
{
	static const enum session_stop stops[] = { STOP_NOW, STOP_IDLE };
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct smtp_rig r;
		smtp_rig_greet(&r, "HELO x\r\n");
		smtp_rig_give(&r, ENVELOPE "half\r\n");
		pump_stop(&r.pump, STOP_SHUTDOWN);
		pump_stop(&r.pump, stops[i]);
		smtp_rig_give(&r, ".\r\n");
		smtp_rig_expect_codes(&r, "250 250 354 421");
		smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset]");
		smtp_rig_close(&r);
	}
}

/* RFC 5321 section 4.1.1.10 */
static void a_connection_that_breaks_before_the_full_stop_delivers_nothing(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	smtp_rig_give(&r, ENVELOPE "text\r\n.");
	pump_lost(&r.pump);
	pump_release(&r.pump);
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][reset][free]");
	buf_release(&r.host.noted);
	buf_release(&r.host.text);
	buf_release(&r.heard);
}

static void a_peer_that_vanishes_while_the_host_works_is_waited_for(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	smtp_rig_give(&r, ENVELOPE);
	r.host.defers = true;
	pump_input(&r.pump, ".\r\n", 3);
	pump_lost(&r.pump);
	assert_true(pump_waiting(&r.pump));
	smtp_rig_expect_noted(&r, "[rcpt alice@x][begin][end]");
	smtp_rig_settle(&r);
	smtp_rig_expect_noted(&r, "[reset]");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

static void a_stop_while_the_host_works_comes_after_its_answer(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "HELO x\r\n");
	smtp_rig_give(&r, ENVELOPE);
	buf_clear(&r.heard);
	r.host.defers = true;
	pump_input(&r.pump, ".\r\n", 3);
	pump_stop(&r.pump, STOP_NOW);
	smtp_rig_settle(&r);
	smtp_rig_expect_codes(&r, "250 421");
	smtp_rig_close(&r);
}

static void an_idle_session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct smtp_server) < 1024);
}

static void the_transcript_shows_the_dialogue(void **state)
{
	static char shown[4096];
	struct smtp_rig r;
	FILE *file = tmpfile();
	(void)state;
	smtp_rig_open(&r, false);
	r.config.transcript = transcript_new(fileno(file), NULL);
	transcript_feed_init(&smtp_session_of(r.host.session)->feed, r.config.transcript);
	pump_start(&r.pump);
	smtp_rig_give(&r, "HELO x\r\n" ENVELOPE "Te");
	smtp_rig_give(&r, "xt\r\n.\r\nQUIT\r\n");
	smtp_rig_close(&r);
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
		cmocka_unit_test(two_hundred_unknown_recipients_and_out_unless_a_mail_comes_between),
		cmocka_unit_test(a_line_of_the_full_length_works_and_a_longer_one_does_nothing),
		cmocka_unit_test(a_client_name_of_255_octets_is_taken_and_shown),
		cmocka_unit_test(sixty_commands_in_one_write_get_sixty_replies),
		cmocka_unit_test(a_peer_of_the_first_line_with_lf_is_read_by_lf),
		cmocka_unit_test(a_peer_of_crlf_cannot_hide_a_command_behind_a_bare_lf),
		cmocka_unit_test(a_first_line_that_is_too_long_chooses_the_line_ends_too),
		cmocka_unit_test(where_line_ends_are_strict_a_first_line_with_lf_is_the_last),
		cmocka_unit_test(where_line_ends_are_strict_a_bare_lf_is_refused_at_the_end),
		cmocka_unit_test(an_address_beyond_ascii_needs_smtputf8_and_is_shown_then),
		cmocka_unit_test(smtputf8_has_no_value_and_comes_once),
		cmocka_unit_test(the_host_can_ask_what_mail_announced),
		cmocka_unit_test(a_command_of_the_rfcs_that_is_not_offered_gets_502),
		cmocka_unit_test(the_operator_may_choose_how_long_a_peer_may_be_silent),
		cmocka_unit_test(each_stop_is_said),
		cmocka_unit_test(who_is_refused_hears_why_in_place_of_the_greeting),
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
