/*
 * AUTH and STARTTLS against the scripted host: what is passed on to it, what is said, and what a handshake leaves of a session.
 */
#include "protocol/smtp_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/smtp_rig_suite.h"
#include "protocol/smtp_session.h"

#define RESPONSE_MAX 12288 /* RFC 4954 section 4: octets of a line, without its end */

/* A session with a login, greeted by EHLO. */
static void greet(struct smtp_rig *r)
{
	smtp_rig_open_login(r, false, "TWO ONE");
	pump_start(&r->pump);
	smtp_rig_give(r, "EHLO x\r\n");
	smtp_rig_hear(r);
	buf_clear(&r->heard);
}

/* ---- what is offered ---- */

static void ehlo_offers_what_the_host_has_found_out_by_then(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_open_login(&r, true, "OLD");
	pump_start(&r.pump);
	pump_input(&r.pump, "EHLO x\r\n", 8);
	r.host.mechanisms = "NEW";
	smtp_rig_settle(&r);
	assert_true(buf_append_char(&r.heard, '\0'));
	assert_non_null(strstr(r.heard.data, "\r\n250-AUTH NEW\r\n"));
	smtp_rig_close(&r);
}

/* ---- the exchange ---- */

/* RFC 4954 section 4 */
static void an_initial_response_is_passed_on(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	assert_false(smtp_server_authenticated(r.host.session));
	smtp_rig_give(&r, "auth one GOOD\r\n");
	smtp_rig_expect(&r, "235 2.7.0 Authentication succeeded\r\n");
	smtp_rig_expect_noted(&r, "[auth one][response GOOD]");
	assert_true(smtp_server_authenticated(r.host.session));
	smtp_rig_close(&r);
}

static void an_equals_sign_is_an_empty_initial_response(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(&r, "AUTH TWO =\r\n=\r\n");
	smtp_rig_expect(&r, "334 QQQQ\r\n535 5.7.8 Authentication failed: wrong user name or password\r\n");
	smtp_rig_expect_noted(&r, "[auth TWO][response ][response =]");
	smtp_rig_close(&r);
}

static void challenges_are_answered_by_lines_that_are_no_commands(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(&r, "AUTH TWO\r\nQUIT\r\nGOOD\r\nNOOP\r\n");
	smtp_rig_expect(&r, "334 QQQQ\r\n334 QQQQ\r\n235 2.7.0 Authentication succeeded\r\n250 2.0.0 OK\r\n");
	smtp_rig_expect_noted(&r, "[auth TWO][response QUIT][response GOOD]");
	smtp_rig_close(&r);
}

static void a_challenge_of_any_length_is_said_in_one_line(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(&r, "AUTH LONG\r\n");
	smtp_rig_hear(&r);
	assert_int_equal(r.heard.len, strlen("334 ") + 1000 + strlen("\r\n"));
	assert_int_equal(slice_find(buf_slice(&r.heard), '\n'), r.heard.len - 1);
	smtp_rig_close(&r);
}

static void a_star_cancels(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(&r, "AUTH ONE\r\n*\r\nNOOP\r\n");
	smtp_rig_expect(&r, "334 QQQQ\r\n501 5.0.0 Authentication cancelled\r\n250 2.0.0 OK\r\n");
	smtp_rig_expect_noted(&r, "[auth ONE][cancel]");
	smtp_rig_close(&r);
}

static void what_the_host_refuses_is_said_and_ends_the_exchange(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(
	        &r,
	        "AUTH ONE !\r\nAUTH ONE\r\n!\r\nAUTH OTHER\r\nAUTH CLEAR\r\nAUTH LATER\r\nAUTH ONE BAD\r\nNOOP\r\n");
	smtp_rig_expect(&r, "501 5.5.2 Not the BASE64 that this mechanism asks for; authentication ended\r\n"
	                    "334 QQQQ\r\n"
	                    "501 5.5.2 Not the BASE64 that this mechanism asks for; authentication ended\r\n"
	                    "504 5.5.4 Mechanism not offered; there is: TWO ONE\r\n"
	                    "538 5.7.11 Encryption required for this mechanism: say STARTTLS first\r\n"
	                    "454 4.7.0 Authentication cannot be checked now, try again later\r\n"
	                    "535 5.7.8 Authentication failed: wrong user name or password\r\n"
	                    "250 2.0.0 OK\r\n");
	smtp_rig_close(&r);
}

static void a_login_comes_once_behind_ehlo_and_outside_of_a_mail(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_open_login(&r, false, "ONE");
	pump_start(&r.pump);
	smtp_rig_give(&r, "AUTH ONE GOOD\r\nHELO x\r\nAUTH ONE GOOD\r\nEHLO x\r\nAUTH\r\nAUTH ONE GOOD x\r\n"
	                  "MAIL FROM:<a@b>\r\nAUTH ONE GOOD\r\nRSET\r\nAUTH ONE GOOD\r\nAUTH ONE GOOD\r\n");
	smtp_rig_expect_codes(&r, "220 503 250 503 250 501 501 250 503 250 235 503");
	smtp_rig_expect_noted(&r, "[reset][auth ONE][response GOOD]");
	smtp_rig_close(&r);
}

static void after_three_wrong_logins_the_connection_is_closed(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(&r, "AUTH ONE BAD\r\nAUTH ONE\r\nBAD\r\nNOOP\r\nAUTH ONE BAD\r\nAUTH ONE GOOD\r\n");
	smtp_rig_expect_codes(&r, "535 334 535 250 535 421");
	assert_true(pump_closing(&r.pump));
	smtp_rig_close(&r);
}

/* RFC 4954 section 4: 12288 octets without the line end */
static void a_response_may_be_long_and_one_that_is_longer_ends_the_exchange(void **state)
{
	static char line[RESPONSE_MAX + 100];
	struct smtp_rig r;
	(void)state;
	greet(&r);
	memset(line, 'A', sizeof line - 1);
	memcpy(line + RESPONSE_MAX, "\r\n", 3);
	smtp_rig_give(&r, "AUTH TWO\r\n");
	smtp_rig_give(&r, line);
	smtp_rig_expect_codes(&r, "334 334");
	memcpy(line + RESPONSE_MAX, "A\r\n", 4);
	smtp_rig_give(&r, line);
	smtp_rig_expect(&r, "500 5.5.6 Line too long\r\n");
	assert_memory_equal(buf_end(&r.host.noted) - strlen("[cancel]"), "[cancel]", strlen("[cancel]"));
	memcpy(line, "AUTH ONE ", 9);
	memcpy(line + RESPONSE_MAX, "\r\n", 3);
	smtp_rig_give(&r, line);
	memcpy(line + RESPONSE_MAX, "A\r\n", 4);
	smtp_rig_give(&r, line);
	smtp_rig_give(&r, "NOOP\r\n");
	smtp_rig_expect_codes(&r, "535 500 250");
	smtp_rig_close(&r);
}

static void an_exchange_is_the_same_however_it_is_cut_and_when_it_is_answered_later(void **state)
{
	static const char dialogue[] =
	        "EHLO x\r\nAUTH TWO\r\nfirst\r\nBAD\r\nAUTH ONE\r\n*\r\nAUTH ONE GOOD\r\nEHLO x\r\nQUIT\r\n";
	(void)state;
	for (size_t cut = 0; cut <= strlen(dialogue); cut++) {
		struct smtp_rig r;
		smtp_rig_open_login(&r, cut % 2 > 0, "TWO ONE");
		pump_start(&r.pump);
		if (cut < strlen(dialogue)) {
			smtp_rig_give_octets(&r, dialogue, cut);
			smtp_rig_give(&r, dialogue + cut);
		}
		for (size_t i = 0; cut == strlen(dialogue) && i < cut; i++)
			smtp_rig_give_octets(&r, dialogue + i, 1);
		smtp_rig_expect_codes(&r, "220 250 334 334 535 334 501 235 250 221");
		smtp_rig_expect_noted(&r, "[auth TWO][response first][response BAD][auth ONE][cancel]"
		                          "[auth ONE][response GOOD]");
		smtp_rig_close(&r);
	}
}

static void a_peer_that_leaves_amid_an_exchange_is_forgotten(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	smtp_rig_give(&r, "AUTH ONE\r\n");
	pump_stop(&r.pump, STOP_IDLE);
	smtp_rig_expect_codes(&r, "334 421");
	smtp_rig_close(&r);
}

/* ---- what is offered, and what needs it ---- */

static void the_mechanisms_are_listed_until_the_login(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_open_login(&r, false, "TWO ONE");
	pump_start(&r.pump);
	smtp_rig_give(&r, "EHLO x\r\n");
	assert_non_null(strstr((buf_append_char(&r.heard, '\0'), r.heard.data), "\r\n250-AUTH TWO ONE\r\n"));
	buf_clear(&r.heard);
	smtp_rig_give(&r, "AUTH ONE GOOD\r\nEHLO x\r\n");
	assert_null(strstr((buf_append_char(&r.heard, '\0'), r.heard.data), "AUTH"));
	smtp_rig_close(&r);
}

static void without_mechanisms_auth_is_not_listed_and_says_so(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_open_login(&r, false, "");
	pump_start(&r.pump);
	smtp_rig_give(&r, "EHLO x\r\n");
	assert_null(strstr((buf_append_char(&r.heard, '\0'), r.heard.data), "AUTH"));
	buf_clear(&r.heard);
	smtp_rig_give(&r, "AUTH PLAIN\r\nAUTH CLEAR\r\n");
	smtp_rig_expect(&r, "504 5.5.4 Mechanism not offered; there is: none\r\n"
	                    "538 5.7.11 Encryption required for this mechanism: say STARTTLS first\r\n");
	smtp_rig_close(&r);
}

static void where_there_is_no_login_auth_is_not_implemented(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "AUTH ONE GOOD\r\nMAIL FROM:<a@b> AUTH=<>\r\n");
	smtp_rig_expect_codes(&r, "502 555");
	smtp_rig_close(&r);
}

/* RFC 4954 section 6 */
static void where_a_login_is_required_mail_waits_for_it(void **state)
{
	struct smtp_rig r;
	(void)state;
	greet(&r);
	r.config.auth_required = true;
	smtp_rig_give(&r, "MAIL FROM:<a@b>\r\nNOOP\r\nRSET\r\n");
	smtp_rig_expect(&r, "530 5.7.0 Authentication required: say AUTH first\r\n250 2.0.0 OK\r\n"
	                    "250 2.0.0 OK Transaction reset\r\n");
	smtp_rig_give(&r, "AUTH ONE GOOD\r\nMAIL FROM:<a@b>\r\n");
	smtp_rig_expect_codes(&r, "235 250");
	smtp_rig_close(&r);
}

/* RFC 4954 section 5 */
static void mail_may_say_who_has_logged_in_elsewhere(void **state)
{
	static const char *const right[] = { "AUTH=<>", "auth=a@b", "AUTH=e+3Dmc2@example.com" };
	static const char *const wrong[] = { "AUTH",      "AUTH=",         "AUTH=a=b",        "AUTH=a+3",
		                             "AUTH=a+3d", "AUTH=\xc3\xa4", "AUTH=<> AUTH=<>", "AUTH=+" };
	struct smtp_rig r;
	char line[100];
	(void)state;
	greet(&r);
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
		snprintf(line, sizeof line, "MAIL FROM:<a@b> %s SIZE=3\r\nRSET\r\n", right[i]);
		smtp_rig_give(&r, line);
		smtp_rig_expect_codes(&r, "250 250");
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		snprintf(line, sizeof line, "MAIL FROM:<a@b> %s\r\n", wrong[i]);
		smtp_rig_give(&r, line);
		smtp_rig_expect_codes(&r, "501");
	}
	smtp_rig_close(&r);
}

/* ---- secrets ---- */

static void no_response_is_shown_in_the_transcript(void **state)
{
	static char shown[4096];
	struct smtp_rig r;
	FILE *file = tmpfile();
	(void)state;
	smtp_rig_open_login(&r, false, "ONE");
	r.config.transcript = transcript_new(fileno(file), NULL);
	transcript_feed_init(&smtp_session_of(r.host.session)->feed, r.config.transcript);
	pump_start(&r.pump);
	smtp_rig_give(&r, "HELO x\r\nEHLO x\r\nAUTH ONE BAD\r\nAUTH ONE\r\nGOOD BAD\r\nAUTH ONE\r\n*\r\nQUIT\r\n");
	smtp_rig_close(&r);
	transcript_free(r.config.transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	fclose(file);
	assert_null(strstr(shown, "BAD"));
	assert_null(strstr(shown, "GOOD"));
	assert_non_null(strstr(shown, "C: AUTH …\nS: 334 QQQQ\nC: …\nS: 535"));
	assert_non_null(strstr(shown, "S: 334 QQQQ\nC: *\nS: 501"));
}

/* ---- TLS ---- */

static const struct session_tls tls = { .version = "TLSv1.3" };

static void secure(struct smtp_rig *r)
{
	assert_true(pump_wants_tls(&r->pump));
	pump_secured(&r->pump, &tls);
}

static void open_tls(struct smtp_rig *r)
{
	smtp_rig_open_login(r, false, "ONE");
	r->config.tls = true;
	pump_start(&r->pump);
}

/* RFC 3207 section 4 */
static void starttls_is_listed_once_and_done_once(void **state)
{
	struct smtp_rig r;
	(void)state;
	open_tls(&r);
	smtp_rig_give(&r, "EHLO x\r\n");
	assert_non_null(strstr((buf_append_char(&r.heard, '\0'), r.heard.data), "\r\n250-STARTTLS\r\n"));
	buf_clear(&r.heard);
	smtp_rig_give(&r, "STARTTLS x\r\n");
	smtp_rig_expect(&r, "501 5.5.4 Syntax error; the correct form is: STARTTLS\r\n");
	smtp_rig_give(&r, "STARTTLS\r\n");
	smtp_rig_expect(&r, "220 2.0.0 Ready to start TLS\r\n");
	secure(&r);
	smtp_rig_expect(&r, "");
	smtp_rig_give(&r, "EHLO x\r\n");
	assert_null(strstr((buf_append_char(&r.heard, '\0'), r.heard.data), "STARTTLS"));
	buf_clear(&r.heard);
	smtp_rig_give(&r, "STARTTLS\r\n");
	smtp_rig_expect(&r, "503 5.5.1 Wrong order of commands: the connection is encrypted already\r\n");
	smtp_rig_close(&r);
}

/* CVE-2011-0411 */
static void what_came_in_clear_behind_starttls_is_never_answered(void **state)
{
	struct smtp_rig r;
	(void)state;
	open_tls(&r);
	smtp_rig_give(&r, "EHLO x\r\nSTARTTLS\r\nNOOP\r\nNOOP");
	smtp_rig_expect_codes(&r, "220 250 220");
	secure(&r);
	smtp_rig_give(&r, "\r\nNOOP\r\n");
	smtp_rig_expect_codes(&r, "500 250");
	smtp_rig_close(&r);
}

/* RFC 3207 section 4.2 */
static void a_handshake_forgets_name_login_and_mail(void **state)
{
	struct smtp_rig r;
	(void)state;
	open_tls(&r);
	smtp_rig_give(&r, "EHLO x\nAUTH ONE GOOD\nMAIL FROM:<a@b>\nRCPT TO:<alice@x>\nSTARTTLS\n");
	smtp_rig_expect_codes(&r, "220 250 235 250 250 220");
	smtp_rig_expect_noted(&r, "[auth ONE][response GOOD][rcpt alice@x][reset]");
	secure(&r);
	assert_string_equal(smtp_server_client_name(r.host.session), "");
	assert_false(smtp_server_authenticated(r.host.session));
	assert_false(smtp_server_extended(r.host.session));
	assert_int_equal(r.host.session->ends, LINE_ENDS_EITHER);
	smtp_rig_give(&r, "MAIL FROM:<a@b>\r\nEHLO x\r\nDATA\r\nAUTH ONE GOOD\r\n");
	smtp_rig_expect_codes(&r, "503 250 503 235");
	smtp_rig_close(&r);
}

static void without_a_certificate_starttls_is_not_implemented(void **state)
{
	struct smtp_rig r;
	(void)state;
	smtp_rig_greet(&r, "EHLO x\r\n");
	smtp_rig_give(&r, "STARTTLS\r\n");
	smtp_rig_expect(&r, "502 5.5.1 Command not implemented; HELP lists the commands\r\n");
	smtp_rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ehlo_offers_what_the_host_has_found_out_by_then),
		cmocka_unit_test(an_initial_response_is_passed_on),
		cmocka_unit_test(an_equals_sign_is_an_empty_initial_response),
		cmocka_unit_test(challenges_are_answered_by_lines_that_are_no_commands),
		cmocka_unit_test(a_challenge_of_any_length_is_said_in_one_line),
		cmocka_unit_test(a_star_cancels),
		cmocka_unit_test(what_the_host_refuses_is_said_and_ends_the_exchange),
		cmocka_unit_test(a_login_comes_once_behind_ehlo_and_outside_of_a_mail),
		cmocka_unit_test(after_three_wrong_logins_the_connection_is_closed),
		cmocka_unit_test(a_response_may_be_long_and_one_that_is_longer_ends_the_exchange),
		cmocka_unit_test(an_exchange_is_the_same_however_it_is_cut_and_when_it_is_answered_later),
		cmocka_unit_test(a_peer_that_leaves_amid_an_exchange_is_forgotten),
		cmocka_unit_test(the_mechanisms_are_listed_until_the_login),
		cmocka_unit_test(without_mechanisms_auth_is_not_listed_and_says_so),
		cmocka_unit_test(where_there_is_no_login_auth_is_not_implemented),
		cmocka_unit_test(where_a_login_is_required_mail_waits_for_it),
		cmocka_unit_test(mail_may_say_who_has_logged_in_elsewhere),
		cmocka_unit_test(no_response_is_shown_in_the_transcript),
		cmocka_unit_test(starttls_is_listed_once_and_done_once),
		cmocka_unit_test(what_came_in_clear_behind_starttls_is_never_answered),
		cmocka_unit_test(a_handshake_forgets_name_login_and_mail),
		cmocka_unit_test(without_a_certificate_starttls_is_not_implemented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
