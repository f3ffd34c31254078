/*
 * line: where lines end.
 */
#include "net/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void check(const char *input, enum line_ends ends, size_t octets, const char *text, bool bare_lf)
{
	struct line line = { 0 };
	assert_int_equal(line_find(slice_str(input), ends, &line), octets);
	if (octets == 0)
		return;
	assert_true(slice_equal_text(line.text, text));
	assert_int_equal(line.bare_lf, bare_lf);
	assert_false(line.too_long);
}

static void either_end_is_a_line_end(void **state)
{
	(void)state;
	check("a\r\nb\r\n", LINE_ENDS_EITHER, 3, "a", false);
	check("a\nb\n", LINE_ENDS_EITHER, 2, "a", true);
	check("\n", LINE_ENDS_EITHER, 1, "", true);
	check("\r\n", LINE_ENDS_EITHER, 2, "", false);
	check("a\r", LINE_ENDS_EITHER, 0, NULL, false);
	check("", LINE_ENDS_EITHER, 0, NULL, false);
}

static void one_carriage_return_is_dropped_and_no_more(void **state)
{
	(void)state;
	check("a\r\r\n", LINE_ENDS_EITHER, 4, "a\r", false);
	check("a\rb\r\n", LINE_ENDS_CRLF, 5, "a\rb", false);
}

static void where_crlf_is_asked_for_a_bare_lf_is_part_of_the_line(void **state)
{
	(void)state;
	check("a\nb\r\nc\r\n", LINE_ENDS_CRLF, 5, "a\nb", false);
	check("\n\n\r\n", LINE_ENDS_CRLF, 4, "\n\n", false);
	check("a\n", LINE_ENDS_CRLF, 0, NULL, false);
	check("\n", LINE_ENDS_CRLF, 0, NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_end_is_a_line_end),
		cmocka_unit_test(one_carriage_return_is_dropped_and_no_more),
		cmocka_unit_test(where_crlf_is_asked_for_a_bare_lf_is_part_of_the_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
