/*
 * receive_test: the SMTP host with a store in memory or in files, its jobs run at once or on threads.
 */
#include "server/receive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/lab_suite.h"

enum { NOON = 1795262640 }; /* some minute; what it is in local time is asked of the clock */

#define MAIL  "From: agupta@x\r\nTo: ng@y\r\nSubject: lab\r\nHello.\r\n"
#define ENDED MAIL ".\r\n"

static void connect_kind(struct lab *lab, unsigned kind)
{
	lab_open(lab, kind);
	clock_freeze(NOON);
	lab_connect(lab, receive_session_new);
	assert_string_equal(lab_say_text(lab, "HELO client\r\n"),
	                    "220 lab.example Service Ready\r\n250 OK Hello client\r\n");
}

static void disconnect(struct lab *lab)
{
	lab_close(lab);
	clock_freeze(0);
}

/* MAIL, RCPT for each of the names, DATA. */
static void begin_mail(struct lab *lab, const char *const *users)
{
	char line[200];
	assert_memory_equal(lab_say_text(lab, "MAIL FROM:<agupta@x>\r\n"), "250 ", 4);
	for (; *users; users++) {
		snprintf(line, sizeof line, "RCPT TO:<%s@lab.example>\r\n", *users);
		assert_memory_equal(lab_say_text(lab, line), "250 ", 4);
	}
	assert_memory_equal(lab_say_text(lab, "DATA\r\n"), "354 ", 4);
}

static void begin_mail_to_alice(struct lab *lab)
{
	begin_mail(lab, (const char *const[]){ "alice", NULL });
}

static void assert_mailbox(struct lab *lab, const char *user, const char *expected)
{
	char *text = lab_mailbox(lab, user);
	assert_string_equal(text, expected);
	free(text);
}

/* MAIL as it is stored at NOON, `copies` times. */
static void assert_mails(struct lab *lab, const char *user, unsigned copies)
{
	char received[64];
	char expected[1000] = "";
	struct tm local;
	time_t noon = NOON;
	localtime_r(&noon, &local);
	strftime(received, sizeof received, "%Y-%m-%d : %H : %M", &local);
	for (size_t len = 0; copies > 0; copies--)
		len += (size_t)snprintf(expected + len, sizeof expected - len,
		                        "From: agupta@x\nTo: ng@y\nSubject: lab\nReceived: %s\nHello.\n.\n", received);
	assert_mailbox(lab, user, expected);
}

static const unsigned all_kinds[] = { LAB_MEMORY, LAB_FILES, LAB_MEMORY | LAB_JOBS, LAB_FILES | LAB_JOBS };

#define EACH_KIND(kind) for (const unsigned *kind = all_kinds; kind < all_kinds + 4; kind++)

static void a_mail_is_stored_with_the_courses_stamp(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		connect_kind(&lab, *kind);
		begin_mail_to_alice(&lab);
		assert_string_equal(lab_say_text(&lab, ENDED), "250 OK Message accepted for delivery\r\n");
		assert_mails(&lab, "alice", 1);
		begin_mail_to_alice(&lab);
		assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
		assert_mails(&lab, "alice", 2);
		disconnect(&lab);
	}
}

static void a_mail_of_a_header_alone_is_stored_whole(void **state)
{
	struct lab lab;
	(void)state;
	connect_kind(&lab, LAB_MEMORY);
	begin_mail_to_alice(&lab);
	assert_memory_equal(lab_say_text(&lab, "From: a@b\r\nTo: c@d\r\n.\r\n"), "250 ", 4);
	char *text = lab_mailbox(&lab, "alice");
	assert_memory_equal(text, "Received: ", 10);
	assert_string_equal(strchr(text, '\n'), "\nFrom: a@b\nTo: c@d\n.\n");
	free(text);
	disconnect(&lab);
}

static void every_recipient_gets_one_copy(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		connect_kind(&lab, *kind);
		begin_mail(&lab, (const char *const[]){ "alice", "BOB", "Alice", "carol", "bob", NULL });
		assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
		assert_mails(&lab, "alice", 1);
		assert_mails(&lab, "Bob", 1);
		assert_mails(&lab, "carol", 1);
		disconnect(&lab);
	}
}

static void an_unknown_recipient_does_not_hinder_the_others(void **state)
{
	struct lab lab;
	char line[300] = "RCPT TO:<";
	(void)state;
	connect_kind(&lab, LAB_MEMORY);
	lab_say_text(&lab, "MAIL FROM:<agupta@x>\r\n");
	assert_string_equal(lab_say_text(&lab, "RCPT TO:<nobody@lab.example>\r\n"), "550 No such user\r\n");
	memset(line + 9, 'a', 200); /* longer than any name in a users file */
	strcpy(line + 209, "@x>\r\n");
	assert_string_equal(lab_say_text(&lab, line), "550 No such user\r\n");
	assert_memory_equal(lab_say_text(&lab, "RCPT TO:<alice@elsewhere.example>\r\n"), "250 ", 4);
	lab_say_text(&lab, "DATA\r\n");
	assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
	assert_mails(&lab, "alice", 1);
	disconnect(&lab);
}

static void a_users_file_that_changes_is_read_again(void **state)
{
	struct lab lab;
	struct stat st;
	(void)state;
	EACH_KIND(kind)
	{
		char path[64];
		connect_kind(&lab, *kind);
		lab_say_text(&lab, "MAIL FROM:<agupta@x>\r\n");
		assert_memory_equal(lab_say_text(&lab, "RCPT TO:<dave@x>\r\n"), "550 ", 4);
		lab_write_users(&lab, "alice secret\ndave password\n");
		assert_memory_equal(lab_say_text(&lab, "RCPT TO:<dave@x>\r\n"), "250 ", 4);
		assert_memory_equal(lab_say_text(&lab, "RCPT TO:<bob@x>\r\n"), "550 ", 4);
		snprintf(path, sizeof path, "%s/dave", lab.dir);
		assert_int_equal(stat(path, &st) == 0, (*kind & LAB_FILES) != 0);
		disconnect(&lab);
	}
}

/* A Subject of n characters, each `character`, between `before` and `behind`. */
static const char *say_subject(struct lab *lab, const char *before, const char *character, size_t n, const char *behind)
{
	struct buf text;
	buf_init(&text, 64 * 1024);
	buf_printf(&text, "From: a@b\r\nTo: c@d\r\nSubject: %s", before);
	for (size_t i = 0; i < n; i++)
		buf_append_text(&text, character);
	buf_printf(&text, "%s\r\n.\r\n", behind);
	begin_mail_to_alice(lab);
	const char *answer = lab_say(lab, text.data, text.len);
	buf_release(&text);
	return answer;
}

static void a_subject_is_measured_in_characters_as_a_reader_sees_them(void **state)
{
	static const struct {
		const char *before;
		const char *character;
		size_t n;
		const char *behind;
		bool taken;
	} subjects[] = {
		{ "", "x", 100, "\r\ntext", true },
		{ "", "x", 101, "\r\ntext", false },
		{ "   ", "x", 100, "   \r\ntext", true },
		{ "", "\xc3\xa9", 100, "\r\n\r\ntext", true },
		{ "", "\xc3\xa9", 101, "\r\n\r\ntext", false },
		{ "=?utf-8?q?", "=C3=A9", 100, "?=\r\n\r\ntext", true },
		{ "=?utf-8?q?", "=C3=A9", 101, "?=\r\n\r\ntext", false },
		{ "=?iso-8859-2?q?", "=E9", 101, "?=\r\n\r\ntext", false },
		/* continuation lines count where an empty line ends the header, and are text otherwise */
		{ "one\r\n ", "x", 97, "\r\n\r\ntext", false },
		{ "one\r\n ", "x", 96, "\r\n\r\ntext", true },
		{ "one\r\n ", "x", 200, "\r\ntext", true },
		/* nothing but a header */
		{ "", "x", 101, "", false },
		{ "", "x", 100, "", true },
		/* the first Subject that says something counts */
		{ "\r\nSubject: ", "x", 101, "\r\n\r\ntext", false },
		{ "short\r\nSubject: ", "x", 101, "\r\n\r\ntext", true },
		{ "short\r\nX-Subject: ", "x", 101, "\r\n\r\ntext", true },
	};
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		connect_kind(&lab, *kind);
		for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
			const char *answer = say_subject(&lab, subjects[i].before, subjects[i].character, subjects[i].n,
			                                 subjects[i].behind);
			assert_string_equal(answer, subjects[i].taken
			                                    ? "250 OK Message accepted for delivery\r\n"
			                                    : "554 Subject is longer than 100 characters\r\n");
		}
		disconnect(&lab);
	}
}

static void a_refused_subject_leaves_nothing_behind(void **state)
{
	struct lab lab;
	(void)state;
	connect_kind(&lab, LAB_MEMORY);
	assert_memory_equal(say_subject(&lab, "", "x", 101, "\r\ntext"), "554 ", 4);
	assert_int_equal(lab.store.appends, 0);
	assert_mailbox(&lab, "alice", "");
	assert_memory_equal(lab_say_text(&lab, "DATA\r\n"), "503 ", 4);
	begin_mail_to_alice(&lab);
	assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
	assert_mails(&lab, "alice", 1);
	disconnect(&lab);
}

/* Text of a large mail: `lines` lines of 64 octets, CR LF included. */
static char *large_text(size_t lines, size_t *size)
{
	char *text = malloc(lines * 64 + 1);
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++) {
		char line[80];
		snprintf(line, sizeof line, "%08zu %053d\r\n", i, 0);
		memcpy(text + i * 64, line, 64);
	}
	*size = lines * 64;
	return text;
}

static void assert_large_mail(struct lab *lab, const char *text, size_t size)
{
	char *stored = lab_mailbox(lab, "alice");
	const char *body = strstr(stored, "\n\n");
	assert_non_null(body);
	body += 2;
	assert_int_equal(strlen(body), size - size / 64 + 2);
	for (size_t i = 0; i < size / 64; i++)
		assert_memory_equal(body + i * 63, text + i * 64, 62);
	free(stored);
}

static void a_large_mail_goes_through_a_file(void **state)
{
	struct lab lab;
	size_t size;
	char *text = large_text(50 * 1000, &size);
	(void)state;
	for (unsigned jobs = 0; jobs <= LAB_JOBS; jobs += LAB_JOBS) {
		connect_kind(&lab, LAB_FILES | jobs);
		begin_mail_to_alice(&lab);
		lab_say_text(&lab, "Subject: large\r\n\r\n");
		lab_give(&lab, text, size);
		assert_memory_equal(lab_say_text(&lab, ".\r\n"), "250 ", 4);
		assert_large_mail(&lab, text, size);
		disconnect(&lab);
	}
	free(text);
}

static void a_mail_that_cannot_be_spilled_is_swallowed_and_answered_at_its_end(void **state)
{
	struct lab lab;
	size_t size;
	char *text = large_text(50 * 1000, &size);
	(void)state;
	for (unsigned jobs = 0; jobs <= LAB_JOBS; jobs += LAB_JOBS) {
		connect_kind(&lab, LAB_MEMORY | jobs);
		begin_mail_to_alice(&lab);
		assert_string_equal(lab_say(&lab, text, size), "");
		assert_memory_equal(lab_say_text(&lab, ".\r\n"), "452 ", 4);
		assert_int_equal(lab.store.appends, 0);
		begin_mail_to_alice(&lab);
		assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
		assert_mails(&lab, "alice", 1);
		disconnect(&lab);
	}
	free(text);
}

static void a_place_that_cannot_be_written_is_a_reason_to_try_later(void **state)
{
	struct lab lab;
	size_t size;
	char *text = large_text(50 * 1000, &size);
	(void)state;
	connect_kind(&lab, LAB_FILES | LAB_JOBS);
	lab.store.spill_dir = STDIN_FILENO; /* no directory */
	begin_mail_to_alice(&lab);
	lab_say(&lab, text, size);
	assert_memory_equal(lab_say_text(&lab, ".\r\n"), "451 ", 4);
	assert_mailbox(&lab, "alice", "");
	disconnect(&lab);
	free(text);
}

static void without_memory_for_a_draft_data_is_refused(void **state)
{
	struct lab lab;
	(void)state;
	connect_kind(&lab, LAB_MEMORY);
	lab.store.no_drafts = true;
	lab_say_text(&lab, "MAIL FROM:<agupta@x>\r\nRCPT TO:<alice@x>\r\n");
	assert_memory_equal(lab_say_text(&lab, "DATA\r\n"), "451 ", 4);
	disconnect(&lab);
}

static void a_failed_delivery_is_temporary_and_the_others_keep_the_mail(void **state)
{
	static const struct {
		enum fault_kind kind;
		const char *also;
		const char *code;
	} failures[] = {
		{ FAULT_FULL, NULL, "452 " },    { FAULT_TEMPORARY, NULL, "451 " }, { FAULT_PERMANENT, NULL, "451 " },
		{ FAULT_FULL, "carol", "452 " }, { FAULT_BUSY, "carol", "451 " },
	};
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
			connect_kind(&lab, *kind);
			lab.store.fails_for = "Bob";
			lab.store.fails_also = failures[i].also;
			lab.store.kind = failures[i].kind;
			begin_mail(&lab, (const char *const[]){ "bob", "alice", "carol", NULL });
			assert_memory_equal(lab_say_text(&lab, ENDED), failures[i].code, 4);
			assert_mails(&lab, "alice", 1);
			assert_mails(&lab, "Bob", 0);
			assert_mails(&lab, "carol", failures[i].also ? 0 : 1);
			disconnect(&lab);
		}
	}
}

/* The lab's peer is elsewhere: it is let in without a login. */
static void connect_lmtp(struct lab *lab, unsigned kind)
{
	lab_open(lab, kind);
	lab->site.lmtp_remote.auth_required = false;
	lab_connect(lab, receive_lmtp_session_new);
	assert_memory_equal(lab_say_text(lab, "LHLO client\r\n"), "220 ", 4);
}

/* The codes of the replies, one letter each: '2', '4', '5'. */
static void assert_codes(const char *said, const char *expected)
{
	char codes[32] = "";
	for (const char *line = said; *line; line = strchr(line, '\n') + 1)
		strncat(codes, line, 1);
	assert_string_equal(codes, expected);
}

static void by_lmtp_each_recipient_has_an_outcome_of_its_own(void **state)
{
	static const enum fault_kind kinds[] = { FAULT_TEMPORARY, FAULT_FULL, FAULT_QUOTA };
	static const char *const codes[] = { "451 ", "452 ", "452 " };
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
			connect_lmtp(&lab, *kind);
			lab.store.fails_for = "Bob";
			lab.store.kind = kinds[i];
			begin_mail(&lab, (const char *const[]){ "bob", "alice", "BOB", "carol", NULL });
			const char *said = lab_say_text(&lab, ENDED);
			assert_memory_equal(said, codes[i], 4);
			assert_codes(said, "4242");
			begin_mail(&lab, (const char *const[]){ "carol", "bob", NULL });
			assert_codes(lab_say_text(&lab, ENDED), "24");
			lab_close(&lab);
		}
	}
}

static void by_lmtp_what_is_wrong_with_the_mail_is_said_for_each_recipient(void **state)
{
	struct lab lab;
	(void)state;
	connect_lmtp(&lab, LAB_MEMORY);
	lab.store.no_drafts = true;
	assert_memory_equal(lab_say_text(&lab, "MAIL FROM:<a@b>\r\n"), "250 ", 4);
	assert_codes(lab_say_text(&lab, "RCPT TO:<alice@x>\r\nRCPT TO:<bob@x>\r\nBDAT 2 LAST\r\n\r\n"), "2244");
	lab_close(&lab);
	connect_lmtp(&lab, LAB_MEMORY);
	begin_mail(&lab, (const char *const[]){ "alice", "bob", NULL });
	char subject[300] = "Subject: ";
	memset(subject + 9, 'x', 200);
	strcpy(subject + 209, "\r\n\r\n.\r\n");
	assert_codes(lab_say_text(&lab, subject), "55");
	begin_mail(&lab, (const char *const[]){ "alice", "bob", NULL });
	assert_codes(lab_say_text(&lab, "a\rb\r\n.\r\n"), "55");
	lab_close(&lab);
}

static void by_lmtp_only_this_machine_needs_no_login(void **state)
{
	struct lab lab;
	(void)state;
	lab_open(&lab, LAB_MEMORY);
	lab_connect(&lab, receive_lmtp_session_new);
	assert_memory_equal(lab_say_text(&lab, "LHLO client\r\n"), "220 ", 4);
	assert_memory_equal(lab_say_text(&lab, "MAIL FROM:<a@b>\r\n"), "530 ", 4);
	lab_close(&lab);
}

static void a_mail_that_breaks_off_is_not_stored(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		connect_kind(&lab, *kind);
		begin_mail_to_alice(&lab);
		lab_say_text(&lab, MAIL);
		lab_hang_up(&lab);
		assert_int_equal(lab.store.appends, 0);
		assert_mailbox(&lab, "alice", "");
		disconnect(&lab);
	}
}

static void a_mail_in_commit_survives_a_peer_that_vanishes(void **state)
{
	struct lab lab;
	(void)state;
	connect_kind(&lab, LAB_FILES | LAB_JOBS);
	begin_mail_to_alice(&lab);
	lab_give(&lab, ENDED, strlen(ENDED));
	assert_true(pump_waiting(&lab.pump));
	lab_hang_up(&lab);
	assert_mails(&lab, "alice", 1);
	disconnect(&lab);
}

static void what_a_transaction_took_is_forgotten_with_it(void **state)
{
	struct lab lab;
	(void)state;
	connect_kind(&lab, LAB_MEMORY);
	assert_memory_equal(lab_say_text(&lab, "MAIL FROM:<agupta@x>\r\n"), "250 ", 4);
	assert_memory_equal(lab_say_text(&lab, "RCPT TO:<bob@x>\r\n"), "250 ", 4);
	assert_memory_equal(lab_say_text(&lab, "RSET\r\n"), "250 ", 4);
	begin_mail_to_alice(&lab);
	assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
	assert_mails(&lab, "Bob", 0);
	assert_mails(&lab, "alice", 1);
	disconnect(&lab);
}

static void a_thousand_recipients_get_the_mail(void **state)
{
	struct lab lab;
	struct buf users;
	char name[32];
	(void)state;
	connect_kind(&lab, LAB_MEMORY | LAB_JOBS);
	buf_init(&users, 64 * 1024);
	for (int i = 0; i < SMTP_RECIPIENTS_MAX; i++)
		buf_printf(&users, "user%d pw\n", i);
	buf_append_char(&users, '\0');
	lab_write_users(&lab, users.data);
	buf_release(&users);
	lab_say_text(&lab, "MAIL FROM:<agupta@x>\r\n");
	for (int i = 0; i < SMTP_RECIPIENTS_MAX; i++) {
		char line[64];
		snprintf(line, sizeof line, "RCPT TO:<user%d@x>\r\n", i);
		assert_memory_equal(lab_say_text(&lab, line), "250 ", 4);
	}
	lab_say_text(&lab, "DATA\r\n");
	assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
	for (int i = 0; i < SMTP_RECIPIENTS_MAX; i += 111) {
		snprintf(name, sizeof name, "user%d", i);
		assert_mails(&lab, name, 1);
	}
	disconnect(&lab);
}

/* A course's further spellings are data; the session goes by them. */
static void a_course_s_verbs_stand_beside_the_usual_ones(void **state)
{
	static const struct course_verb verbs[] = { { "MAIL_FROM:", "MAIL FROM:" }, { "RCPT_TO:", "RCPT TO:" } };
	struct lab lab;
	(void)state;
	connect_kind(&lab, LAB_MEMORY);
	assert_memory_equal(lab_say_text(&lab, "MAIL_FROM: <agupta@x>\r\n"), "500 ", 4);
	lab.site.smtp.verbs = verbs;
	lab.site.smtp.verbs_count = 2;
	assert_string_equal(lab_say_text(&lab, "RCPT_TO: <alice@x>\r\n"),
	                    "503 Wrong order of commands: MAIL comes first\r\n");
	assert_string_equal(lab_say_text(&lab, "MAIL_FROM: <agupta@x>\r\nrcpt_to:alice\r\nRCPT TO:<bob@x>\r\nDATA\r\n"),
	                    "250 <agupta@x>... Sender ok\r\n250 <alice>... Recipient ok\r\n"
	                    "250 <bob@x>... Recipient ok\r\n354 Start mail input; end with <CRLF>.<CRLF>\r\n");
	assert_memory_equal(lab_say_text(&lab, ENDED), "250 ", 4);
	disconnect(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_is_stored_with_the_courses_stamp),
		cmocka_unit_test(a_mail_of_a_header_alone_is_stored_whole),
		cmocka_unit_test(every_recipient_gets_one_copy),
		cmocka_unit_test(an_unknown_recipient_does_not_hinder_the_others),
		cmocka_unit_test(a_users_file_that_changes_is_read_again),
		cmocka_unit_test(a_subject_is_measured_in_characters_as_a_reader_sees_them),
		cmocka_unit_test(a_refused_subject_leaves_nothing_behind),
		cmocka_unit_test(a_large_mail_goes_through_a_file),
		cmocka_unit_test(a_mail_that_cannot_be_spilled_is_swallowed_and_answered_at_its_end),
		cmocka_unit_test(a_place_that_cannot_be_written_is_a_reason_to_try_later),
		cmocka_unit_test(without_memory_for_a_draft_data_is_refused),
		cmocka_unit_test(a_failed_delivery_is_temporary_and_the_others_keep_the_mail),
		cmocka_unit_test(by_lmtp_each_recipient_has_an_outcome_of_its_own),
		cmocka_unit_test(by_lmtp_what_is_wrong_with_the_mail_is_said_for_each_recipient),
		cmocka_unit_test(by_lmtp_only_this_machine_needs_no_login),
		cmocka_unit_test(a_mail_that_breaks_off_is_not_stored),
		cmocka_unit_test(a_mail_in_commit_survives_a_peer_that_vanishes),
		cmocka_unit_test(what_a_transaction_took_is_forgotten_with_it),
		cmocka_unit_test(a_thousand_recipients_get_the_mail),
		cmocka_unit_test(a_course_s_verbs_stand_beside_the_usual_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
