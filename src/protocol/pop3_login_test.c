/*
 * The way into a POP3 mailbox against a scripted host: what CAPA offers, STLS, AUTH, APOP, UTF8, and what is forgotten on the way. What a dialogue can
 * say stands in tests/dialogs as well.
 */
#include "protocol/pop3_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/pop3_rig_suite.h"
#include "protocol/pop3_session.h"

#define GREETING    "+OK POP3 server ready\r\n"
#define LOGGED_IN   "+OK 2 messages (69 octets)\r\n"
#define ASKED       "+ cGxlYXNl\r\n"
#define CAPA_BEGINS "+OK capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n"
#define CAPA_ENDS   "EXPIRE NEVER\r\nIMPLEMENTATION Postroom-" POSTROOM_VERSION "\r\n.\r\n"
#define UNKNOWN     "-ERR unknown command; CAPA tells what there is\r\n"
#define WRONG       "-ERR wrong user name or password\r\n"
#define NO_NAME     "-ERR the correct form is: AUTH mechanism [initial-response]\r\n"
#define NO_BASE64   "-ERR not the BASE64 that this mechanism asks for; authentication ended\r\n"

static const struct session_tls tls = { .version = "TLSv1.3" };

static void open_rig(struct pop3_rig *r)
{
	pop3_rig_open(r, false);
	r->host.mechanisms = "TEST";
}

static void start(struct pop3_rig *r)
{
	pump_start(&r->pump);
	pop3_rig_expect(r, GREETING);
}

static void handshake(struct pop3_rig *r)
{
	assert_true(pump_wants_tls(&r->pump));
	pump_secured(&r->pump, &tls);
}

/* Says a text, and hears just this. */
static void says(struct pop3_rig *r, const char *text, const char *answer)
{
	pop3_rig_give(r, text);
	pop3_rig_expect(r, answer);
}

/* ---- CAPA ---- */

/* RFC 2449 section 5: what is listed works, what works is listed. */
static void capa_lists_what_this_connection_may_use(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.tls = r.config.utf8 = r.config.auth_codes = true;
	r.config.login_delay = 60;
	r.host.in_clear = false;
	start(&r);
	says(&r, "CAPA\r\n",
	     CAPA_BEGINS "SASL TEST\r\nSTLS\r\nAUTH-RESP-CODE\r\nLOGIN-DELAY 60\r\nUTF8 USER\r\n" CAPA_ENDS);
	r.host.mechanisms = "";
	says(&r, "CAPA\r\n", CAPA_BEGINS "STLS\r\nAUTH-RESP-CODE\r\nLOGIN-DELAY 60\r\nUTF8 USER\r\n" CAPA_ENDS);
	says(&r, "STLS\r\n", "+OK begin TLS now\r\n");
	handshake(&r);
	r.host.in_clear = true;
	r.host.mechanisms = "TEST OTHER";
	says(&r, "CAPA\r\n",
	     CAPA_BEGINS "USER\r\nSASL TEST OTHER\r\nAUTH-RESP-CODE\r\nLOGIN-DELAY 60\r\nUTF8 USER\r\n" CAPA_ENDS);
	pop3_rig_close(&r);
}

static void capa_lists_what_the_host_has_found_out_by_then(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, true);
	start(&r);
	pump_input(&r.pump, "CAPA\r\n", 6);
	r.host.mechanisms = "NEW";
	pop3_rig_settle(&r);
	pop3_rig_expect(&r, CAPA_BEGINS "USER\r\nSASL NEW\r\n" CAPA_ENDS);
	pop3_rig_close(&r);
}

static void greeting_has_no_stamp_when_the_host_has_found_out_that_apop_is_over(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, true);
	r.config.apop = true;
	pump_start(&r.pump);
	r.host.no_apop = true;
	pop3_rig_settle(&r);
	pop3_rig_expect(&r, GREETING);
	pop3_rig_close(&r);
}

static void after_the_login_capa_is_the_same_without_stls(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.tls = true;
	start(&r);
	says(&r, "CAPA\r\n", CAPA_BEGINS "USER\r\nSASL TEST\r\nSTLS\r\n" CAPA_ENDS);
	says(&r, "AUTH TEST eWVz\r\n", LOGGED_IN);
	says(&r, "CAPA\r\n", CAPA_BEGINS "USER\r\nSASL TEST\r\n" CAPA_ENDS);
	pop3_rig_close(&r);
}

/* ---- STLS ---- */

/* RFC 2595 section 4, CVE-2011-0411 */
static void nothing_that_was_said_in_clear_survives_the_handshake(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.tls = r.config.utf8 = true;
	start(&r);
	says(&r, "USER alice\r\nUTF8\r\nSTLS\r\nPASS secret\r\nQUIT\r\n",
	     "+OK send the password\r\n+OK UTF-8 from here on\r\n+OK begin TLS now\r\n");
	handshake(&r);
	says(&r, "PASS secret\r\n", "-ERR say USER first\r\n");
	assert_false(pop3_session_of(r.host.session)->utf8);
	says(&r, "USER alice\r\nPASS secret\r\n", "+OK send the password\r\n" LOGGED_IN);
	pop3_rig_close(&r);
}

static void stls_comes_once_before_the_login_where_it_is_configured(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	start(&r);
	says(&r, "STLS\r\n", UNKNOWN);
	r.config.tls = true;
	says(&r, "STLS now\r\n", "-ERR the correct form is: STLS\r\n");
	says(&r, "STLS\r\n", "+OK begin TLS now\r\n");
	handshake(&r);
	says(&r, "STLS\r\n", "-ERR TLS is active already\r\n");
	says(&r, "AUTH TEST eWVz\r\n", LOGGED_IN);
	says(&r, "STLS\r\n", "-ERR already logged in\r\n");
	pop3_rig_close(&r);
}

static void who_guesses_passwords_is_not_made_anew_by_stls(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.tls = true;
	start(&r);
	says(&r, "AUTH TEST bm8=\r\nAUTH TEST bm8=\r\nSTLS\r\n", WRONG WRONG "+OK begin TLS now\r\n");
	handshake(&r);
	says(&r, "AUTH TEST bm8=\r\nNOOP\r\n", "-ERR wrong user name or password; too many attempts, closing\r\n");
	pop3_rig_close(&r);
}

/* ---- AUTH ---- */

static const char exchanges[] =
        "AUTH NONE\r\nauth test\r\n*\r\nAUTH TEST\r\nbm8=\r\nAUTH TEST =\r\nAUTH\r\nAUTH TEST\r\neWVz\r\n"
        "STAT\r\n";
static const char exchanged[] =
        GREETING "-ERR no such mechanism here; there is: TEST\r\n" ASKED
                 "-ERR authentication cancelled\r\n" ASKED WRONG WRONG NO_NAME ASKED LOGGED_IN "+OK 2 69\r\n";

static void play(bool defers, size_t step, size_t cut)
{
	struct pop3_rig r;
	size_t len = strlen(exchanges);
	pop3_rig_open(&r, defers);
	r.host.mechanisms = "TEST";
	pump_start(&r.pump);
	for (size_t at = 0; at < len;) {
		size_t next = at < cut && cut < at + step ? cut : at + step;
		next = next < len ? next : len;
		pump_input(&r.pump, exchanges + at, next - at);
		pop3_rig_settle(&r);
		at = next;
	}
	pop3_rig_expect(&r, exchanged);
	pop3_rig_expect_noted(&r, "[auth][auth][cancel][auth][step bm8=][auth][step ][auth][step eWVz]");
	pop3_rig_close(&r);
}

static void an_exchange_is_the_same_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < strlen(exchanges); cut++) {
		play(false, sizeof exchanges, cut);
		play(true, sizeof exchanges, cut);
	}
	play(false, 1, 0);
	play(true, 1, 0);
}

static void every_line_is_a_response_until_the_host_has_decided(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.host.challenges = 3;
	start(&r);
	says(&r, "AUTH TEST eWVz\r\nQUIT\r\n\r\n", ASKED ASKED ASKED);
	says(&r, "eWVz\r\n", LOGGED_IN);
	pop3_rig_expect_noted(&r, "[auth][step eWVz][step QUIT][step ][step eWVz]");
	says(&r, "AUTH TEST eWVz\r\n", "-ERR already logged in\r\n");
	pop3_rig_close(&r);
}

/* RFC 3206 */
static void three_wrong_ones_of_any_kind_and_out(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.auth_codes = true;
	start(&r);
	says(&r, "AUTH TEST bm8=\r\nUSER alice\r\nPASS no\r\nAUTH TEST bm8=\r\nNOOP\r\n",
	     "-ERR [AUTH] wrong user name or password\r\n+OK send the password\r\n"
	     "-ERR [AUTH] wrong user name or password\r\n"
	     "-ERR [AUTH] wrong user name or password; too many attempts, closing\r\n");
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void what_the_host_says_of_an_exchange_is_told(void **state)
{
	static const struct {
		enum pop3_login login;
		const char *answer;
		bool closes;
	} cases[] = {
		{ POP3_LOGIN_MALFORMED, NO_BASE64, false },
		{ POP3_LOGIN_NEEDS_TLS, "-ERR no password is taken in clear on this connection\r\n", false },
		{ POP3_LOGIN_IN_USE, "-ERR [IN-USE] alice from ?::1\r\n", true },
		{ POP3_LOGIN_DELAY, "-ERR [LOGIN-DELAY] the last login was too short a time ago\r\n", true },
		{ POP3_LOGIN_FAULT, "-ERR [SYS/TEMP] the mailbox cannot be opened now, try again later\r\n", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pop3_rig r;
		open_rig(&r);
		r.host.login = cases[i].login;
		start(&r);
		says(&r, "AUTH TEST eWVz\r\n", cases[i].answer);
		assert_int_equal(pump_closing(&r.pump), cases[i].closes);
		pop3_rig_close(&r);
	}
}

static void without_a_mechanism_there_is_none_to_choose(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	start(&r);
	says(&r, "AUTH PLAIN\r\n", "-ERR no mechanism is offered on this connection\r\n");
	says(&r, "AUTH\r\n", NO_NAME);
	pop3_rig_close(&r);
}

/* RFC 5034 section 4: 12288 octets; all other lines keep their own maximum. */
static void a_response_may_be_long_and_a_command_not(void **state)
{
	static char line[POP3_LINE_MAX + 2];
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	start(&r);
	memset(line, 'x', sizeof line);
	memcpy(line + POP3_LINE_MAX - 2, "\r\n", 3);
	says(&r, "AUTH TEST\r\n", ASKED);
	says(&r, line, WRONG);
	memcpy(line + POP3_LINE_MAX - 1, "\r\n", 3);
	line[POP3_LINE_MAX - 2] = 'x';
	says(&r, "AUTH TEST\r\n", ASKED);
	says(&r, line, "-ERR line too long\r\n");
	memcpy(line, "AUTH TEST ", 10);
	memcpy(line + POP3_COMMAND_MAX - 1, "\r\n", 3);
	says(&r, line, "-ERR line too long\r\n");
	memcpy(line + POP3_COMMAND_MAX - 2, "\r\n", 3);
	says(&r, line, WRONG);
	assert_non_null(strstr(r.host.noted.data, "[cancel]"));
	pop3_rig_close(&r);
}

static void a_peer_that_vanishes_amid_an_exchange_is_forgotten(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, true);
	pump_start(&r.pump);
	pop3_rig_give(&r, "AUTH TEST\r\n");
	pump_input(&r.pump, "eWVz\r\n", 6);
	pump_lost(&r.pump);
	assert_true(pump_waiting(&r.pump));
	pop3_rig_settle(&r);
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void the_transcript_shows_no_response(void **state)
{
	static char shown[4096];
	struct pop3_rig r;
	FILE *file = tmpfile();
	(void)state;
	open_rig(&r);
	r.config.transcript = transcript_new(fileno(file), NULL);
	transcript_feed_init(&pop3_session_of(r.host.session)->feed, r.config.transcript);
	pump_start(&r.pump);
	pop3_rig_give(&r, "AUTH TEST bm8=\r\nAPOP alice 123\r\nAUTH TEST\r\neWVz\r\nSTAT\r\n");
	pop3_rig_close(&r);
	transcript_free(r.config.transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(shown, "C: <client connects to POP3 port>\nS: +OK POP3 server ready\nC: AUTH …\n"
	                           "S: -ERR wrong user name or password\nC: APOP …\n"
	                           "S: -ERR unknown command; CAPA tells what there is\nC: AUTH …\nS: + cGxlYXNl\nC: …\n"
	                           "S: +OK 2 messages (69 octets)\nC: STAT\nS: +OK 2 69\nC: <client hangs up>\n");
}

/* ---- passwords in clear ---- */

static void where_no_password_is_taken_in_clear_none_is_asked_for(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.host.in_clear = false;
	r.config.tls = true;
	start(&r);
	says(&r, "USER alice\r\nPASS secret\r\n",
	     "-ERR no password is taken in clear: say STLS first\r\n-ERR say USER first\r\n");
	r.config.tls = false;
	says(&r, "USER alice\r\n", "-ERR no password is taken in clear on this connection\r\n");
	pop3_rig_expect_noted(&r, "");
	pop3_rig_close(&r);
}

/* ---- blanks around a password ---- */

static void a_password_s_blanks_count_but_in_a_course(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	start(&r);
	says(&r, "USER alice\r\nPASS  secret \r\nUSER alice\r\nPASS  \r\n",
	     "+OK send the password\r\n-ERR wrong user name or password\r\n"
	     "+OK send the password\r\n-ERR wrong user name or password\r\n");
	r.config.pass_trimmed = true;
	says(&r, "USER alice\r\nPASS  secret \r\n", "+OK send the password\r\n" LOGGED_IN);
	pop3_rig_close(&r);
}

/* ---- APOP ---- */

enum { STAMP_MAX = 320 };

/* The greeting's time stamp, and what the rig's alice makes of it. */
static void read_stamp(struct pop3_rig *r, char stamp[STAMP_MAX], char digest[STAMP_MAX])
{
	pop3_rig_hear(r);
	assert_true(buf_append_char(&r->heard, '\0'));
	assert_int_equal(sscanf(r->heard.data, "+OK POP3 server ready %319[^\r]\r\n", stamp), 1);
	assert_int_equal(r->heard.len, strlen(GREETING " ") + strlen(stamp) + 1);
	buf_clear(&r->heard);
	size_t len = strlen(stamp);
	for (size_t i = 0; i < len; i++)
		digest[i] = stamp[len - 1 - i];
	digest[len] = '\0';
}

/* RFC 1939 section 7: "different each time", and a message id. */
static void a_time_stamp_is_a_message_id_and_each_connections_own(void **state)
{
	char before[STAMP_MAX] = "";
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct pop3_rig r;
		char stamp[STAMP_MAX], digest[STAMP_MAX], local[STAMP_MAX], end[STAMP_MAX];
		open_rig(&r);
		r.config.apop = true;
		pump_start(&r.pump);
		read_stamp(&r, stamp, digest);
		assert_int_equal(sscanf(stamp, "<%[0-9a-f.]@%s", local, end), 2);
		assert_string_equal(end, "rig.example>");
		assert_true(strlen(local) > 32);
		assert_string_not_equal(stamp, before);
		memcpy(before, stamp, sizeof before);
		pop3_rig_close(&r);
	}
}

static void apop_answers_the_time_stamp_over_tls_as_well(void **state)
{
	char stamp[STAMP_MAX], digest[STAMP_MAX], line[2 * STAMP_MAX];
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.apop = r.config.tls = true;
	pump_start(&r.pump);
	read_stamp(&r, stamp, digest);
	says(&r, "APOP alice\r\n", "-ERR the correct form is: APOP name digest\r\n");
	says(&r, "APOP alice 0123\r\nSTLS\r\n", WRONG "+OK begin TLS now\r\n");
	handshake(&r);
	snprintf(line, sizeof line, "APOP alice %s\r\n", digest);
	says(&r, line, LOGGED_IN);
	says(&r, line, "-ERR already logged in\r\n");
	pop3_rig_close(&r);
}

static void without_a_time_stamp_there_is_no_apop(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_rig(&r);
	r.config.apop = true;
	r.host.no_apop = true;
	start(&r);
	says(&r, "APOP alice 0123\r\n", UNKNOWN);
	pop3_rig_expect_noted(&r, "");
	pop3_rig_close(&r);
}

/* ---- UTF8 ---- */

static const char *const utf8_mails[] = {
	"Return-Path: <a@b>\nReceived: from x\n\tby lab with UTF8SMTPS id 1; now\nSubject: \xc3\xa4\n\ntext\n",
	"Received: from x by lab with ESMTP id 2; now\nReceived: from y by x with UTF8SMTP\nSubject: \xe4\n\ntext\n",
	NULL
};

static void open_utf8(struct pop3_rig *r, bool defers)
{
	pop3_rig_open(r, defers);
	r->host.mails = utf8_mails;
	r->config.utf8 = true;
	pump_start(&r->pump);
}

/* RFC 6856 section 5 */
static void a_mail_that_came_by_smtputf8_wants_utf8_first(void **state)
{
	static const char refused[] =
	        "-ERR [UTF8] the message was sent by SMTPUTF8; say UTF8 before the login to get it\r\n";
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		struct pop3_rig r;
		open_utf8(&r, way & 1);
		r.host.read_max = way & 2 ? 1 : SIZE_MAX;
		pop3_rig_give(&r, "USER alice\r\nPASS secret\r\n");
		buf_clear(&r.heard);
		says(&r, "STAT\r\nLIST 1\r\n", "+OK 2 196\r\n+OK 1 93\r\n");
		says(&r, "RETR 1\r\n", refused);
		says(&r, "TOP 1 0\r\n", refused);
		pop3_rig_give(&r, "RETR 2\r\n");
		assert_memory_equal(r.heard.data, "+OK 103 octets\r\nReceived: from x by", 35);
		buf_clear(&r.heard);
		says(&r, "TOP 2 0\r\n",
		     "+OK the top of the message follows\r\nReceived: from x by lab with ESMTP id 2; now\r\n"
		     "Received: from y by x with UTF8SMTP\r\nSubject: \xe4\r\n\r\n.\r\n");
		says(&r, "UTF8\r\n", "-ERR already logged in\r\n");
		pop3_rig_close(&r);
	}
}

static void after_utf8_every_mail_is_given_as_it_is(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_utf8(&r, true);
	pop3_rig_give(&r, "UTF8\r\nUSER alice\r\nPASS secret\r\n");
	pop3_rig_expect(&r,
	                GREETING "+OK UTF-8 from here on\r\n+OK send the password\r\n+OK 2 messages (196 octets)\r\n");
	says(&r, "TOP 1 0\r\n",
	     "+OK the top of the message follows\r\nReturn-Path: <a@b>\r\nReceived: from x\r\n"
	     "\tby lab with UTF8SMTPS id 1; now\r\nSubject: \xc3\xa4\r\n\r\n.\r\n");
	pop3_rig_close(&r);
}

static void where_utf8_is_not_offered_it_is_no_command_and_keeps_no_mail_back(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	r.host.mails = utf8_mails;
	pump_start(&r.pump);
	pop3_rig_give(&r, "UTF8\r\nUSER alice\r\nPASS secret\r\n");
	pop3_rig_expect(&r, GREETING UNKNOWN "+OK send the password\r\n+OK 2 messages (196 octets)\r\n");
	pop3_rig_give(&r, "RETR 1\r\n");
	assert_memory_equal(r.heard.data, "+OK 93 octets\r\n", 15);
	pop3_rig_close(&r);
}

static void a_fault_while_it_is_found_out_how_a_mail_came_is_an_error(void **state)
{
	struct pop3_rig r;
	(void)state;
	open_utf8(&r, false);
	pop3_rig_give(&r, "USER alice\r\nPASS secret\r\n");
	buf_clear(&r.heard);
	r.host.read_max = 5;
	r.host.read_fails = 10;
	says(&r, "RETR 2\r\n", "-ERR [SYS/TEMP] the mailbox cannot be read now, try again later\r\n");
	r.host.read_fails = POP3_RIG_NEVER;
	pop3_rig_give(&r, "RETR 2\r\n");
	assert_memory_equal(r.heard.data, "+OK 103 octets\r\nReceived: from x by", 35);
	pop3_rig_close(&r);
}

/* ---- limits ---- */

/* RFC 1939 section 3 */
static void no_answer_is_longer_than_512_octets(void **state)
{
	static char domain[256], list[POP3_MECHANISMS_MAX];
	struct pop3_rig r;
	(void)state;
	memset(domain, 'd', sizeof domain - 1);
	memset(list, 'm', sizeof list - 1);
	open_rig(&r);
	r.config.domain = domain;
	r.config.apop = r.config.tls = r.config.utf8 = r.config.auth_codes = true;
	r.host.mechanisms = list;
	pump_start(&r.pump);
	pop3_rig_give(&r, "CAPA\r\nAUTH NONE\r\nAUTH\r\n");
	struct slice said = buf_slice(&r.heard);
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		assert_in_range(end, 1, 511);
		said = slice_skip(said, end + 1);
	}
	pop3_rig_close(&r);
}

/* RFC 1939 section 3 asks for ten minutes; only the operator may say less. */
static void a_session_waits_ten_minutes_or_as_long_as_it_is_told(void **state)
{
	struct pop3_rig r;
	(void)state;
	for (int64_t told = 0; told <= 2000; told += 2000) {
		pop3_rig_open_idle(&r, told);
		assert_int_equal(r.host.session->idle_ms, told);
		assert_int_equal(r.host.session->ops->idle_ms, 10 * 60 * 1000);
		pop3_rig_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capa_lists_what_this_connection_may_use),
		cmocka_unit_test(capa_lists_what_the_host_has_found_out_by_then),
		cmocka_unit_test(greeting_has_no_stamp_when_the_host_has_found_out_that_apop_is_over),
		cmocka_unit_test(after_the_login_capa_is_the_same_without_stls),
		cmocka_unit_test(nothing_that_was_said_in_clear_survives_the_handshake),
		cmocka_unit_test(stls_comes_once_before_the_login_where_it_is_configured),
		cmocka_unit_test(who_guesses_passwords_is_not_made_anew_by_stls),
		cmocka_unit_test(an_exchange_is_the_same_however_it_is_cut),
		cmocka_unit_test(every_line_is_a_response_until_the_host_has_decided),
		cmocka_unit_test(three_wrong_ones_of_any_kind_and_out),
		cmocka_unit_test(what_the_host_says_of_an_exchange_is_told),
		cmocka_unit_test(without_a_mechanism_there_is_none_to_choose),
		cmocka_unit_test(a_response_may_be_long_and_a_command_not),
		cmocka_unit_test(a_peer_that_vanishes_amid_an_exchange_is_forgotten),
		cmocka_unit_test(the_transcript_shows_no_response),
		cmocka_unit_test(where_no_password_is_taken_in_clear_none_is_asked_for),
		cmocka_unit_test(a_password_s_blanks_count_but_in_a_course),
		cmocka_unit_test(a_time_stamp_is_a_message_id_and_each_connections_own),
		cmocka_unit_test(apop_answers_the_time_stamp_over_tls_as_well),
		cmocka_unit_test(without_a_time_stamp_there_is_no_apop),
		cmocka_unit_test(a_mail_that_came_by_smtputf8_wants_utf8_first),
		cmocka_unit_test(after_utf8_every_mail_is_given_as_it_is),
		cmocka_unit_test(where_utf8_is_not_offered_it_is_no_command_and_keeps_no_mail_back),
		cmocka_unit_test(a_fault_while_it_is_found_out_how_a_mail_came_is_an_error),
		cmocka_unit_test(no_answer_is_longer_than_512_octets),
		cmocka_unit_test(a_session_waits_ten_minutes_or_as_long_as_it_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
