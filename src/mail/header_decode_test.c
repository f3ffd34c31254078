/*
 * Unfolding and encoded words (RFC 2047), the broken ones included.
 */
#include "mail/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void decodes(const char *folded, const char *expected)
{
	struct buf out;
	buf_init(&out, 4096);
	assert_true(header_decode(slice_str(folded), &out));
	if (!slice_equal_text(buf_slice(&out), expected))
		fail_msg("%s: got \"%.*s\", expected \"%s\"", folded, SLICE_FMT(buf_slice(&out)), expected);
	buf_release(&out);
}

static void stays(const char *text)
{
	decodes(text, text);
}

static void folded_lines_become_one(void **state)
{
	(void)state;
	decodes("one\n two\n\tthree", "one two\tthree");
	decodes("", "");
	stays("plain = text =? here");
}

static void q_words_are_decoded(void **state)
{
	(void)state;
	decodes("=?utf-8?Q?caf=C3=A9_au_lait?=", "caf\xc3\xa9 au lait");
	decodes("=?UTF-8?q?=c3=a9?=", "\xc3\xa9");
	decodes("=?us-ascii*en?q?a=3Fb?=", "a?b");
	decodes("=?utf-8?q?\?=", "");
}

static void b_words_are_decoded(void **state)
{
	(void)state;
	decodes("=?utf-8?B?Y2Fmw6k=?=", "caf\xc3\xa9");
	decodes("=?utf-8?b?Y2Fmw6k?=", "caf\xc3\xa9");
	decodes("=?utf-8?B?YQ==?=", "a");
	decodes("=?utf-8?B?YWJj?=", "abc");
}

static void other_charsets_become_utf8(void **state)
{
	(void)state;
	decodes("=?ISO-8859-1?Q?caf=E9?=", "caf\xc3\xa9");
	decodes("=?iso-8859-15?Q?=A4?=", "\xe2\x82\xac");
	decodes("=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
	decodes("=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac");
}

static void blanks_between_words_are_no_text(void **state)
{
	(void)state;
	decodes("=?utf-8?q?a?= =?utf-8?q?b?=", "ab");
	decodes("=?utf-8?q?a?=\n =?iso-8859-1?q?b?=", "ab");
	decodes("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c");
	decodes("x =?utf-8?q?a?= y", "x a y");
	decodes("=?utf-8?q?a_?= =?utf-8?q?b?=", "a b");
}

static void character_cut_between_two_words_is_joined(void **state)
{
	(void)state;
	decodes("=?utf-8?q?=E2=82?=\n =?utf-8?q?=AC?=", "\xe2\x82\xac");
	decodes("=?utf-8?B?4oI=?= =?UTF-8?Q?=AC?=", "\xe2\x82\xac");
}

static void broken_words_stay_as_they_are(void **state)
{
	(void)state;
	stays("=?utf-8?q?=C3?=");
	stays("=?utf-8?q?=X1?=");
	stays("=?utf-8?q?a=4?=");
	stays("=?utf-8?b?a?=");
	stays("=?utf-8?b?a b?=");
	stays("=?utf-8?b?YWJj!?=");
	stays("=?utf-8?x?a?=");
	stays("=?utf-8?q?abc");
	stays("=?utf-8?q");
	stays("=?utf-8");
	stays("=?");
	stays("=?no-such-charset?q?a?=");
	stays("=?../../x?q?a?=");
	stays("=?utf-16//TRANSLIT?q?ab?=");
	stays("=??q?a?=");
	stays("=?utf-16?q?a?=");
	stays("\xff\xfe raw octets");
}

static void broken_word_beside_a_good_one_keeps_its_blank(void **state)
{
	(void)state;
	decodes("=?utf-8?q?a?= =?nix?q?b?= =?utf-8?q?c?=", "a =?nix?q?b?= c");
	decodes("=?utf-8?q?a?= =?utf-8?q?=Z?= =?utf-8?q?c?=", "a =?utf-8?q?=Z?= c");
	decodes("=?utf-8?q?a?= =?utf-8?q?bc=Z?=", "a =?utf-8?q?bc=Z?=");
	decodes("=?=?utf-8?q?a?=", "=?a");
	decodes("=?nix?q?b?=\n =?nix?q?b?=", "=?nix?q?b?= =?nix?q?b?=");
}

static void too_little_room_leaves_nothing(void **state)
{
	(void)state;
	struct buf out;
	buf_init(&out, 6);
	assert_true(buf_append_text(&out, "abc"));
	assert_false(header_decode(slice_str("=?utf-8?q?defg?="), &out));
	assert_false(header_decode(slice_str("defg"), &out));
	assert_false(header_decode(slice_str("=?koi8-r?B?8NLJ18XU?="), &out));
	assert_true(slice_equal_text(buf_slice(&out), "abc"));
	buf_release(&out);
}

static void one_field_asks_for_few_charsets(void **state)
{
	(void)state;
	struct buf in, out;
	buf_init(&in, 8192);
	buf_init(&out, 8192);
	for (int i = 0; i < 100; i++)
		buf_append_text(&in, i % 2 ? " =?koi8-r?q?a?=" : " =?koi8-u?q?b?=");
	assert_true(header_decode(buf_slice(&in), &out));
	assert_int_equal(out.len, strlen(" ") + 64 + 36 * strlen(" =?koi8-r?q?a?="));
	buf_release(&in);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded_lines_become_one),
		cmocka_unit_test(q_words_are_decoded),
		cmocka_unit_test(b_words_are_decoded),
		cmocka_unit_test(other_charsets_become_utf8),
		cmocka_unit_test(blanks_between_words_are_no_text),
		cmocka_unit_test(character_cut_between_two_words_is_joined),
		cmocka_unit_test(broken_words_stay_as_they_are),
		cmocka_unit_test(broken_word_beside_a_good_one_keeps_its_blank),
		cmocka_unit_test(too_little_room_leaves_nothing),
		cmocka_unit_test(one_field_asks_for_few_charsets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
