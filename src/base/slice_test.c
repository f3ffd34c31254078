/*
 * slice_test: what slices promise about cutting, comparing and numbers.
 */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void comparing_knows_ascii_case_alone(void **state)
{
	(void)state;
	assert_true(slice_equal_text_nocase(slice_str("MaIl"), "mail"));
	assert_false(slice_equal_text_nocase(slice_str("mail"), "mails"));
	assert_false(slice_equal_text(slice_str("Mail"), "mail"));
	/* 'K' and the Kelvin sign, '[' and '{' differ by one bit as letters of two cases do. */
	assert_false(slice_equal_text_nocase(slice_str("["), "{"));
	assert_true(slice_starts_nocase(slice_str("MAIL FROM:"), "mail from"));
	assert_false(slice_starts_nocase(slice_str("MA"), "mail"));
	assert_true(slice_equal(slice_make(NULL, 0), slice_str("")));
}

static void words_are_cut_at_blanks(void **state)
{
	(void)state;
	struct slice rest = slice_str(" \tone  two\t three ");
	assert_true(slice_equal_text(slice_word(&rest), "one"));
	assert_true(slice_equal_text(rest, "two\t three"));
	assert_true(slice_equal_text(slice_word(&rest), "two"));
	assert_true(slice_equal_text(slice_word(&rest), "three"));
	assert_true(slice_empty(slice_word(&rest)));
}

static void trim_keeps_what_is_inside(void **state)
{
	(void)state;
	assert_true(slice_equal_text(slice_trim(slice_str("\t a b ")), "a b"));
	assert_true(slice_empty(slice_trim(slice_str("  \t"))));
	assert_true(slice_equal_text(slice_skip(slice_str("abc"), 2), "c"));
	assert_true(slice_empty(slice_skip(slice_str("abc"), 9)));
}

static void ascii_ends_at_127(void **state)
{
	(void)state;
	assert_true(slice_is_ascii(slice_make(NULL, 0)));
	assert_true(slice_is_ascii(slice_make("\0a\x7F", 3)));
	assert_false(slice_is_ascii(slice_str("\x80")));
	/* Wherever it stands among the octets that are looked at together. */
	for (size_t i = 0; i < 20; i++) {
		char text[20] = { 0 };
		text[i] = '\x80';
		assert_false(slice_is_ascii(slice_make(text, sizeof text)));
		assert_true(slice_is_ascii(slice_make(text, i)));
	}
	assert_false(slice_is_ascii(slice_str("gr\xFC\xDF")));
}

static void numbers_are_digits_within_a_maximum(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616", "99999999999999999999999"
	};
	uint64_t value = 7;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(slice_number(slice_str(bad[i]), UINT64_MAX, &value));
	assert_int_equal(value, 7);
	assert_true(slice_number(slice_str("18446744073709551615"), UINT64_MAX, &value));
	assert_true(value == UINT64_MAX);
	assert_true(slice_number(slice_str("65535"), 65535, &value));
	assert_false(slice_number(slice_str("65536"), 65535, &value));
	assert_false(slice_number(slice_str("9"), 5, &value));
	assert_true(slice_number(slice_str("007"), 7, &value));
	assert_int_equal(value, 7);
}

static void find_passes_nul(void **state)
{
	(void)state;
	struct slice s = slice_make("a\0b", 3);
	assert_int_equal(slice_find(s, 'b'), 2);
	assert_int_equal(slice_find(s, 'c'), 3);
	assert_true(slice_has(s, '\0'));
	char *copy = slice_dup(s);
	assert_memory_equal(copy, "a\0b\0", 4);
	free(copy);
}

static void hash_is_equal_where_only_case_differs(void **state)
{
	(void)state;
	assert_int_equal(slice_hash_nocase(slice_str("Stallings")), slice_hash_nocase(slice_str("sTALLINGS")));
	assert_int_not_equal(slice_hash_nocase(slice_str("stallings")), slice_hash_nocase(slice_str("stallingt")));
	assert_int_not_equal(slice_hash_nocase(slice_str("[")), slice_hash_nocase(slice_str("{")));
	/* FNV-1a's published value of "a"; and of nothing. */
	assert_int_equal(slice_hash_nocase(slice_str("A")), 0xe40c292c);
	assert_int_equal(slice_hash_nocase(slice_make(NULL, 0)), 0x811c9dc5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_equal_where_only_case_differs),
		cmocka_unit_test(comparing_knows_ascii_case_alone),
		cmocka_unit_test(words_are_cut_at_blanks),
		cmocka_unit_test(trim_keeps_what_is_inside),
		cmocka_unit_test(ascii_ends_at_127),
		cmocka_unit_test(numbers_are_digits_within_a_maximum),
		cmocka_unit_test(find_passes_nul),
	};
	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
