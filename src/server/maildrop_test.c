/*
 * maildrop_test: the POP3 host with a store in memory or in files, its jobs run at once or on threads, its disk warm or cold.
 */
#include "server/maildrop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <unistd.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "server/lab_suite.h"
#include "server/login_delay.h"

#define ONE   "From: a@b\nTo: c@d\nSubject: one\nfirst\n"
#define TWO   "From: a@b\nTo: c@d\nSubject: two\n..second\n"
#define THREE "Subject: three\n\nthird\n"

static void open_kind(struct lab *lab, unsigned kind)
{
	lab_open(lab, kind);
	lab_deliver(lab, "alice", ONE);
	lab_deliver(lab, "alice", TWO);
	lab_deliver(lab, "alice", THREE);
}

static void connect_to(struct lab *lab)
{
	lab_connect(lab, maildrop_session_new);
	assert_string_equal(lab_say_text(lab, ""), "+OK POP3 server ready\r\n");
}

static const char *log_in(struct lab *lab, const char *user, const char *password)
{
	char line[200];
	snprintf(line, sizeof line, "USER %s\r\n", user);
	assert_memory_equal(lab_say_text(lab, line), "+OK", 3);
	snprintf(line, sizeof line, "PASS %s\r\n", password);
	return lab_say_text(lab, line);
}

static void log_in_alice(struct lab *lab)
{
	connect_to(lab);
	assert_memory_equal(log_in(lab, "alice", "secret"), "+OK", 3);
}

static void assert_mailbox(struct lab *lab, const char *expected)
{
	char *text = lab_mailbox(lab, "alice");
	assert_string_equal(text, expected);
	free(text);
}

static const unsigned all_kinds[] = { LAB_MEMORY, LAB_FILES, LAB_MEMORY | LAB_JOBS, LAB_FILES | LAB_JOBS };

#define EACH_KIND(kind) for (const unsigned *kind = all_kinds; kind < all_kinds + 4; kind++)

static void a_user_logs_in_and_reads(void **state)
{
	struct lab lab;
	(void)state;
	for (size_t i = 0; i < 2 * sizeof all_kinds / sizeof *all_kinds; i++) {
		open_kind(&lab, all_kinds[i / 2]);
		lab.store.cold = i % 2;
		log_in_alice(&lab);
		assert_string_equal(lab_say_text(&lab, "STAT\r\n"), "+OK 3 109\r\n");
		assert_non_null(strstr(lab_say_text(&lab, "LIST\r\n"), "\r\n1 41\r\n2 43\r\n3 25\r\n.\r\n"));
		assert_non_null(strstr(lab_say_text(&lab, "RETR 1\r\n"), "\r\nSubject: one\r\nfirst\r\n.\r\n"));
		lab_say_text(&lab, "TOP 1 0\r\n"); /* leaves a piece of mail 1 half read */
		assert_non_null(strstr(lab_say_text(&lab, "RETR 2\r\n"), "\r\nSubject: two\r\n..second\r\n.\r\n"));
		assert_non_null(strstr(lab_say_text(&lab, "RETR 3\r\n"), "\r\nSubject: three\r\n\r\nthird\r\n.\r\n"));
		assert_string_equal(lab_say_text(&lab, "QUIT\r\n"), "+OK goodbye\r\n");
		assert_int_equal(lab.store.open_maildrops, 0);
		lab_close(&lab);
	}
}

/* The unique ids of four mails, out of the answer to UIDL. */
static void read_ids(const char *answer, char ids[4][POP3_UID_MAX])
{
	assert_int_equal(
	        sscanf(answer, "%*[^\n] 1 %70[!-~] 2 %70[!-~] 3 %70[!-~] 4 %70[!-~]", ids[0], ids[1], ids[2], ids[3]),
	        4);
}

static void unique_ids_differ_and_stay(void **state)
{
	struct lab lab;
	char first[4][POP3_UID_MAX];
	char then[4][POP3_UID_MAX];
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		lab_deliver(&lab, "alice", ONE);
		log_in_alice(&lab);
		read_ids(lab_say_text(&lab, "UIDL\r\n"), first);
		for (size_t i = 0; i < 4; i++) {
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(first[i], first[k]);
		}
		lab_say_text(&lab, "QUIT\r\n");
		lab_hang_up(&lab);
		log_in_alice(&lab);
		read_ids(lab_say_text(&lab, "UIDL\r\n"), then);
		for (size_t i = 0; i < 4; i++)
			assert_string_equal(first[i], then[i]);
		lab_close(&lab);
	}
}

static void a_wrong_password_opens_nothing(void **state)
{
	static const char *const wrong[][2] = {
		{ "alice", "Secret" },  { "alice", "secre" },  { "alice", "secretx" },
		{ "nobody", "secret" }, { "carol", "secret" },
	};
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
			connect_to(&lab);
			assert_memory_equal(log_in(&lab, wrong[i][0], wrong[i][1]), "-ERR", 4);
			assert_int_equal(lab.store.open_maildrops, 0);
			lab_hang_up(&lab);
		}
		connect_to(&lab);
		log_in(&lab, "alice", "wrong");
		assert_memory_equal(log_in(&lab, "ALICE", "secret"), "+OK", 3);
		lab_close(&lab);
	}
}

static void a_name_is_no_shorter_for_being_long(void **state)
{
	struct lab lab;
	char users[200];
	char name[80];
	(void)state;
	open_kind(&lab, LAB_MEMORY);
	memset(name, 'n', sizeof name);
	snprintf(users, sizeof users, "%.*s pw\n", USERS_NAME_MAX, name);
	lab_write_users(&lab, users);
	name[USERS_NAME_MAX + 1] = '\0';
	connect_to(&lab);
	assert_memory_equal(log_in(&lab, name, "pw"), "-ERR", 4);
	name[USERS_NAME_MAX] = '\0';
	assert_memory_equal(log_in(&lab, name, "pw"), "+OK", 3);
	lab_close(&lab);
}

static void a_users_file_that_changes_is_read_again(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		lab_write_users(&lab, "alice changed\ndave pw\n");
		connect_to(&lab);
		assert_memory_equal(log_in(&lab, "alice", "secret"), "-ERR", 4);
		assert_memory_equal(log_in(&lab, "dave", "pw"), "+OK", 3);
		lab_close(&lab);
	}
}

static void a_mailbox_in_use_is_refused_with_its_holder(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		lab.store.fails_for = "alice";
		lab.store.kind = FAULT_BUSY;
		connect_to(&lab);
		const char *answer = log_in(&lab, "alice", "secret");
		assert_memory_equal(answer, "-ERR [IN-USE] ", 14);
		assert_non_null(strstr(answer, "alice from 192.0.2.1 since 12:00"));
		assert_true(pump_closing(&lab.pump));
		lab_close(&lab);
	}
}

static void the_holder_is_user_and_peer(void **state)
{
	struct lab lab;
	struct fault why;
	(void)state;
	open_kind(&lab, LAB_FILES);
	connect_to(&lab);
	assert_memory_equal(log_in(&lab, "bob", "d@t@comm"), "+OK", 3);
	assert_null(lab.store.inner->ops->open(lab.store.inner, "Bob", "the test", &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	assert_non_null(strstr(why.text, "Bob from 192.0.2.7"));
	lab_close(&lab);
}

static void a_mailbox_that_cannot_be_opened_is_a_fault_and_tells_no_paths(void **state)
{
	struct lab lab;
	(void)state;
	open_kind(&lab, LAB_MEMORY | LAB_JOBS);
	lab.store.fails_for = "alice";
	lab.store.kind = FAULT_TEMPORARY;
	connect_to(&lab);
	const char *answer = log_in(&lab, "alice", "secret");
	assert_memory_equal(answer, "-ERR [SYS/TEMP]", 15);
	assert_null(strstr(answer, "192.0.2.1"));
	lab_close(&lab);
}

static void quit_removes_what_was_marked_and_gives_the_lock_up_before_it_answers(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		log_in_alice(&lab);
		assert_memory_equal(lab_say_text(&lab, "DELE 1\r\nDELE 3\r\n"), "+OK", 3);
		assert_int_equal(lab.store.open_maildrops, 1);
		assert_string_equal(lab_say_text(&lab, "QUIT\r\n"), "+OK goodbye\r\n");
		assert_int_equal(lab.store.open_maildrops, 0);
		assert_mailbox(&lab, TWO ".\n");
		assert_int_equal(lab.store.tidied, 1);
		lab_close(&lab);
	}
}

static void quit_without_marks_has_nothing_to_tidy(void **state)
{
	struct lab lab;
	(void)state;
	open_kind(&lab, LAB_MEMORY);
	log_in_alice(&lab);
	lab_say_text(&lab, "DELE 1\r\nRSET\r\nQUIT\r\n");
	assert_int_equal(lab.store.tidied, 0);
	assert_mailbox(&lab, ONE ".\n" TWO ".\n" THREE ".\n");
	lab_close(&lab);
}

static void a_removal_that_fails_is_said_and_the_lock_is_given_up(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		log_in_alice(&lab);
		lab.store.fails_to_remove = true;
		lab_say_text(&lab, "DELE 1\r\n");
		assert_memory_equal(lab_say_text(&lab, "QUIT\r\n"), "-ERR", 4);
		assert_int_equal(lab.store.open_maildrops, 0);
		assert_int_equal(lab.store.tidied, 0);
		assert_mailbox(&lab, ONE ".\n" TWO ".\n" THREE ".\n");
		lab_close(&lab);
	}
}

static void a_connection_that_breaks_off_removes_nothing_and_gives_the_lock_up(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		log_in_alice(&lab);
		lab_say_text(&lab, "DELE 1\r\n");
		lab_hang_up(&lab);
		assert_int_equal(lab.store.open_maildrops, 0);
		assert_mailbox(&lab, ONE ".\n" TWO ".\n" THREE ".\n");
		lab_close(&lab);
	}
}

static void a_peer_that_vanishes_during_the_login_leaves_no_lock(void **state)
{
	struct lab lab;
	(void)state;
	open_kind(&lab, LAB_FILES | LAB_JOBS);
	connect_to(&lab);
	lab_say_text(&lab, "USER alice\r\n");
	lab_give(&lab, "PASS secret\r\n", 13);
	assert_true(pump_waiting(&lab.pump));
	lab_hang_up(&lab);
	assert_int_equal(lab.store.open_maildrops, 0);
	log_in_alice(&lab);
	lab_close(&lab);
}

static void a_removal_that_has_begun_survives_a_peer_that_vanishes(void **state)
{
	struct lab lab;
	(void)state;
	open_kind(&lab, LAB_FILES | LAB_JOBS);
	log_in_alice(&lab);
	lab_say_text(&lab, "DELE 1\r\n");
	lab_give(&lab, "QUIT\r\n", 6);
	assert_true(pump_waiting(&lab.pump));
	lab_hang_up(&lab);
	assert_mailbox(&lab, TWO ".\n" THREE ".\n");
	lab_close(&lab);
}

static void trouble_with_the_disk_is_said_and_the_session_goes_on(void **state)
{
	struct lab lab;
	(void)state;
	for (size_t i = 0; i < 2 * sizeof all_kinds / sizeof *all_kinds; i++) {
		open_kind(&lab, all_kinds[i / 2]);
		lab.store.cold = i % 2;
		log_in_alice(&lab);
		lab.store.fails_to_read = true;
		assert_memory_equal(lab_say_text(&lab, "RETR 1\r\n"), "-ERR [SYS/TEMP]", 15);
		lab.store.fails_to_read = false;
		assert_memory_equal(lab_say_text(&lab, "RETR 1\r\n"), "+OK", 3);
		lab.store.fails_to_number = true;
		assert_memory_equal(lab_say_text(&lab, "UIDL 1\r\n"), "-ERR [SYS/TEMP]", 15);
		lab.store.fails_to_number = false;
		assert_in_range(strlen(lab_say_text(&lab, "UIDL 1\r\n")), strlen("+OK 1 \r\n") + 32, POP3_UID_MAX);
		lab_close(&lab);
	}
}

/* ---- other ways in ---- */

#define PLAIN_ALICE "AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
#define PLAIN_WRONG "AUTH PLAIN AGFsaWNlAHdyb25n\r\n"

static void auth_opens_the_mailbox_as_a_password_does(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		connect_to(&lab);
		assert_memory_equal(lab_say_text(&lab, PLAIN_WRONG), "-ERR", 4);
		assert_string_equal(lab_say_text(&lab, "AUTH PLAIN\r\n"), "+ \r\n");
		assert_string_equal(lab_say_text(&lab, "*\r\n"), "-ERR authentication cancelled\r\n");
		assert_int_equal(lab.store.open_maildrops, 0);
		assert_string_equal(lab_say_text(&lab, PLAIN_ALICE), "+OK 3 messages (109 octets)\r\n");
		assert_int_equal(lab.store.open_maildrops, 1);
		assert_memory_equal(lab_say_text(&lab, "DELE 1\r\nQUIT\r\n"), "+OK", 3);
		assert_mailbox(&lab, TWO ".\n" THREE ".\n");
		lab_close(&lab);
	}
}

/* A job costs two hand-overs between threads. */
static void a_login_without_hashing_is_one_job(void **state)
{
	static const char *const lines[] = { "PASS secret\r\n", PLAIN_ALICE };
	struct lab lab;
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		open_kind(&lab, LAB_FILES | LAB_JOBS);
		usleep(80 * 1000); /* a users file that is new is read once more */
		users_reload(lab.site.users);
		connect_to(&lab);
		lab_say_text(&lab, "USER alice\r\n");
		lab_give(&lab, lines[i], strlen(lines[i]));
		assert_true(pump_waiting(&lab.pump));
		jobs_wait(lab.site.jobs);
		loop_run_posted(lab.loop);
		assert_false(pump_waiting(&lab.pump));
		lab_close(&lab);
	}
}

static void a_peer_that_vanishes_amid_an_exchange_leaves_nothing(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		connect_to(&lab);
		lab_say_text(&lab, "AUTH PLAIN\r\n");
		lab_hang_up(&lab);
		assert_int_equal(lab.store.open_maildrops, 0);
		lab_close(&lab);
	}
}

/* RFC 2449 section 8.1.1 */
static void a_login_too_soon_after_the_last_one_opens_nothing(void **state)
{
	struct lab lab;
	(void)state;
	EACH_KIND(kind)
	{
		open_kind(&lab, *kind);
		lab.site.login_delay = login_delay_new(3600);
		connect_to(&lab);
		assert_memory_equal(log_in(&lab, "alice", "wrong"), "-ERR wrong", 10);
		assert_memory_equal(log_in(&lab, "alice", "secret"), "+OK", 3);
		lab_say_text(&lab, "QUIT\r\n");
		lab_hang_up(&lab);
		connect_to(&lab);
		assert_memory_equal(log_in(&lab, "alice", "wrong"), "-ERR wrong", 10);
		const char *answer = log_in(&lab, "ALICE", "secret");
		assert_memory_equal(answer, "-ERR [LOGIN-DELAY] logged in a moment ago, wait 3", 49);
		assert_true(pump_closing(&lab.pump));
		assert_int_equal(lab.store.open_maildrops, 0);
		lab_hang_up(&lab);
		connect_to(&lab);
		assert_memory_equal(log_in(&lab, "bob", "d@t@comm"), "+OK", 3);
		lab_close(&lab);
	}
}

static void a_login_that_found_the_mailbox_in_use_was_none(void **state)
{
	struct lab lab;
	(void)state;
	open_kind(&lab, LAB_MEMORY);
	lab.site.login_delay = login_delay_new(3600);
	lab.store.fails_for = "alice";
	lab.store.kind = FAULT_BUSY;
	connect_to(&lab);
	assert_memory_equal(log_in(&lab, "alice", "secret"), "-ERR [IN-USE]", 13);
	assert_int_equal(login_delay_left(lab.site.login_delay, "alice", clock_ms()), 0);
	lab_close(&lab);
}

/* ---- the course standard ---- */

static struct session *from_afar(struct site *site, struct loop *loop, const struct peer *peer)
{
	const struct peer there = { .address = "192.0.2.7", .fd = peer->fd };
	return maildrop_session_new(site, loop, &there);
}

static void passwords_in_clear_are_for_this_machine_alone(void **state)
{
	struct lab lab;
	(void)state;
	lab_open_standard(&lab, LAB_FILES, "alice secret\n");
	lab_connect(&lab, from_afar);
	const char *capa = strstr(lab_say_text(&lab, "CAPA\r\n"), "+OK capabilities");
	assert_non_null(capa);
	assert_null(strstr(capa, "\r\nUSER\r\n"));
	assert_null(strstr(capa, "PLAIN"));
	assert_non_null(strstr(capa, "\r\nSASL SCRAM-SHA-256\r\n"));
	assert_memory_equal(lab_say_text(&lab, "USER alice\r\n"), "-ERR no password", 16);
	assert_memory_equal(lab_say_text(&lab, PLAIN_ALICE), "-ERR no password", 16);
	lab_hang_up(&lab);
	lab_connect(&lab, maildrop_session_new);
	assert_non_null(strstr(lab_say_text(&lab, "CAPA\r\n"), "\r\nUSER\r\n"));
	assert_memory_equal(lab_say_text(&lab, PLAIN_ALICE), "+OK", 3);
	lab_close(&lab);
}

static void write_digest(const char *stamp, char hex[33])
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	unsigned len;
	char text[400];
	snprintf(text, sizeof text, "%ssecret", stamp);
	assert_int_equal(EVP_Digest(text, strlen(text), md5, &len, EVP_md5(), NULL), 1);
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", md5[i]);
}

static void apop_opens_the_mailbox_where_all_passwords_are_in_clear(void **state)
{
	struct lab lab;
	char stamp[320], hex[33], line[80];
	(void)state;
	lab_open_standard(&lab, LAB_FILES | LAB_JOBS, "alice secret\n");
	lab_connect(&lab, maildrop_session_new);
	assert_int_equal(sscanf(lab_say_text(&lab, ""), "+OK POP3 server ready %319[^\r]", stamp), 1);
	write_digest(stamp, hex);
	snprintf(line, sizeof line, "APOP alice x%s\r\n", hex + 1);
	assert_memory_equal(lab_say_text(&lab, line), "-ERR [AUTH]", 11);
	snprintf(line, sizeof line, "APOP alice %s\r\n", hex);
	assert_memory_equal(lab_say_text(&lab, line), "+OK", 3);
	lab_close(&lab);
}

enum { LINES = 8000, LINE = 63 };

static char *large_text(void)
{
	char *text = malloc(LINES * LINE + 1);
	assert_non_null(text);
	for (size_t i = 0; i < LINES; i++) {
		char line[80];
		snprintf(line, sizeof line, "%08zu %053d\n", i, 0);
		memcpy(text + i * LINE, line, LINE + 1);
	}
	return text;
}

static void a_cold_mail_is_read_ahead_in_large_pieces(void **state)
{
	struct lab lab;
	char *text = large_text();
	const unsigned pieces = LINES * LINE / (64 * 1024) + 1;
	(void)state;
	open_kind(&lab, LAB_FILES | LAB_JOBS);
	lab_deliver(&lab, "carol", text);
	lab.store.cold = true;
	connect_to(&lab);
	assert_memory_equal(log_in(&lab, "carol", "pw"), "+OK", 3);
	for (unsigned time = 1; time <= 2; time++) {
		const char *mail = strstr(lab_say_text(&lab, "RETR 1\r\n"), "\r\n") + 2;
		assert_int_equal(strlen(mail), LINES * (LINE + 1) + 3);
		for (size_t i = 0; i < LINES; i++)
			assert_memory_equal(mail + i * (LINE + 1), text + i * LINE, LINE - 1);
		assert_in_range(lab.store.blocking_reads, time * pieces, time * (pieces + 1));
	}
	lab_close(&lab);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_logs_in_and_reads),
		cmocka_unit_test(unique_ids_differ_and_stay),
		cmocka_unit_test(a_wrong_password_opens_nothing),
		cmocka_unit_test(a_name_is_no_shorter_for_being_long),
		cmocka_unit_test(a_users_file_that_changes_is_read_again),
		cmocka_unit_test(a_mailbox_in_use_is_refused_with_its_holder),
		cmocka_unit_test(the_holder_is_user_and_peer),
		cmocka_unit_test(a_mailbox_that_cannot_be_opened_is_a_fault_and_tells_no_paths),
		cmocka_unit_test(quit_removes_what_was_marked_and_gives_the_lock_up_before_it_answers),
		cmocka_unit_test(quit_without_marks_has_nothing_to_tidy),
		cmocka_unit_test(a_removal_that_fails_is_said_and_the_lock_is_given_up),
		cmocka_unit_test(a_connection_that_breaks_off_removes_nothing_and_gives_the_lock_up),
		cmocka_unit_test(a_peer_that_vanishes_during_the_login_leaves_no_lock),
		cmocka_unit_test(a_removal_that_has_begun_survives_a_peer_that_vanishes),
		cmocka_unit_test(trouble_with_the_disk_is_said_and_the_session_goes_on),
		cmocka_unit_test(auth_opens_the_mailbox_as_a_password_does),
		cmocka_unit_test(a_login_without_hashing_is_one_job),
		cmocka_unit_test(a_peer_that_vanishes_amid_an_exchange_leaves_nothing),
		cmocka_unit_test(a_login_too_soon_after_the_last_one_opens_nothing),
		cmocka_unit_test(a_login_that_found_the_mailbox_in_use_was_none),
		cmocka_unit_test(passwords_in_clear_are_for_this_machine_alone),
		cmocka_unit_test(apop_opens_the_mailbox_where_all_passwords_are_in_clear),
		cmocka_unit_test(a_cold_mail_is_read_ahead_in_large_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
