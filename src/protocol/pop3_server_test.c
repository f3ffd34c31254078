/*
 * The POP3 session against a scripted host, which answers at once or later, and fails where it is told to. Which commands are answered how is shown by
 * the dialogs in tests/dialogs/pop3 as well; here is what they cannot show: the host's side, cuts, waits, long answers, faults and ends.
 */
#include "protocol/pop3_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/pop3_rig_suite.h"
#include "protocol/pop3_session.h"

enum { BIG = 3 * 1000 * 1000 };

/* ---- dialogues ---- */

static const char dialogue[] =
        "CAPA\r\nUSER alice\r\nPASS wrong\r\nUSER alice\r\nPASS secret\r\nSTAT\r\nLIST\r\nLIST 2\r\nUIDL\r\n"
        "UIDL 1\r\nRETR 1\r\nTOP 1 1\r\nTOP 2 0\r\nTOP 2 99\r\nDELE 1\r\nSTAT\r\nLIST\r\nUIDL\r\nRETR 1\r\n"
        "NOOP\r\nRSET\r\nSTAT\r\nDELE 2\r\nDELE 2\r\nQUIT\r\n";
static const char answers[] = "+OK POP3 server ready\r\n"
                              "+OK capabilities follow\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nUSER\r\n"
                              "EXPIRE NEVER\r\nIMPLEMENTATION Postroom-" POSTROOM_VERSION "\r\n.\r\n"
                              "+OK send the password\r\n"
                              "-ERR wrong user name or password\r\n"
                              "+OK send the password\r\n"
                              "+OK 2 messages (69 octets)\r\n"
                              "+OK 2 69\r\n"
                              "+OK 2 messages (69 octets)\r\n1 36\r\n2 33\r\n.\r\n"
                              "+OK 2 33\r\n"
                              "+OK 2 messages (69 octets)\r\n1 uid-0\r\n2 uid-1\r\n.\r\n"
                              "+OK 1 uid-0\r\n"
                              "+OK 36 octets\r\nFrom: a\r\nSubject: one\r\n\r\n..dot\r\nend\r\n.\r\n"
                              "+OK the top of the message follows\r\nFrom: a\r\nSubject: one\r\n\r\n..dot\r\n.\r\n"
                              "+OK the top of the message follows\r\nFrom: b\r\n.\r\n"
                              "+OK the top of the message follows\r\nFrom: b\r\nHello.\r\nThere: you are\r\n.\r\n"
                              "+OK message 1 deleted\r\n"
                              "+OK 1 33\r\n"
                              "+OK 1 messages (33 octets)\r\n2 33\r\n.\r\n"
                              "+OK 1 messages (33 octets)\r\n2 uid-1\r\n.\r\n"
                              "-ERR message 1 is deleted\r\n"
                              "+OK nothing done\r\n"
                              "+OK 2 messages (69 octets)\r\n"
                              "+OK 2 69\r\n"
                              "+OK message 2 deleted\r\n"
                              "-ERR message 2 is deleted\r\n"
                              "+OK goodbye\r\n";

static void play(bool defers, bool fetches, size_t step, size_t cut)
{
	struct pop3_rig r;
	size_t len = strlen(dialogue);
	pop3_rig_open(&r, defers);
	r.host.fetches = fetches;
	r.host.read_max = step == 1 ? 1 : SIZE_MAX;
	pump_start(&r.pump);
	for (size_t at = 0; at < len;) {
		size_t next = at < cut && cut < at + step ? cut : at + step;
		next = next < len ? next : len;
		pump_input(&r.pump, dialogue + at, next - at);
		pop3_rig_settle(&r);
		at = next;
	}
	pop3_rig_expect(&r, answers);
	pop3_rig_expect_noted(&r, "[login][login][commit 02]");
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
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

static void lines_may_end_in_lf(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open_mailbox(&r);
	pop3_rig_give(&r, "STAT\nNOOP \r\nQUIT\n");
	pop3_rig_expect(&r, "+OK 2 69\r\n+OK nothing done\r\n+OK goodbye\r\n");
	pop3_rig_close(&r);
}

/* RFC 1939 section 5; an attacker's numbers. */
static void only_a_number_that_is_there_is_a_number(void **state)
{
	static const char *const numbers[] = {
		"0", "3", "-1", "abc", "1x", "4294967297", "18446744073709551617", "1 2 3 4 5", "+1", "0x1", "1.0"
	};
	static const char *const verbs[] = { "LIST", "RETR", "DELE", "UIDL", "TOP" };
	(void)state;
	for (size_t v = 0; v < sizeof verbs / sizeof verbs[0]; v++) {
		for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
			struct pop3_rig r;
			char line[64];
			pop3_rig_open_mailbox(&r);
			snprintf(line, sizeof line, "%s %s%s\r\n", verbs[v], numbers[n], v == 4 ? " 1" : "");
			pop3_rig_give(&r, line);
			if (strncmp(r.heard.data, "-ERR ", 5) != 0)
				fail_msg("%s", line);
			pop3_rig_close(&r);
		}
	}
}

static void top_wants_two_numbers(void **state)
{
	static const char *const lines[] = { "TOP\r\n", "TOP 1\r\n", "TOP 1 x\r\n", "TOP 1 -1\r\n", "TOP 1 1 1\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pop3_rig r;
		pop3_rig_open_mailbox(&r);
		pop3_rig_give(&r, lines[i]);
		pop3_rig_expect(&r, "-ERR the correct form is: TOP message lines\r\n");
		pop3_rig_close(&r);
	}
}

/* ---- login ---- */

static void three_wrong_passwords_and_out(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	pump_start(&r.pump);
	pop3_rig_give(&r, "USER alice\r\nPASS secre\r\nPASS secret\r\nUSER alice\r\nPASS secret x\r\nUSER bob\r\nPASS "
	                  "SECRET\r\nSTAT\r\n");
	pop3_rig_expect(&r,
	                "+OK POP3 server ready\r\n+OK send the password\r\n-ERR wrong user name or password\r\n"
	                "-ERR say USER first\r\n+OK send the password\r\n-ERR wrong user name or password\r\n"
	                "+OK send the password\r\n-ERR wrong user name or password; too many attempts, closing\r\n");
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void a_mailbox_in_use_ends_the_session(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	r.host.login = POP3_LOGIN_IN_USE;
	pump_start(&r.pump);
	pop3_rig_give(&r, "USER alice\r\nPASS secret\r\nSTAT\r\n");
	pop3_rig_expect(&r, "+OK POP3 server ready\r\n+OK send the password\r\n-ERR [IN-USE] alice from ?::1\r\n");
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void a_mailbox_that_cannot_be_opened_ends_the_session(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, true);
	r.host.login = POP3_LOGIN_FAULT;
	pump_start(&r.pump);
	pop3_rig_give(&r, "USER alice\r\nPASS secret\r\nSTAT\r\n");
	pop3_rig_expect(&r, "+OK POP3 server ready\r\n+OK send the password\r\n"
	                    "-ERR [SYS/TEMP] the mailbox cannot be opened now, try again later\r\n");
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void ten_errors_and_out(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open_mailbox(&r);
	for (int i = 0; i < POP3_ERRORS_MAX - 1; i++)
		pop3_rig_give(&r, "XYZZY\r\n");
	assert_false(pump_closing(&r.pump));
	pop3_rig_give(&r, "RETR 9\r\nNOOP\r\n");
	assert_true(pump_closing(&r.pump));
	static const char last[] = "-ERR no such message, there are 2; too many errors, closing\r\n";
	assert_memory_equal(buf_end(&r.heard) - (sizeof last - 1), last, sizeof last - 1);
	pop3_rig_expect_noted(&r, "");
	pop3_rig_close(&r);
}

static void a_line_that_is_too_long_does_nothing(void **state)
{
	struct pop3_rig r;
	char line[3 * POP3_LINE_MAX];
	(void)state;
	pop3_rig_open_mailbox(&r);
	memset(line, ' ', sizeof line);
	memcpy(line, "DELE 1", 6);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	pop3_rig_give(&r, line);
	pop3_rig_give(&r, "STAT\r\n");
	pop3_rig_expect(&r, "-ERR line too long\r\n+OK 2 69\r\n");
	pop3_rig_close(&r);
}

/* ---- long answers ---- */

static void a_long_list_is_written_as_the_peer_reads_it(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	r.host.many = 100 * 1000;
	pop3_rig_log_in(&r);
	pump_input(&r.pump, "LIST\r\n", 6);
	assert_int_equal(r.pump.next, NEXT_MORE);
	assert_true(r.pump.out.len < SESSION_OUT_MARK + 512);
	pop3_rig_give(&r, "NOOP\r\n");
	assert_memory_equal(buf_end(&r.heard) - 33, "\r\n100000 3\r\n.\r\n+OK nothing done\r\n", 33);
	pop3_rig_close(&r);
}

static const char *big_mail(void)
{
	static char text[BIG + 1];
	for (size_t i = 0; i < BIG; i++)
		text[i] = i % 50 == 49 ? '\n' : 'x';
	return text;
}

static void a_big_mail_is_written_as_the_peer_reads_it(void **state)
{
	const char *const mails[] = { big_mail(), NULL };
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, true);
	r.host.mails = mails;
	pop3_rig_log_in(&r);
	pump_input(&r.pump, "RETR 1\r\n", 8);
	while (r.host.owes != OWES_NOTHING && r.pump.next != NEXT_MORE)
		pop3_rig_give_answer(&r.host);
	assert_true(r.pump.out.len < SESSION_OUT_MARK + 2 * 17 * 1024);
	pop3_rig_settle(&r);
	/* "+OK 3060000 octets", each of 60,000 lines with one octet more, and the final full stop */
	assert_int_equal(r.heard.len, strlen("+OK 3060000 octets\r\n") + BIG + BIG / 50 + 3);
	assert_memory_equal(buf_end(&r.heard) - 6, "x\r\n.\r\n", 6);
	pop3_rig_close(&r);
}

static void at_shutdown_a_mail_under_way_is_finished(void **state)
{
	const char *const mails[] = { big_mail(), NULL };
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	r.host.mails = mails;
	pop3_rig_log_in(&r);
	pump_input(&r.pump, "RETR 1\r\nNOOP\r\n", 14);
	pump_stop(&r.pump, STOP_SHUTDOWN);
	pop3_rig_settle(&r);
	assert_memory_equal(buf_end(&r.heard) - 6, "x\r\n.\r\n", 6);
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void when_time_is_over_nothing_is_said_amid_a_mail(void **state)
{
	const char *const mails[] = { big_mail(), NULL };
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	r.host.mails = mails;
	pop3_rig_log_in(&r);
	pump_input(&r.pump, "RETR 1\r\n", 8);
	size_t said = r.pump.out.len;
	pump_stop(&r.pump, STOP_NOW);
	assert_int_equal(r.pump.out.len, said);
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

/* ---- faults ---- */

static void a_fault_before_the_first_octet_is_an_error(void **state)
{
	static const char fault[] = "-ERR [SYS/TEMP] the mailbox cannot be read now, try again later\r\n";
	static const char *const lines[] = { "LIST\r\n",   "UIDL\r\n",    "LIST 1\r\n", "UIDL 1\r\n",
		                             "RETR 1\r\n", "TOP 1 1\r\n", "DELE 1\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pop3_rig r;
		pop3_rig_open_mailbox(&r);
		r.host.info_fails = 0;
		pop3_rig_give(&r, lines[i]);
		pop3_rig_expect(&r, fault);
		pop3_rig_give(&r, "STAT\r\n");
		pop3_rig_expect(&r, "+OK 2 69\r\n");
		pop3_rig_close(&r);
	}
}

static void a_read_that_fails_at_once_is_an_error_and_the_session_lives(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open_mailbox(&r);
	r.host.read_fails = 0;
	pop3_rig_give(&r, "RETR 1\r\nNOOP\r\n");
	pop3_rig_expect(&r, "-ERR [SYS/TEMP] the mailbox cannot be read now, try again later\r\n+OK nothing done\r\n");
	pop3_rig_close(&r);
}

static void an_answer_cut_by_a_fault_never_ends_as_if_it_were_whole(void **state)
{
	static const char *const lines[] = { "RETR 1\r\n", "TOP 1 9\r\n", "LIST\r\n", "UIDL\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pop3_rig r;
		pop3_rig_open_mailbox(&r);
		r.host.read_max = 10;
		r.host.read_fails = 20;
		r.host.info_fails = i < 2 ? POP3_RIG_NEVER : 1;
		pop3_rig_give(&r, lines[i]);
		assert_true(pump_closing(&r.pump));
		assert_true(r.heard.len > 10);
		assert_memory_not_equal(buf_end(&r.heard) - 3, ".\r\n", 3);
		pop3_rig_close(&r);
	}
}

/* ---- ends ---- */

static void quit_removes_what_is_marked_and_says_so_where_it_could_not(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open_mailbox(&r);
	r.host.cannot_remove = true;
	pop3_rig_give(&r, "DELE 1\r\nQUIT\r\n");
	pop3_rig_expect(&r, "+OK message 1 deleted\r\n-ERR [SYS/TEMP] no message was removed, try again later\r\n");
	pop3_rig_expect_noted(&r, "[commit 01]");
	assert_true(pump_closing(&r.pump));
	pop3_rig_close(&r);
}

static void without_marks_none_are_given(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open_mailbox(&r);
	pop3_rig_give(&r, "DELE 1\r\nRSET\r\nQUIT\r\n");
	pop3_rig_expect_noted(&r, "[commit]");
	pop3_rig_close(&r);
}

static void quit_before_the_login_commits_nothing(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open(&r, false);
	pump_start(&r.pump);
	pop3_rig_give(&r, "QUIT\r\n");
	pop3_rig_expect(&r, "+OK POP3 server ready\r\n+OK goodbye\r\n");
	pop3_rig_expect_noted(&r, "");
	pop3_rig_close(&r);
}

/* RFC 1939 sections 3 and 6 */
static void a_session_that_breaks_off_or_times_out_commits_nothing(void **state)
{
	struct pop3_rig r;
	(void)state;
	for (int times_out = 0; times_out < 2; times_out++) {
		pop3_rig_open_mailbox(&r);
		pop3_rig_give(&r, "DELE 1\r\n");
		pop3_rig_expect(&r, "+OK message 1 deleted\r\n");
		if (times_out)
			pump_stop(&r.pump, STOP_IDLE);
		else
			pump_lost(&r.pump);
		pop3_rig_expect(&r, "");
		pop3_rig_expect_noted(&r, "");
		assert_true(pump_closing(&r.pump));
		pop3_rig_close(&r);
	}
}

static void shutdown_and_crowds_are_said(void **state)
{
	struct pop3_rig r;
	(void)state;
	pop3_rig_open_mailbox(&r);
	pump_stop(&r.pump, STOP_SHUTDOWN);
	pop3_rig_expect(&r, "-ERR [SYS/TEMP] the server is shutting down\r\n");
	pop3_rig_close(&r);
	pop3_rig_open(&r, false);
	pump_stop(&r.pump, STOP_CROWDED);
	pop3_rig_expect(&r, "-ERR [SYS/TEMP] too many connections, try again later\r\n");
	pop3_rig_close(&r);
	pop3_rig_open(&r, false);
	pump_stop(&r.pump, STOP_TOO_MANY);
	pop3_rig_expect(&r, "-ERR [SYS/TEMP] too many connections from your address, close one or try again later\r\n");
	pop3_rig_close(&r);
	pop3_rig_open(&r, false);
	pump_stop(&r.pump, STOP_TOO_OFTEN);
	pop3_rig_expect(&r, "-ERR [SYS/TEMP] too many new connections from your address, try again in a minute\r\n");
	pop3_rig_close(&r);
}

static void a_peer_that_vanishes_while_the_host_works_is_waited_for(void **state)
{
	static const char *const lines[] = { "RETR 1\r\n", "LIST\r\n", "DELE 1\r\n", "QUIT\r\n" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct pop3_rig r;
		pop3_rig_open(&r, true);
		pop3_rig_log_in(&r);
		pump_input(&r.pump, lines[i], strlen(lines[i]));
		pump_lost(&r.pump);
		assert_true(pump_waiting(&r.pump));
		pop3_rig_settle(&r);
		assert_true(pump_closing(&r.pump));
		pop3_rig_close(&r);
	}
}

static void an_idle_session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct pop3_server) < 1024);
}

static void the_transcript_shows_the_dialogue_but_no_password(void **state)
{
	static char shown[4096];
	struct pop3_rig r;
	FILE *file = tmpfile();
	(void)state;
	pop3_rig_open(&r, false);
	r.config.transcript = transcript_new(fileno(file), NULL);
	transcript_feed_init(&pop3_session_of(r.host.session)->feed, r.config.transcript);
	pump_start(&r.pump);
	pop3_rig_give(&r, "PASS early\r\nUSER alice\r\n pass secret\r\nPASS late\r\nTOP 2 0\r\nQUIT\r\n");
	pop3_rig_close(&r);
	transcript_free(r.config.transcript);
	rewind(file);
	shown[fread(shown, 1, sizeof shown - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(shown, "C: <client connects to POP3 port>\nS: +OK POP3 server ready\nC: PASS …\n"
	                           "S: -ERR say USER first\nC: USER alice\nS: +OK send the password\n"
	                           "C:  pass …\nS: +OK 2 messages (69 octets)\nC: PASS …\n"
	                           "S: -ERR already logged in\nC: TOP 2 0\nS: +OK the top of the message follows\n"
	                           "S: From: b\nS: .\nC: QUIT\nS: +OK goodbye\nC: <client hangs up>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dialogue_is_the_same_however_it_is_cut),
		cmocka_unit_test(a_dialogue_is_the_same_when_the_host_answers_later),
		cmocka_unit_test(lines_may_end_in_lf),
		cmocka_unit_test(only_a_number_that_is_there_is_a_number),
		cmocka_unit_test(top_wants_two_numbers),
		cmocka_unit_test(three_wrong_passwords_and_out),
		cmocka_unit_test(a_mailbox_in_use_ends_the_session),
		cmocka_unit_test(a_mailbox_that_cannot_be_opened_ends_the_session),
		cmocka_unit_test(ten_errors_and_out),
		cmocka_unit_test(a_line_that_is_too_long_does_nothing),
		cmocka_unit_test(a_long_list_is_written_as_the_peer_reads_it),
		cmocka_unit_test(a_big_mail_is_written_as_the_peer_reads_it),
		cmocka_unit_test(at_shutdown_a_mail_under_way_is_finished),
		cmocka_unit_test(when_time_is_over_nothing_is_said_amid_a_mail),
		cmocka_unit_test(a_fault_before_the_first_octet_is_an_error),
		cmocka_unit_test(a_read_that_fails_at_once_is_an_error_and_the_session_lives),
		cmocka_unit_test(an_answer_cut_by_a_fault_never_ends_as_if_it_were_whole),
		cmocka_unit_test(quit_removes_what_is_marked_and_says_so_where_it_could_not),
		cmocka_unit_test(without_marks_none_are_given),
		cmocka_unit_test(quit_before_the_login_commits_nothing),
		cmocka_unit_test(a_session_that_breaks_off_or_times_out_commits_nothing),
		cmocka_unit_test(shutdown_and_crowds_are_said),
		cmocka_unit_test(a_peer_that_vanishes_while_the_host_works_is_waited_for),
		cmocka_unit_test(an_idle_session_is_small),
		cmocka_unit_test(the_transcript_shows_the_dialogue_but_no_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
