/*
 * What a header says of its mail. Each mail is given whole, octet by octet, and split at every place: the answer is the same.
 */
#include "server/inspection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct answer {
	size_t received;
	size_t subject_characters;
	bool blocks;
};

static struct answer ask(struct inspection *i)
{
	inspection_finish(i);
	bool blocks = inspection_blocks(i);
	inspection_judge(i);
	assert_false(i->out_of_memory);
	const struct answer a = { i->received, i->subject_characters, blocks };
	inspection_release(i);
	return a;
}

static struct answer ask_split(struct slice mail, size_t place, bool wants_subject)
{
	struct inspection i;
	inspection_begin(&i, wants_subject);
	inspection_push(&i, mail.ptr, place);
	inspection_push(&i, mail.ptr + place, mail.len - place);
	return ask(&i);
}

static struct answer ask_octet_by_octet(struct slice mail, bool wants_subject)
{
	struct inspection i;
	inspection_begin(&i, wants_subject);
	for (size_t k = 0; k < mail.len; k++)
		inspection_push(&i, mail.ptr + k, 1);
	return ask(&i);
}

static void expect(struct answer a, const struct answer *expected)
{
	assert_int_equal(a.received, expected->received);
	assert_int_equal(a.subject_characters, expected->subject_characters);
	assert_int_equal(a.blocks, expected->blocks);
}

static void says(const char *text, bool wants_subject, struct answer expected)
{
	struct slice mail = slice_str(text);
	for (size_t place = 0; place <= mail.len; place++)
		expect(ask_split(mail, place, wants_subject), &expected);
	expect(ask_octet_by_octet(mail, wants_subject), &expected);
}

static void has_subject(const char *text, size_t characters, bool blocks)
{
	says(text, true, (struct answer){ .subject_characters = characters, .blocks = blocks });
}

static void has_received(const char *text, size_t received)
{
	says(text, false, (struct answer){ .received = received });
}

static void received_fields_are_counted(void **state)
{
	(void)state;
	has_received("", 0);
	has_received("From: a@b\n\nbody\n", 0);
	has_received("Received: a\n\nbody\n", 1);
	has_received("Received: a\nRECEIVED: b\n\tby c;\nFrom: a@b\nreceived:\n\nbody\n", 3);
}

static void only_fields_of_that_name_are_counted(void **state)
{
	(void)state;
	has_received("X-Received: a\nReceived-SPF: b\nTo: Received: c\nNote: x\n Received: y\n\n", 0);
}

static void received_lines_of_the_body_are_not_counted(void **state)
{
	(void)state;
	has_received("Received: a\n\nReceived: b\nReceived: c\n", 1);
	has_received("Received: a\nno field\nReceived: b\n", 1);
}

static void field_without_a_last_line_end_is_counted(void **state)
{
	(void)state;
	has_received("From: a@b\nReceived: c", 1);
}

static void subject_is_counted_in_characters(void **state)
{
	(void)state;
	has_subject("Subject: hello\n\nbody\n", 5, false);
	has_subject("From: a@b\nsubject:  two words \n\n", 9, false);
	has_subject("Subject: gr\xc3\xbc\xc3\x9f\x65\n\n", 5, false);
	has_subject("Subject:\n\n", 0, false);
	has_subject("From: a@b\n\nSubject: body\n", 0, false);
}

static void encoded_words_are_counted_decoded_and_in_a_job(void **state)
{
	(void)state;
	has_subject("Subject: =?UTF-8?Q?gr=C3=BC=C3=9Fe?=\n\n", 5, true);
	has_subject("Subject: =?utf-8?B?aGVsbG8=?= you\n\n", 9, true);
}

static void folded_subject_is_unfolded_where_an_empty_line_follows_the_header(void **state)
{
	(void)state;
	has_subject("Subject: one\n two\n\nbody\n", 7, false);
}

static void indented_text_without_an_empty_line_is_no_subject(void **state)
{
	(void)state;
	has_subject("Subject: one\n two\nbody\n", 3, false);
	has_subject("Subject: one\n two\n", 3, false);
	has_subject("Subject: one", 3, false);
}

static void first_subject_that_says_something_counts(void **state)
{
	(void)state;
	has_subject("Subject:\nSubject: four\nSubject: longer one\n\n", 4, false);
}

static void subject_is_looked_at_only_when_wanted(void **state)
{
	(void)state;
	static const char mail[] = "Received: a\nSubject: =?UTF-8?Q?x?=\n\n";
	says(mail, false, (struct answer){ .received = 1 });
	says(mail, true, (struct answer){ .received = 1, .subject_characters = 1, .blocks = true });
}

static void endless_subject_is_cut_and_nothing_fails(void **state)
{
	(void)state;
	struct inspection i;
	char piece[1000];
	memset(piece, 'x', sizeof piece);
	inspection_begin(&i, true);
	inspection_push(&i, "Subject: ", 9);
	for (int k = 0; k < 200; k++)
		inspection_push(&i, piece, sizeof piece);
	inspection_push(&i, "\nReceived: a\n\n", 14);
	struct answer a = ask(&i);
	assert_in_range(a.subject_characters, 60000, HEADER_FIELD_MAX);
	assert_int_equal(a.received, 1);
}

static void one_that_never_began_can_be_released(void **state)
{
	(void)state;
	struct inspection i = { .received = 0 };
	inspection_release(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received_fields_are_counted),
		cmocka_unit_test(only_fields_of_that_name_are_counted),
		cmocka_unit_test(received_lines_of_the_body_are_not_counted),
		cmocka_unit_test(field_without_a_last_line_end_is_counted),
		cmocka_unit_test(subject_is_counted_in_characters),
		cmocka_unit_test(encoded_words_are_counted_decoded_and_in_a_job),
		cmocka_unit_test(folded_subject_is_unfolded_where_an_empty_line_follows_the_header),
		cmocka_unit_test(indented_text_without_an_empty_line_is_no_subject),
		cmocka_unit_test(first_subject_that_says_something_counts),
		cmocka_unit_test(subject_is_looked_at_only_when_wanted),
		cmocka_unit_test(endless_subject_is_cut_and_nothing_fails),
		cmocka_unit_test(one_that_never_began_can_be_released),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
