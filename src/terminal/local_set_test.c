/*
 * What a terminal gets that does not speak UTF-8, and what is typed there.
 */
#include "terminal/local_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void prints(const char *name, const char *utf8, const char *expected)
{
	struct local_set *set = local_set_new(name);
	struct buf out;

	assert_non_null(set);
	buf_init(&out, 4096);
	assert_true(local_set_encode(set, slice_str(utf8), &out));
	assert_true(buf_append_char(&out, '\0'));
	assert_string_equal(out.data, expected);
	buf_release(&out);
	local_set_free(set);
}

static void types(const char *name, const char *typed, const char *expected)
{
	struct local_set *set = local_set_new(name);
	struct buf text;

	assert_non_null(set);
	buf_init(&text, 4096);
	assert_true(buf_append_text(&text, "\xE9:") && buf_append_text(&text, typed));
	assert_true(local_set_decode(set, &text, 2));
	assert_true(buf_append_char(&text, '\0'));
	assert_memory_equal(text.data, "\xE9:", 2);
	assert_string_equal(text.data + 2, expected);
	buf_release(&text);
	local_set_free(set);
}

static void characters_that_the_set_has_come_out_in_it(void **state)
{
	(void)state;
	prints("ISO-8859-1",
	       "Gr\xC3\xBC\xC3\x9F"
	       "e\n",
	       "Gr\xFC\xDF"
	       "e\n");
	prints("ISO-8859-15", "\xE2\x82\xAC", "\xA4");
	prints("KOI8-R", "\xD0\xB4\xD0\xB0", "\xC4\xC1");
	prints("EUC-JP", "\xE6\x97\xA5", "\xC6\xFC");
}

static void what_has_no_place_is_named(void **state)
{
	(void)state;
	prints("ISO-8859-1", "\xE2\x82\xAC \xF0\x9F\x93\xAC", "<U+20AC> <U+1F4EC>");
	prints("ISO-8859-1", "\xFF\xC3", "<FF><C3>");
	prints("ISO-8859-1", "a\xE2\x80\xA6", "a~");
}

/* CSI is U+009B, and 9B in the sets of ISO; KOI8-R and windows-1252 have characters there. */
static void no_control_ever_comes_out(void **state)
{
	static const char *const names[] = { "US-ASCII",     "ISO-8859-1", "ISO-8859-5",  "KOI8-R",
		                             "WINDOWS-1252", "SHIFT_JIS",  "EUC-JP",      "BIG5",
		                             "GB18030",      "GBK",        "ISO-2022-JP", "UTF-16" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct local_set *set = local_set_new(names[i]);
		assert_non_null(set);
		for (unsigned c = 0x80; c < 0x10000; c++) {
			char utf8[3] = { (char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3F)),
				         (char)(0x80 | (c & 0x3F)) };
			char octets[LOCAL_SET_OCTETS_MAX];
			size_t skip = c < 0x800;
			if (skip)
				utf8[1] = (char)(0xC0 | c >> 6);
			size_t n = local_set_character(set, slice_make(utf8 + skip, 3 - skip), octets);
			for (size_t k = 0; k < n; k++) {
				unsigned char o = (unsigned char)octets[k];
				assert_true(o >= 0x20 && (o < 0x7F || o > 0x9F));
			}
		}
		local_set_free(set);
	}
}

static void what_is_typed_becomes_utf8(void **state)
{
	(void)state;
	types("ISO-8859-1", "Gr\xFC", "Gr\xC3\xBC");
	types("KOI8-R", "\xC4\xC1", "\xD0\xB4\xD0\xB0");
	types("EUC-JP", "\xC6\xFC\xFF!", "\xE6\x97\xA5\xEF\xBF\xBD!");
	types("US-ASCII", "a\xFC", "a\xEF\xBF\xBD");
	types("windows-1258", "ch\xE0o a", "ch\xC3\xA0o a");
	types("ISO-8859-1", "", "");
	types("ISO-2022-CN-EXT", "\x0E", "\xEF\xBF\xBD");
}

static void what_does_not_fit_is_not_there_in_part(void **state)
{
	struct local_set *set = local_set_new("ISO-8859-1");
	struct buf text;

	(void)state;
	buf_init(&text, 4);
	assert_true(buf_append_text(&text, "a\xFC\xFC"));
	assert_false(local_set_decode(set, &text, 1));
	assert_int_equal(text.len, 1);
	buf_release(&text);
	local_set_free(set);
}

static void a_set_that_nobody_knows_is_none(void **state)
{
	(void)state;
	assert_null(local_set_new("NO-SUCH-SET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_that_the_set_has_come_out_in_it),
		cmocka_unit_test(what_has_no_place_is_named),
		cmocka_unit_test(no_control_ever_comes_out),
		cmocka_unit_test(what_is_typed_becomes_utf8),
		cmocka_unit_test(what_does_not_fit_is_not_there_in_part),
		cmocka_unit_test(a_set_that_nobody_knows_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
