/*
 * What foreign text may do to a terminal: nothing. And how wide it is.
 */
#include "terminal/visible.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_set(struct slice in, enum visible_mode mode, struct local_set *set, const char *expected)
{
	for (size_t cut = 0; cut <= in.len + 1; cut++) {
		struct visible v;
		struct buf out;
		buf_init(&out, 1 << 16);
		visible_init(&v, mode, set);
		if (cut <= in.len) {
			assert_true(visible_push(&v, slice_make(in.ptr, cut), &out));
			assert_true(visible_push(&v, slice_skip(in, cut), &out));
		} else {
			for (size_t i = 0; i < in.len; i++)
				assert_true(visible_push(&v, slice_make(in.ptr + i, 1), &out));
		}
		assert_true(visible_finish(&v, &out));
		assert_true(out.len <= in.len * VISIBLE_GROWTH);
		assert_true(buf_append_char(&out, '\0'));
		assert_string_equal(out.data, expected);
		buf_release(&out);
	}
}

static void check_mode(struct slice in, enum visible_mode mode, const char *expected)
{
	check_set(in, mode, NULL, expected);
}

static void shows(const char *in, const char *expected)
{
	check_mode(slice_str(in), VISIBLE_TEXT, expected);
}

static void plain_text_stays(void **state)
{
	(void)state;
	shows("Hello,\n\tworld ~\n", "Hello,\n\tworld ~\n");
	shows("Gr\xC3\xBC\xC3\x9F"
	      "e \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x93\xAC",
	      "Gr\xC3\xBC\xC3\x9F"
	      "e \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x93\xAC");
}

static void control_characters_are_shown(void **state)
{
	(void)state;
	shows("\x1B[2J\x1B]0;owned\x07", "^[[2J^[]0;owned^G");
	shows("a\rb\x7F\x08", "a^Mb^?^H");
	check_mode(slice_make("a\0b", 3), VISIBLE_TEXT, "a^@b");
}

static void c1_controls_are_shown_as_bytes_and_as_utf8(void **state)
{
	(void)state;
	shows("\x9B"
	      "31m",
	      "<9B>31m");
	shows("\xC2\x9B"
	      "31m",
	      "<U+009B>31m");
	shows("\xC2\x80\xC2\x9F\xC2\xA0", "<U+0080><U+009F>\xC2\xA0");
}

static void marks_that_turn_the_reading_direction_are_shown(void **state)
{
	(void)state;
	shows("\xE2\x80\xAA\xE2\x80\xAE", "<U+202A><U+202E>");
	shows("\xE2\x81\xA6\xE2\x81\xA9", "<U+2066><U+2069>");
	shows("\xE2\x80\xA9\xE2\x80\xAF", "\xE2\x80\xA9\xE2\x80\xAF");
}

static void what_is_no_utf8_is_shown_byte_by_byte(void **state)
{
	(void)state;
	shows("\xFF\xFE", "<FF><FE>");
	shows("\xC0\x9B", "<C0><9B>");         /* overlong */
	shows("\xE0\x82\x9B", "<E0><82><9B>"); /* overlong */
	shows("\xED\xA0\x80", "<ED><A0><80>"); /* a surrogate */
	shows("\xF4\x90\x80\x80", "<F4><90><80><80>");
	shows("\xE4\xB8", "<E4><B8>"); /* cut off */
	shows("\xE4\x1B", "<E4>^[");
	shows("\xF0\x9F\x93"
	      "A",
	      "<F0><9F><93>A");
}

static void one_line_stays_one_line(void **state)
{
	(void)state;
	check_mode(slice_str("a\tb\nc\r\n"), VISIBLE_LINE, "a b^Jc^M^J");
}

static void what_a_set_has_no_place_for_is_shown(const char *name, const char *expected)
{
	struct local_set *set = local_set_new(name);

	assert_non_null(set);
	check_set(slice_str("\xC3\xA9 \xE2\x80\x9B \xF0\x9F\x93\xAC \xC2\x9B"), VISIBLE_TEXT, set, expected);
	local_set_free(set);
}

static void another_character_set_gets_what_it_has(void **state)
{
	(void)state;
	what_a_set_has_no_place_for_is_shown("US-ASCII", "<U+00E9> <U+201B> <U+1F4EC> <U+009B>");
	what_a_set_has_no_place_for_is_shown("ISO-8859-1", "\xC3\xA9 <U+201B> <U+1F4EC> <U+009B>");
}

static void widths_are_those_of_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(visible_width(slice_str("abc")), 3);
	assert_int_equal(visible_width(slice_str("Gr\xC3\xBC\xC3\x9F")), 4);
	assert_int_equal(visible_width(slice_str("\xE4\xB8\xAD\xE6\x96\x87")), 4);
	assert_int_equal(visible_width(slice_str("\xF0\x9F\x93\xAC")), 2);
	assert_int_equal(visible_width(slice_str("e\xCC\x81")), 1); /* a combining accent */
}

static void text_is_cut_between_characters(void **state)
{
	(void)state;
	assert_int_equal(visible_fit(slice_str("abc"), 2), 2);
	assert_int_equal(visible_fit(slice_str("abc"), 9), 3);
	assert_int_equal(visible_fit(slice_str("\xE4\xB8\xAD\xE6\x96\x87"), 3), 3);
	assert_int_equal(visible_fit(slice_str("\xE4\xB8\xAD\xE6\x96\x87"), 1), 0);
	assert_int_equal(visible_fit(slice_str("e\xCC\x81x"), 1), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(control_characters_are_shown),
		cmocka_unit_test(c1_controls_are_shown_as_bytes_and_as_utf8),
		cmocka_unit_test(marks_that_turn_the_reading_direction_are_shown),
		cmocka_unit_test(what_is_no_utf8_is_shown_byte_by_byte),
		cmocka_unit_test(one_line_stays_one_line),
		cmocka_unit_test(another_character_set_gets_what_it_has),
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(text_is_cut_between_characters),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
