/*
 * What a list shows of mails in the courses' form, and of mails from elsewhere.
 */
#include "mail/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void expect(const struct summary *s, const char *from, const char *received, const char *subject)
{
	assert_string_equal(s->from, from);
	assert_string_equal(s->received, received);
	assert_string_equal(s->subject, subject);
}

/* Whole, octet by octet, and cut at every place. */
static void shows(const char *mail, const char *from, const char *received, const char *subject)
{
	struct summary s;
	size_t len = strlen(mail);
	for (size_t cut = 0; cut <= len; cut++) {
		summary_init(&s);
		summary_push(&s, mail, cut);
		summary_push(&s, mail + cut, len - cut);
		summary_finish(&s);
		expect(&s, from, received, subject);
		summary_release(&s);
	}
	summary_init(&s);
	for (size_t i = 0; i < len; i++)
		summary_push(&s, mail + i, 1);
	summary_finish(&s);
	expect(&s, from, received, subject);
	summary_release(&s);
}

static void mail_in_the_courses_form_is_shown(void **state)
{
	(void)state;
	shows("From: agupta@10.5.20.22\r\nTo: ng@10.5.21.32\r\nSubject: This week's lab assignment\r\n"
	      "Received: 2026-11-20 : 12 : 44\r\nThis is the first week after midsem.\r\n",
	      "agupta@10.5.20.22", "2026-11-20 : 12 : 44", "This week's lab assignment");
}

static void what_is_missing_is_a_dash(void **state)
{
	(void)state;
	shows("", "-", "-", "-");
	shows("hello\n", "-", "-", "-");
	shows("From:\nSubject: \n\nReceived: x\n", "-", "-", "-");
	shows("From: <>\n\n", "-", "-", "-");
}

static void address_is_taken_out_of_from(void **state)
{
	(void)state;
	shows("From: Alice <a@b>\n", "a@b", "-", "-");
	shows("From: \"A <x@y>, \\\" B\" <a@b>\n", "a@b", "-", "-");
	shows("From: a@b (Alice <x>)\n", "a@b", "-", "-");
	shows("From: (nested (comment)) a@b\n", "a@b", "-", "-");
	shows("From: a@b, c@d\n", "a@b", "-", "-");
	shows("From: =?utf-8?q?Al_=3Cx=3E?=\n <a@b>\n\n", "a@b", "-", "-");
	shows("From: agupta @ 10.5.20.22\n", "agupta @ 10.5.20.22", "-", "-");
	shows("From: <a@b\n", "a@b", "-", "-");
	shows("From: \"unclosed <a@b>\n", "\"unclosed <a@b>", "-", "-");
}

static void standard_received_line_is_brought_to_the_same_form(void **state)
{
	(void)state;
	shows("Received: from a (b; c)\n\tby d with ESMTP; Fri, 20 Nov 2026\n 18:14:05 +0530 (IST)\nReceived: 1\n\n",
	      "-", "2026-11-20 : 12 : 44", "-");
	shows("Received: by x; no date\n", "-", "no date", "-");
	shows("Received: by x\n", "-", "by x", "-");
}

static void indented_text_behind_a_course_stamp_is_no_date(void **state)
{
	(void)state;
	shows("Received: 2026-11-20 : 12 : 44\n  x; 20 Nov 2020 10:00\nbody\n", "-", "2026-11-20 : 12 : 44", "-");
}

static void first_field_of_a_name_counts(void **state)
{
	(void)state;
	shows("subject: one\nSUBJECT: two\nFrom: a@b\nFrom: c@d\n\n", "a@b", "-", "one");
}

static void subject_is_decoded(void **state)
{
	(void)state;
	shows("Subject: =?utf-8?q?caf=C3=A9?=\n =?utf-8?q?_au_lait?= x\n\n", "-", "-", "caf\xc3\xa9 au lait x");
	shows("Subject: =?utf-8?q?a=00b?=\n\n", "-", "-", "a?b");
}

static void subject_goes_on_only_before_an_empty_line(void **state)
{
	(void)state;
	shows("Subject: one\n two\n\nbody\n", "-", "-", "one two");
	shows("Subject: one\n two\nbody\n", "-", "-", "one");
	shows("Subject: one\n two\n", "-", "-", "one");
	shows("Subject:\n two\n\n", "-", "-", "two");
}

static void long_subject_is_cut_at_a_character(void **state)
{
	(void)state;
	struct summary s;
	summary_init(&s);
	summary_push(&s, "Subject: x", 10);
	for (int i = 0; i < 400; i++)
		summary_push(&s, "\xe2\x82\xac", 3);
	summary_finish(&s);
	assert_int_equal(strlen(s.subject), 1 + 510 / 3 * 3);
	summary_release(&s);
}

static int in_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_in_the_courses_form_is_shown),
		cmocka_unit_test(what_is_missing_is_a_dash),
		cmocka_unit_test(address_is_taken_out_of_from),
		cmocka_unit_test(standard_received_line_is_brought_to_the_same_form),
		cmocka_unit_test(indented_text_behind_a_course_stamp_is_no_date),
		cmocka_unit_test(first_field_of_a_name_counts),
		cmocka_unit_test(subject_is_decoded),
		cmocka_unit_test(subject_goes_on_only_before_an_empty_line),
		cmocka_unit_test(long_subject_is_cut_at_a_character),
	};
	return cmocka_run_group_tests(tests, in_utc, NULL);
}
