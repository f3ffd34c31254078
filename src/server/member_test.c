/*
 * member_test: several clients of one server, each with a session and a host of its own, around one registry.
 */
#include "server/member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/pump.h"

enum { CLIENTS = 4, FIRST = 4, HEARD_MAX = 64 * 1024, SMALL_CLIENT = 2000, SMALL_TOTAL = 6000 };

struct lab {
	struct site site;
	struct loop *loop; /* NULL: jobs are run at once */
	struct pump pump[CLIENTS];
	bool connected[CLIENTS];
	struct buf heard;
};

static void connect_number(struct lab *lab, int i)
{
	const struct peer peer = { .address = "192.0.2.7", .fd = FIRST + i };
	struct session *s = member_session_new(&lab->site, lab->loop, &peer);
	assert_non_null(s);
	pump_init(&lab->pump[i], s, NULL, NULL);
	pump_start(&lab->pump[i]);
	buf_clear(&lab->pump[i].out);
	lab->connected[i] = true;
}

/* Its jobs are done, as far as there are threads for them. */
static void settle(struct lab *lab)
{
	if (!lab->loop)
		return;
	do {
		jobs_wait(lab->site.jobs);
	} while (loop_run_posted(lab->loop));
}

static void hang_up(struct lab *lab, int i)
{
	pump_lost(&lab->pump[i]);
	settle(lab);
	pump_release(&lab->pump[i]);
	lab->connected[i] = false;
}

static void lab_open(struct lab *lab)
{
	struct fault why;
	*lab = (struct lab){ .site = { .dir = -1 } };
	struct site *site = &lab->site;
	pthread_mutex_init(&site->refreshing, NULL);
	site->course = site->loaded = course_load("mymailserver", &why);
	assert_non_null(site->course);
	site->registry = registry_new(SMALL_CLIENT, SMALL_TOTAL);
	strcpy(site->domain, "mymailserver");
	site->smtp = (struct smtp_config){ .replies = site->course->replies,
		                           .domain = site->domain,
		                           .max_size = SMTP_SIZE_DEFAULT };
	buf_init(&lab->heard, HEARD_MAX);
}

static int set_up(void **state)
{
	static struct lab lab;
	lab_open(&lab);
	for (int i = 0; i < CLIENTS; i++)
		connect_number(&lab, i);
	*state = &lab;
	return 0;
}

static int tear_down(void **state)
{
	struct lab *lab = *state;
	for (int i = 0; i < CLIENTS; i++) {
		if (lab->connected[i])
			hang_up(lab, i);
	}
	bool empty = registry_octets(lab->site.registry) == 0;
	site_close(&lab->site);
	loop_free(lab->loop);
	buf_release(&lab->heard);
	return !empty;
}

static const char *say(struct lab *lab, int i, const char *text)
{
	struct pump *p = &lab->pump[i];
	buf_clear(&lab->heard);
	assert_true(pump_input(p, text, strlen(text)));
	settle(lab);
	while (p->out.len > 0) {
		assert_true(buf_append_slice(&lab->heard, buf_slice(&p->out)));
		buf_clear(&p->out);
		pump_drained(p);
		settle(lab);
	}
	assert_true(buf_append_char(&lab->heard, '\0'));
	return lab->heard.data;
}

static void says(struct lab *lab, int i, const char *text, const char *expected)
{
	assert_string_equal(say(lab, i, text), expected);
}

static void register_all(struct lab *lab)
{
	char answer[40];
	for (int i = 0; i < CLIENTS; i++) {
		snprintf(answer, sizeof answer, "250 OK You are %d@mymailserver\r\n", FIRST + i);
		says(lab, i, "HELO\r\n", answer);
	}
}

#define START "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
#define HEAD(from, to)                                    \
	"*****\r\nFrom: " from "@mymailserver\r\nTo: " to \
	"@mymailserver\r\nMIME-Version: 1.0\r\nContent-Type: text\r\n*****\r\n"

/* The seed's dialogue, with its users A, B and D registered, but not C. */
static void one_mail_to_three_of_whom_one_is_not_registered(void **state)
{
	struct lab *lab = *state;
	says(lab, 0, "HELO\r\n", "250 OK You are 4@mymailserver\r\n");
	says(lab, 1, "REGISTER\r\n", "250 5@mymailserver\r\n");
	says(lab, 2, "HELO\r\n", "250 OK You are 6@mymailserver\r\n");
	says(lab, 0, "MAIL FROM: <4@mymailserver>\r\n", "250 OK\r\n");
	says(lab, 0, "RCPT TO: <5@mymailserver>\r\n", "250 OK\r\n");
	says(lab, 0, "RCPT TO: <9@mymailserver>\r\n", "550 No such user here\r\n");
	says(lab, 0, "RCPT TO: <7@mymailserver>\r\n", "550 No such user here\r\n"); /* connected, not registered */
	says(lab, 0, "RCPT TO: <6@mymailserver>\r\n", "250 OK\r\n");
	says(lab, 0, "DATA\r\n", START);
	says(lab, 0, "Hello.\r\n..\r\n.\r\n", "250 OK\r\n");
	says(lab, 1, "RETRIEVE\r\n", "250 OK Unread mails: 1\r\n" HEAD("4", "5") "Hello.\r\n..\r\n.\r\n");
	says(lab, 1, "RETRIEVE\r\n", "250 OK Unread mails: 0\r\n.\r\n");
	says(lab, 2, "RETRIEVE\r\n", "250 OK Unread mails: 1\r\n" HEAD("4", "6") "Hello.\r\n..\r\n.\r\n");
	says(lab, 0, "QUIT\r\n", "221 Connection Closed\r\n");
}

static void mails_of_several_come_in_one_answer(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	says(lab, 0, "MAIL FROM:<4@mymailserver>\r\nRCPT TO:<7@mymailserver>\r\nDATA\r\na\r\n.\r\n",
	     "250 OK\r\n250 OK\r\n" START "250 OK\r\n");
	says(lab, 1, "MAIL FROM:<5@mymailserver>\r\nRCPT TO:<7@elsewhere>\r\nDATA\r\n.\r\n",
	     "250 OK\r\n250 OK\r\n" START "250 OK\r\n");
	says(lab, 3, "MAIL FROM:<7@mymailserver>\r\nRCPT TO:7\r\nRCPT TO:<7@mymailserver>\r\nDATA\r\nmyself\r\n.\r\n",
	     "250 OK\r\n250 OK\r\n250 OK\r\n" START "250 OK\r\n");
	says(lab, 3, "RETRIEVE\r\n",
	     "250 OK Unread mails: 3\r\n" HEAD("4", "7") "a\r\n" HEAD("5", "7") HEAD("7", "7") "myself\r\n.\r\n");
}

static void only_the_own_address_may_send(void **state)
{
	static const char *const others[] = { "5@mymailserver", "4@elsewhere", "04@mymailserver", "4", "" };
	struct lab *lab = *state;
	char line[80], answer[120];
	register_all(lab);
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		snprintf(line, sizeof line, "MAIL FROM:<%s>\r\n", others[i]);
		snprintf(answer, sizeof answer, "553 <%s> is not your address, <4@mymailserver> is\r\n", others[i]);
		says(lab, 0, line, answer);
	}
	says(lab, 0, "MAIL FROM:<4@MyMailServer>\r\n", "250 OK\r\n");
}

static void what_is_no_number_is_nobody(void **state)
{
	static const char *const names[] = { "05", "+5", "5x", "x", "-1", "4294967301", "99999999999999999999999" };
	struct lab *lab = *state;
	char line[80];
	register_all(lab);
	says(lab, 0, "MAIL FROM:<4@mymailserver>\r\n", "250 OK\r\n");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(line, sizeof line, "RCPT TO:<%s@mymailserver>\r\n", names[i]);
		says(lab, 0, line, "550 No such user here\r\n");
	}
}

static void an_address_stays_the_same(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	says(lab, 0, "MAIL FROM:<4@mymailserver>\r\nRCPT TO:<4@mymailserver>\r\nDATA\r\nx\r\n.\r\n",
	     "250 OK\r\n250 OK\r\n" START "250 OK\r\n");
	says(lab, 0, "HELO again\r\nREGISTER\r\n", "250 OK You are 4@mymailserver\r\n250 4@mymailserver\r\n");
	says(lab, 0, "RETRIEVE\r\n", "250 OK Unread mails: 1\r\n" HEAD("4", "4") "x\r\n.\r\n");
}

static void begin_mail(struct lab *lab)
{
	says(lab, 0, "MAIL FROM:<4@mymailserver>\r\nRCPT TO:<5@mymailserver>\r\nRCPT TO:<6@mymailserver>\r\nDATA\r\n",
	     "250 OK\r\n250 OK\r\n250 OK\r\n" START);
}

static void a_recipient_who_leaves_before_the_end_is_dropped(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	begin_mail(lab);
	say(lab, 0, "text\r\n");
	hang_up(lab, 1);
	connect_number(lab, 1);
	says(lab, 1, "REGISTER\r\n", "250 5@mymailserver\r\n"); /* the number again */
	says(lab, 0, ".\r\n", "250 OK\r\n");
	says(lab, 1, "RETRIEVE\r\n", "250 OK Unread mails: 0\r\n.\r\n");
	says(lab, 2, "RETRIEVE\r\n", "250 OK Unread mails: 1\r\n" HEAD("4", "6") "text\r\n.\r\n");
}

static void where_all_recipients_have_left_the_mail_is_refused(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	begin_mail(lab);
	hang_up(lab, 1);
	hang_up(lab, 2);
	says(lab, 0, "text\r\n.\r\n", "550 No such user here\r\n");
}

static void a_number_s_next_client_begins_without_mail(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	begin_mail(lab);
	says(lab, 0, "secret\r\n.\r\n", "250 OK\r\n");
	hang_up(lab, 1);
	connect_number(lab, 1);
	says(lab, 1, "RETRIEVE\r\n", "503 Wrong order of commands: HELO or REGISTER comes first\r\n");
	says(lab, 1, "HELO\r\nRETRIEVE\r\n", "250 OK You are 5@mymailserver\r\n250 OK Unread mails: 0\r\n.\r\n");
}

/* A mail's text of n octets, in lines, its line ends counted as they are stored. */
static void say_text(struct lab *lab, int i, size_t n)
{
	for (; n > 0; n -= 100) {
		char line[110];
		snprintf(line, sizeof line, "%099d\r\n", 0);
		assert_string_equal(say(lab, i, line), "");
	}
}

static void a_full_mailbox_is_452_until_it_is_read(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	begin_mail(lab);
	say_text(lab, 0, 1500);
	says(lab, 0, ".\r\n", "250 OK\r\n");
	begin_mail(lab);
	say_text(lab, 0, 500);
	says(lab, 0, ".\r\n", "452 No room to store the message, try again later\r\n");
	say(lab, 1, "RETRIEVE\r\n");
	begin_mail(lab);
	say_text(lab, 0, 500);
	says(lab, 0, ".\r\n", "452 No room to store the message, try again later\r\n"); /* the other one's */
	say(lab, 2, "RETRIEVE\r\n");
	begin_mail(lab);
	say_text(lab, 0, 500);
	says(lab, 0, ".\r\n", "250 OK\r\n");
}

static void a_mailbox_without_any_room_is_452_at_rcpt(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	begin_mail(lab);
	say_text(lab, 0, 1800);
	says(lab, 0, ".\r\n", "250 OK\r\n");
	says(lab, 0, "MAIL FROM:<4@mymailserver>\r\nRCPT TO:<5@mymailserver>\r\nRCPT TO:<7@mymailserver>\r\n",
	     "250 OK\r\n452 No room to store the message, try again later\r\n250 OK\r\n");
}

static void a_mail_longer_than_any_mailbox_is_452_and_its_memory_goes_at_once(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	begin_mail(lab);
	say_text(lab, 0, 1900);
	assert_int_equal(registry_octets(lab->site.registry), 1900);
	say_text(lab, 0, 200);
	assert_int_equal(registry_octets(lab->site.registry), 0);
	say_text(lab, 0, 5000);
	says(lab, 0, ".\r\n", "452 No room to store the message, try again later\r\n");
	begin_mail(lab);
	says(lab, 0, "short\r\n.\r\n", "250 OK\r\n");
}

static void mails_on_their_way_in_share_the_total(void **state)
{
	struct lab *lab = *state;
	register_all(lab);
	for (int i = 0; i < CLIENTS; i++) {
		char line[100];
		snprintf(line, sizeof line, "MAIL FROM:<%d@mymailserver>\r\nRCPT TO:<4@mymailserver>\r\nDATA\r\n",
		         FIRST + i);
		say(lab, i, line);
		say_text(lab, i, 1800);
	}
	says(lab, 3, ".\r\n", "452 No room to store the message, try again later\r\n");
	hang_up(lab, 1); /* amid its mail: its memory is free again */
	says(lab, 3, "MAIL FROM:<7@mymailserver>\r\nRCPT TO:<6@mymailserver>\r\nDATA\r\n",
	     "250 OK\r\n250 OK\r\n" START);
	say_text(lab, 3, 1700);
	says(lab, 3, ".\r\n", "250 OK\r\n");
}

static void a_subject_over_the_limit_is_refused(void **state)
{
	struct lab *lab = *state;
	char mail[400];
	register_all(lab);
	begin_mail(lab);
	snprintf(mail, sizeof mail, "From: a@b\r\nTo: c@d\r\nSubject: %0101d\r\ntext\r\n.\r\n", 0);
	says(lab, 0, mail, "554 Subject is longer than 100 characters\r\n");
	begin_mail(lab);
	snprintf(mail, sizeof mail, "From: a@b\r\nTo: c@d\r\nSubject: %0100d\r\ntext\r\n.\r\n", 0);
	says(lab, 0, mail, "250 OK\r\n");
	says(lab, 1, "RETRIEVE\r\nNOOP\r\n",
	     "250 OK Unread mails: 1\r\n" HEAD("4", "5") "From: a@b\r\nTo: c@d\r\nSubject: "
	                                                 "0000000000000000000000000000000000000000000000000000000000000"
	                                                 "000000000000000000000000000000000000000\r\n"
	                                                 "text\r\n.\r\n250 OK\r\n");
}

/* Counting such a subject may read tables from the disk, and is a job. */
static void a_client_may_vanish_while_its_encoded_subject_is_counted(void **state)
{
	struct lab *lab = *state;
	struct fault why;
	for (int i = 0; i < CLIENTS; i++)
		hang_up(lab, i);
	lab->site.jobs = jobs_new(2, &why);
	lab->loop = loop_new(&why);
	assert_true(lab->site.jobs && lab->loop);
	for (int i = 0; i < CLIENTS; i++)
		connect_number(lab, i);
	register_all(lab);
	begin_mail(lab);
	says(lab, 0, "Subject: =?ISO-8859-2?Q?a?=\r\n\r\n.\r\n", "250 OK\r\n");
	begin_mail(lab);
	static const char mail[] = "Subject: =?ISO-8859-2?Q?b?=\r\n\r\n.\r\n";
	assert_true(pump_input(&lab->pump[0], mail, strlen(mail)));
	assert_true(pump_waiting(&lab->pump[0]));
	hang_up(lab, 0); /* what was ended by its full stop is delivered */
	connect_number(lab, 0);
	says(lab, 0, "REGISTER\r\nRETRIEVE\r\n", "250 4@mymailserver\r\n250 OK Unread mails: 0\r\n.\r\n");
	assert_memory_equal(say(lab, 1, "RETRIEVE\r\n"), "250 OK Unread mails: 2\r\n", 24);
}

#define WITH_CLIENTS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CLIENTS(one_mail_to_three_of_whom_one_is_not_registered),
		WITH_CLIENTS(mails_of_several_come_in_one_answer),
		WITH_CLIENTS(only_the_own_address_may_send),
		WITH_CLIENTS(what_is_no_number_is_nobody),
		WITH_CLIENTS(an_address_stays_the_same),
		WITH_CLIENTS(a_recipient_who_leaves_before_the_end_is_dropped),
		WITH_CLIENTS(where_all_recipients_have_left_the_mail_is_refused),
		WITH_CLIENTS(a_number_s_next_client_begins_without_mail),
		WITH_CLIENTS(a_full_mailbox_is_452_until_it_is_read),
		WITH_CLIENTS(a_mailbox_without_any_room_is_452_at_rcpt),
		WITH_CLIENTS(a_mail_longer_than_any_mailbox_is_452_and_its_memory_goes_at_once),
		WITH_CLIENTS(mails_on_their_way_in_share_the_total),
		WITH_CLIENTS(a_subject_over_the_limit_is_refused),
		WITH_CLIENTS(a_client_may_vanish_while_its_encoded_subject_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
