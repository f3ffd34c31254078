/*
 * pop3_origin_test: which mails count as sent by SMTPUTF8, however they are cut.
 */
#include "protocol/pop3_origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define UTF8  POP3_ORIGIN_UTF8
#define PLAIN POP3_ORIGIN_PLAIN

static const struct {
	const char *mail;
	enum pop3_origin_way way;
} mails[] = {
	{ "Received: from x by y with UTF8SMTP id 1; now\nSubject: a\n\nb\n", UTF8 },
	{ "Received: from x by y with UTF8SMTPSA; now\n\nb\n", UTF8 },
	{ "RECEIVED: from x by y WITH utf8smtps; now\n\n", UTF8 },
	{ "Return-Path: <>\r\nReceived: from x\r\n\tby y with\r\n UTF8SMTPA id 1\r\n\r\nb\r\n", UTF8 },
	{ "Received: from x ([::1] (with ESMTP)) by y (a) with (b) UTF8SMTP;now\n\n", UTF8 },
	{ "Received: by y with UTF8SMTP", UTF8 }, /* cut off */
	{ "Received: from x by y with ESMTPS id 1; now\nSubject: a\n\nb\n", PLAIN },
	{ "Received: from x (with UTF8SMTP) by y with ESMTP; now\n\n", PLAIN },
	{ "Received: from x by y with ESMTP with UTF8SMTP; now\n\n", PLAIN },
	{ "Received: from x by y with ESMTP; now\nReceived: from z by x with UTF8SMTP; then\n\n", PLAIN },
	{ "Received: from UTF8SMTP by with; now\n\n", PLAIN },
	/* Whatever name a client gives, it tells nothing. */
	{ "Received: from unknown (HELO \\) with UTF8SMTP id x; \\() ([::1])\n\tby y with ESMTP id 1; now\n\n", PLAIN },
	{ "Received: from unknown (HELO \\(\\(\\() ([::1])\n\tby y with UTF8SMTP id 1; now\n\n", UTF8 },
	{ "Received: from with ([::1])\n\tby y with UTF8SMTP id 1; now\n\n", UTF8 },
	{ "Received: 2011-08-08 : 14 : 00\nUTF8SMTP\n", PLAIN },
	{ "Received:\n\n", PLAIN },
	{ "Received: by y with (((\n\n", PLAIN },
	{ "Subject: \xc3\xa4\n\nReceived: by y with UTF8SMTP\n", PLAIN },
	{ "\nReceived: by y with UTF8SMTP\n", PLAIN },
	{ "no header\nReceived: by y with UTF8SMTP\n", PLAIN },
	{ "", PLAIN },
};

enum { MAILS = sizeof mails / sizeof mails[0] };

/* The first answer that is one. */
static enum pop3_origin_way judge(struct slice mail, size_t cut, size_t step)
{
	struct pop3_origin *o = pop3_origin_new();
	enum pop3_origin_way way = POP3_ORIGIN_UNKNOWN;
	assert_non_null(o);
	for (size_t at = 0; way == POP3_ORIGIN_UNKNOWN && at < mail.len;) {
		size_t next = at < cut && cut < at + step ? cut : at + step;
		next = next < mail.len ? next : mail.len;
		way = pop3_origin_push(o, slice_make(mail.ptr + at, next - at));
		at = next;
	}
	if (way == POP3_ORIGIN_UNKNOWN)
		way = pop3_origin_push(o, slice_make("", 0));
	pop3_origin_free(o);
	return way;
}

static void the_first_received_line_says_how_a_mail_came_however_it_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAILS; i++) {
		struct slice mail = slice_str(mails[i].mail);
		bool same = judge(mail, 0, 1) == mails[i].way;
		for (size_t cut = 0; cut <= mail.len; cut++)
			same = same && judge(mail, cut, SIZE_MAX / 2) == mails[i].way;
		if (!same)
			fail_msg("mail %zu: %s", i, mails[i].mail);
	}
}

static void a_mail_is_judged_as_soon_as_it_is_known(void **state)
{
	struct pop3_origin *o = pop3_origin_new();
	(void)state;
	assert_int_equal(pop3_origin_push(o, slice_str("Received: by y with UTF8SMTP\n")), POP3_ORIGIN_UNKNOWN);
	assert_int_equal(pop3_origin_push(o, slice_str("S")), POP3_ORIGIN_UNKNOWN);
	assert_int_equal(pop3_origin_push(o, slice_str("ubject: a\n")), UTF8);
	pop3_origin_free(o);
	pop3_origin_free(NULL);
}

static void what_stands_far_down_is_not_looked_for(void **state)
{
	static char mail[2 * POP3_ORIGIN_MAX];
	static const char field[] = "Received: by y with UTF8SMTP\nX: y\n";
	const size_t len = strlen(field);
	(void)state;
	memset(mail, 'x', sizeof mail);
	memcpy(mail, "Subject: ", 9);
	for (size_t at = POP3_ORIGIN_MAX - 100; at < POP3_ORIGIN_MAX + 100; at++) {
		memset(mail + POP3_ORIGIN_MAX - 200, 'x', 500);
		mail[at - 1] = '\n';
		memcpy(mail + at, field, len);
		enum pop3_origin_way way = judge(slice_make(mail, sizeof mail), 0, sizeof mail);
		assert_int_equal(judge(slice_make(mail, sizeof mail), 0, 1), way);
		assert_int_equal(way, at + strlen("Received: by y with UTF8SMTP") <= POP3_ORIGIN_MAX ? UTF8 : PLAIN);
	}
}

static void a_look_at_the_beginning_tells_nothing_else_than_all_of_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < MAILS; i++) {
		for (size_t n = 0; n <= strlen(mails[i].mail); n++) {
			if (pop3_origin_is_plain(slice_make(mails[i].mail, n)))
				assert_int_equal(mails[i].way, PLAIN);
		}
	}
}

static void a_look_is_enough_where_the_header_is_all_there_and_names_no_such_protocol(void **state)
{
	(void)state;
	assert_true(pop3_origin_is_plain(slice_str("Received: from 88 by UTF8 with ESMTP id 8SMTP; 8\n\nUTF8SMTP\n")));
	assert_false(pop3_origin_is_plain(slice_str("Received: from x by y with ESMTP; now\nSubject: a\n")));
	assert_false(pop3_origin_is_plain(slice_str("Subject: 8UTF8SMTP\n\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_received_line_says_how_a_mail_came_however_it_is_cut),
		cmocka_unit_test(a_mail_is_judged_as_soon_as_it_is_known),
		cmocka_unit_test(what_stands_far_down_is_not_looked_for),
		cmocka_unit_test(a_look_at_the_beginning_tells_nothing_else_than_all_of_it),
		cmocka_unit_test(a_look_is_enough_where_the_header_is_all_there_and_names_no_such_protocol),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
