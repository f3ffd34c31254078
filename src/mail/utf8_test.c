/*
 * What is a character of UTF-8, and what only looks like one (RFC 3629).
 */
#include "mail/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static size_t length(const char *text)
{
	return utf8_character(slice_str(text));
}

static void characters_of_each_length_are_found(void **state)
{
	(void)state;
	assert_int_equal(length("ab"), 1);
	assert_int_equal(length("\xc2\x80x"), 2);
	assert_int_equal(length("\xe0\xa0\x80x"), 3);
	assert_int_equal(length("\xed\x9f\xbfx"), 3);
	assert_int_equal(length("\xf0\x90\x80\x80x"), 4);
	assert_int_equal(length("\xf4\x8f\xbf\xbfx"), 4);
	assert_int_equal(utf8_character(slice_make("\0", 1)), 1);
}

static void forms_that_are_not_allowed_are_no_characters(void **state)
{
	(void)state;
	static const char *const bad[] = { "",
		                           "\x80",
		                           "\xc1\xbf",
		                           "\xe0\x9f\xbf",
		                           "\xed\xa0\x80",
		                           "\xf0\x8f\xbf\xbf",
		                           "\xf4\x90\x80\x80",
		                           "\xf5\x80\x80\x80",
		                           "\xff",
		                           "\xc3",
		                           "\xe2\x82",
		                           "\xc3(",
		                           "\xe2(\xa1",
		                           "\xf0\x9f\x98" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(length(bad[i]), 0);
}

static void text_is_valid_when_all_its_characters_are(void **state)
{
	(void)state;
	assert_true(utf8_valid(slice_str("")));
	assert_true(utf8_valid(slice_str("caf\xc3\xa9")));
	assert_false(utf8_valid(slice_str("caf\xe9")));
	assert_false(utf8_valid(slice_str("caf\xc3")));
}

static void cut_never_divides_a_character(void **state)
{
	(void)state;
	struct slice s = slice_str("a\xe2\x82\xac"
	                           "b");
	static const size_t lengths[] = { 0, 1, 1, 1, 4, 5, 5 };
	for (size_t max = 0; max < sizeof lengths / sizeof lengths[0]; max++)
		assert_int_equal(utf8_cut(s, max).len, lengths[max]);
	assert_int_equal(utf8_cut(slice_str("\xe2\x82"), 1).len, 1);
}

static void what_ends_a_line_for_somebody_is_a_control(void **state)
{
	(void)state;
	static const char *const controls[] = { "a\nb",
		                                "a\r",
		                                "\v",
		                                "\f",
		                                "\x1b[2J",
		                                "\x7f",
		                                "\x1c",
		                                "a\xc2\x85"
		                                "b",
		                                "\xc2\x9b",
		                                "\xe2\x80\xa8",
		                                "x\xe2\x80\xa9" };
	static const char *const texts[] = { "",         "a\tb",         "caf\xc3\xa9",
		                             "\xc2\xa0", "\xe2\x80\xa7", "\xe2\x80\xaa",
		                             "\xc2",     "\xe2\x80" };
	for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
		assert_true(utf8_has_control(slice_str(controls[i])));
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_false(utf8_has_control(slice_str(texts[i])));
	assert_true(utf8_has_control(slice_make("a\0b", 3)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_of_each_length_are_found),
		cmocka_unit_test(forms_that_are_not_allowed_are_no_characters),
		cmocka_unit_test(text_is_valid_when_all_its_characters_are),
		cmocka_unit_test(cut_never_divides_a_character),
		cmocka_unit_test(what_ends_a_line_for_somebody_is_a_control),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
