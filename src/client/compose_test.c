/*
 * Which typed mails are taken, what becomes of them, and how one is read to its end.
 */
#include "client/compose.h"

#include "mail/address.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct compose_rules one_recipient = { .subject_max = 50, .recipients_max = 1 };
static const struct compose_rules several_recipients = { .subject_max = 50, .recipients_max = 3 };

static void takes(const char *typed, const char *from, const char *to, const char *text)
{
	struct compose_mail m;

	compose_init(&m);
	assert_int_equal(compose_check(slice_str(typed), &one_recipient, &m), COMPOSE_OK);
	assert_true(slice_equal_text(buf_slice(&m.from), from));
	assert_true(slice_equal_text(buf_slice(&m.to), to));
	assert_true(buf_append_char(&m.text, '\0'));
	assert_string_equal(m.text.data, text);
	compose_release(&m);
}

static void refuses_slice(struct slice typed)
{
	struct compose_mail m;

	compose_init(&m);
	assert_int_equal(compose_check(typed, &one_recipient, &m), COMPOSE_WRONG_FORMAT);
	compose_release(&m);
}

static void refuses(const char *typed)
{
	refuses_slice(slice_str(typed));
}

static void many_recipients_stand_on_lines_of_at_most_998_octets(void **state)
{
	static const struct compose_rules many = { .subject_max = 50, .recipients_max = COMPOSE_RECIPIENTS_MAX };
	struct compose_mail m;
	struct buf typed;

	(void)state;
	for (unsigned len = 1; len <= 60; len++) {
		compose_init(&m);
		buf_init(&typed, 1 << 16);
		assert_true(buf_append_text(&typed, "From: a@b\nTo: "));
		for (int i = 0; i < COMPOSE_RECIPIENTS_MAX; i++)
			assert_true(buf_printf(&typed, "%s%0*d@b", i > 0 ? "," : "", (int)len, i % 10));
		assert_true(buf_append_text(&typed, "\nSubject: s\n"));
		assert_int_equal(compose_check(buf_slice(&typed), &many, &m), COMPOSE_OK);
		struct slice rest = buf_slice(&m.text);
		size_t addresses = 0;
		while (rest.len > 0) {
			size_t n = slice_find(rest, '\n');
			assert_true(n <= 998);
			for (size_t i = 0; i < n; i++)
				addresses += rest.ptr[i] == '@';
			rest = slice_skip(rest, n + 1);
		}
		assert_int_equal(addresses, 1 + COMPOSE_RECIPIENTS_MAX);
		compose_release(&m);
		buf_release(&typed);
	}
}

static void check_several(const char *to, const char *const *recipients)
{
	struct compose_mail m;
	struct buf typed;

	compose_init(&m);
	buf_init(&typed, 4096);
	assert_true(buf_printf(&typed, "From: a@b\nTo: %s\nSubject: s\n", to));
	enum compose_result result = compose_check(buf_slice(&typed), &several_recipients, &m);
	assert_int_equal(result, recipients ? COMPOSE_OK : COMPOSE_WRONG_FORMAT);
	if (recipients) {
		size_t n = 0;
		for (; recipients[n]; n++)
			assert_true(n < m.recipients_len && slice_equal_text(m.recipients[n], recipients[n]));
		assert_int_equal(m.recipients_len, n);
	}
	buf_release(&typed);
	compose_release(&m);
}

static void several_recipients_stand_between_commas(void **state)
{
	static const char *const one[] = { "5@mail", NULL };
	static const char *const three[] = { "5@mail", "6@mail", "7@mail", NULL };

	(void)state;
	check_several("5@mail", one);
	check_several("5@mail,6@mail, 7@mail", three);
	check_several("<5@mail> ,\t6 @ mail  ,<7@mail>", three);
}

static void a_list_of_recipients_has_no_gaps_and_a_maximum(void **state)
{
	static const char *const wrong[] = { ",",       "5@m,",     ",5@m",   "5@m,,6@m",       "5@m 6@m",
		                             "5@m;6@m", "5@m, six", "5@m,6@", "1@m,2@m,3@m,4@m" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		check_several(wrong[i], NULL);
}

/* "aaa…@b", so long in all. */
static void check_length(size_t octets, enum compose_result expected)
{
	struct compose_mail m;
	struct buf typed;

	buf_init(&typed, 4096);
	compose_init(&m);
	assert_true(buf_append_text(&typed, "From: a@b\nTo: "));
	for (size_t i = 2; i < octets; i++)
		assert_true(buf_append_char(&typed, 'a'));
	assert_true(buf_append_text(&typed, "@b\nSubject: s\n"));
	assert_int_equal(compose_check(buf_slice(&typed), &one_recipient, &m), expected);
	compose_release(&m);
	buf_release(&typed);
}

static void a_recipient_is_no_longer_than_a_path_in_smtp(void **state)
{
	(void)state;
	check_length(ADDRESS_PATH_MAX, COMPOSE_OK);
	check_length(ADDRESS_PATH_MAX + 1, COMPOSE_WRONG_FORMAT);
}

static void the_labs_example_is_taken_as_typed(void **state)
{
	static const char mail[] = "From: agupta@10.5.20.22\n"
	                           "To: ng@10.5.21.32\n"
	                           "Subject: This week\xE2\x80\x99s lab assignment\n"
	                           "This is the first week after midsem.\n"
	                           "The students are eager to do assignments (ha ha ha!)\n"
	                           "Let us give them something interesting.\n";

	(void)state;
	takes(mail, "agupta@10.5.20.22", "ng@10.5.21.32", mail);
}

static void the_body_may_be_empty_and_may_hold_anything(void **state)
{
	(void)state;
	takes("From: a@b\nTo: c@d\nSubject: s\n", "a@b", "c@d", "From: a@b\nTo: c@d\nSubject: s\n");
	takes("From: a@b\nTo: c@d\nSubject: s\n\n..\nFrom: x\n", "a@b", "c@d",
	      "From: a@b\nTo: c@d\nSubject: s\n\n..\nFrom: x\n");
}

static void blanks_and_angle_brackets_become_the_plain_form(void **state)
{
	(void)state;
	takes("From:   a @ b  \nTo:\t<c@d>\nSubject:    two  words \n x\n", "a@b", "c@d",
	      "From: a@b\nTo: c@d\nSubject: two  words\n x\n");
}

static void fields_must_be_there_and_in_order(void **state)
{
	(void)state;
	refuses("");
	refuses("hello\n");
	refuses("From: a@b\n");
	refuses("From: a@b\nTo: c@d\n");
	refuses("From: a@b\nTo: c@d\nbody\n");
	refuses("To: c@d\nFrom: a@b\nSubject: s\n");
	refuses("From: a@b\nSubject: s\nTo: c@d\n");
	refuses("From: a@b\nFrom: a@b\nTo: c@d\nSubject: s\n");
	refuses("\nFrom: a@b\nTo: c@d\nSubject: s\n");
	refuses("From: a@b\n\nTo: c@d\nSubject: s\n");
	refuses(" From: a@b\nTo: c@d\nSubject: s\n");
	refuses("From : a@b\nTo: c@d\nSubject: s\n");
	refuses("From a@b\nTo: c@d\nSubject: s\n");
	refuses("From:a@b\nTo: c@d\nSubject: s\n");
}

static void addresses_must_be_x_at_y(void **state)
{
	static const char *const wrong[] = { "a",        "@b",      "a@",   "a@@b", "a@b@c", "a b@c", "a@b c",
		                             "a@b, c@d", "a@b,c@d", "<a@b", "<>",   "@",     "a@b>" };

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char mail[128];
		snprintf(mail, sizeof mail, "From: %s\nTo: c@d\nSubject: s\n", wrong[i]);
		refuses(mail);
		snprintf(mail, sizeof mail, "From: a@b\nTo: %s\nSubject: s\n", wrong[i]);
		refuses(mail);
	}
}

static void the_subject_has_a_limit_in_characters_and_is_not_empty(void **state)
{
	char mail[512] = "From: a@b\nTo: c@d\nSubject: ";
	size_t start = strlen(mail);

	(void)state;
	for (unsigned i = 0; i < one_recipient.subject_max; i++)
		strcat(mail, "\xE4\xB8\xAD");
	strcat(mail, "\n");
	takes(mail, "a@b", "c@d", mail);
	strcpy(mail + strlen(mail) - 1, "!\n");
	refuses(mail);
	strcpy(mail + start, "\n");
	refuses(mail);
	strcpy(mail + start, "   \nx\n");
	refuses(mail);
}

static void control_characters_that_could_make_a_line_are_refused(void **state)
{
	(void)state;
	refuses("From: a@b\nTo: c@d\nSubject: a\rBcc: x@y\n");
	refuses("From: a@b\nTo: c@d\nSubject: s\nbare\rcarriage return\n");
	refuses_slice(slice_make("From: a@b\nTo: c@d\nSubject: s\0t\n", 32));
	refuses_slice(slice_make("From: a\0c@b\nTo: c@d\nSubject: s\n", 31));
}

/* ---- reading ---- */

static enum compose_result read_typed(const char *input, size_t max, struct buf *typed, char *next)
{
	struct screen screen;
	struct prompt prompt;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
	close(ends[1]);
	screen = (struct screen){ .out = fopen("/dev/null", "w") };
	prompt_init(&prompt, ends[0], &screen);
	buf_init(typed, max);
	enum compose_result result = compose_read(&prompt, typed);
	*next = '\0';
	prompt_key(&prompt, NULL, next);
	fclose(screen.out);
	close(ends[0]);
	return result;
}

static void a_mail_ends_at_a_line_with_only_a_full_stop(void **state)
{
	struct buf typed;
	char next;

	(void)state;
	assert_int_equal(read_typed("a\r\n..\n .\n. \n.\nnext\n", 1000, &typed, &next), COMPOSE_OK);
	assert_true(slice_equal_text(buf_slice(&typed), "a\n..\n .\n. \n"));
	assert_int_equal(next, 'n');
	buf_release(&typed);
}

static void input_that_ends_early_gives_no_mail(void **state)
{
	struct buf typed;
	char next;

	(void)state;
	assert_int_equal(read_typed("From: a@b\n", 1000, &typed, &next), COMPOSE_END);
	buf_release(&typed);
}

static void a_full_stop_without_its_newline_ends_the_mail(void **state)
{
	struct buf typed;
	char next;

	(void)state;
	assert_int_equal(read_typed("a\n.", 1000, &typed, &next), COMPOSE_OK);
	assert_true(slice_equal_text(buf_slice(&typed), "a\n"));
	buf_release(&typed);
}

static void a_mail_over_the_maximum_is_read_to_its_end_and_not_kept(void **state)
{
	struct buf typed;
	char next;

	(void)state;
	assert_int_equal(read_typed("aaaa\nbbbb\ncccccccccccccccccccc\nd\n.\nnext\n", 12, &typed, &next),
	                 COMPOSE_TOO_BIG);
	assert_int_equal(next, 'n');
	buf_release(&typed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_recipients_stand_on_lines_of_at_most_998_octets),
		cmocka_unit_test(the_labs_example_is_taken_as_typed),
		cmocka_unit_test(a_recipient_is_no_longer_than_a_path_in_smtp),
		cmocka_unit_test(several_recipients_stand_between_commas),
		cmocka_unit_test(a_list_of_recipients_has_no_gaps_and_a_maximum),
		cmocka_unit_test(the_body_may_be_empty_and_may_hold_anything),
		cmocka_unit_test(blanks_and_angle_brackets_become_the_plain_form),
		cmocka_unit_test(fields_must_be_there_and_in_order),
		cmocka_unit_test(addresses_must_be_x_at_y),
		cmocka_unit_test(the_subject_has_a_limit_in_characters_and_is_not_empty),
		cmocka_unit_test(control_characters_that_could_make_a_line_are_refused),
		cmocka_unit_test(a_mail_ends_at_a_line_with_only_a_full_stop),
		cmocka_unit_test(input_that_ends_early_gives_no_mail),
		cmocka_unit_test(a_full_stop_without_its_newline_ends_the_mail),
		cmocka_unit_test(a_mail_over_the_maximum_is_read_to_its_end_and_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
