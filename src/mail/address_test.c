/*
 * What paths are taken and refused, and what becomes of them.
 */
#include "mail/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void takes_rest(const char *text, const char *local, const char *domain, const char *rest)
{
	struct slice s = slice_str(text);
	struct address a;
	if (!address_parse_path(&s, &a))
		fail_msg("refused: %s", text);
	assert_string_equal(a.local, local);
	assert_int_equal(a.local_len, strlen(local));
	assert_string_equal(a.domain, domain);
	assert_true(slice_equal_text(s, rest));
}

static void takes(const char *text, const char *local, const char *domain)
{
	takes_rest(text, local, domain, "");
}

static void refuses_slice(struct slice s)
{
	struct slice before = s;
	struct address a = { .text = "kept" };
	if (address_parse_path(&s, &a))
		fail_msg("taken: %.*s", SLICE_FMT(before));
	assert_ptr_equal(s.ptr, before.ptr);
	assert_int_equal(s.len, before.len);
	assert_string_equal(a.text, "kept");
}

static void refuses(const char *text)
{
	refuses_slice(slice_str(text));
}

static void path_in_brackets_is_taken(void **state)
{
	(void)state;
	takes("<ag@iitkgp.edu>", "ag", "iitkgp.edu");
	takes("  <agupta@10.5.20.22> ", "agupta", "10.5.20.22");
	takes("<a!#$%&'*+-/=?^_`{|}~z@x>", "a!#$%&'*+-/=?^_`{|}~z", "x");
	takes("<a.b.c@lab_pc-1.example>", "a.b.c", "lab_pc-1.example");
	takes("<user%other@dom>", "user%other", "dom");
}

static void path_without_brackets_is_taken(void **state)
{
	(void)state;
	takes("gb@iitkgp.edu", "gb", "iitkgp.edu");
	takes_rest("gb@iitkgp.edu SIZE=3", "gb", "iitkgp.edu", "SIZE=3");
	takes_rest("\"g b\"@iitkgp.edu X", "g b", "iitkgp.edu", "X");
}

static void domain_may_be_missing(void **state)
{
	(void)state;
	takes("<PostMaster>", "PostMaster", "");
	takes("alice", "alice", "");
}

static void null_path_is_empty_in_both_parts(void **state)
{
	(void)state;
	struct slice s = slice_str("<> BODY=8BITMIME");
	struct address a;
	assert_true(address_parse_path(&s, &a));
	assert_true(address_is_null(&a));
	assert_string_equal(a.text, "");
	assert_true(slice_equal_text(s, "BODY=8BITMIME"));
	s = slice_str("<alice>");
	assert_true(address_parse_path(&s, &a));
	assert_false(address_is_null(&a));
}

static void parameters_stay_behind(void **state)
{
	(void)state;
	takes_rest("<a@b>\t SIZE=1 BODY=7BIT ", "a", "b", "SIZE=1 BODY=7BIT");
	refuses("<a@b>SIZE=1");
}

static void source_route_is_dropped(void **state)
{
	(void)state;
	struct slice s = slice_str("<@a.example,@b:alice@dom>");
	struct address a;
	assert_true(address_parse_path(&s, &a));
	assert_string_equal(a.text, "alice@dom");
	refuses("<@a,alice@dom>");
	refuses("<@a:>");
	refuses("<@:alice@dom>");
	refuses("<@a,@b>");
}

static void quotes_and_backslashes_are_undone(void **state)
{
	(void)state;
	takes("<\"alice\"@dom>", "alice", "dom");
	takes("<\"\\alice\"@dom>", "alice", "dom");
	takes("<\"John \\\"Q\\\"\"@x>", "John \"Q\"", "x");
	takes("<\"a>b\"@x>", "a>b", "x");
	takes("<\"a@b\"@x>", "a@b", "x");
	struct slice s = slice_str("<\"a>b\"@x>");
	struct address a;
	assert_true(address_parse_path(&s, &a));
	assert_string_equal(a.text, "\"a>b\"@x");
}

static void broken_quotes_are_refused(void **state)
{
	(void)state;
	refuses("<\"alice@dom>");
	refuses("<\"alice\\\"@dom>");
	refuses("<\"alice\"bob@dom>");
	refuses("<\"\"@dom>");
	refuses("<\"\">");
	refuses("\"a\\");
}

static void address_literals_are_read(void **state)
{
	(void)state;
	takes("<a@[127.0.0.1]>", "a", "[127.0.0.1]");
	takes("<a@[IPv6:::1]>", "a", "[IPv6:::1]");
	takes("a@[ipv6:2001:db8::7]", "a", "[ipv6:2001:db8::7]");
	refuses("<a@[127.0.0.256]>");
	refuses("<a@[IPv6:1]>");
	refuses("<a@[::1]>");
	refuses("<a@[]>");
	refuses("<a@[127.0.0.1>");
	refuses("<a@[x:127.0.0.1]>");
	refuses_slice(slice_make("<a@[127.0.0.1\0]>", 16));
}

static void incomplete_paths_are_refused(void **state)
{
	(void)state;
	refuses("");
	refuses("  ");
	refuses("<");
	refuses("<a@b");
	refuses("a@b>");
	refuses("<@dom>");
	refuses("<alice@>");
	refuses("<a b@c>");
	refuses("<a@b@c>");
	refuses("<<a@b>>");
	refuses("< >");
	refuses("@dom");
}

static void full_stops_stand_between_atoms_only(void **state)
{
	(void)state;
	refuses("<.a@b>");
	refuses("<a.@b>");
	refuses("<a..b@c>");
	refuses("<a@.b>");
	refuses("<a@b.>");
	refuses("<a@b..c>");
	refuses("<a@-b>");
	refuses("<a@b->");
}

/* RFC 6531 section 3.3 */
static void utf8_is_taken_and_told(void **state)
{
	struct slice s = slice_str("<\xc3\xa4.\xe2\x82\xac@b\xc3\xbc"
	                           "cher.example> SMTPUTF8");
	struct address a;
	(void)state;
	assert_true(address_parse_path(&s, &a));
	assert_true(a.utf8);
	assert_string_equal(a.local, "\xc3\xa4.\xe2\x82\xac");
	assert_string_equal(a.domain, "b\xc3\xbc"
	                              "cher.example");
	assert_true(slice_equal_text(s, "SMTPUTF8"));
	takes("<\"\xc3\xa4 \\\xc3\xa4\"@c>", "\xc3\xa4 \xc3\xa4", "c");
	takes("\xf0\x9f\x98\x80@c", "\xf0\x9f\x98\x80", "c");
	s = slice_str("<a@b>");
	assert_true(address_parse_path(&s, &a));
	assert_false(a.utf8);
}

static void a_label_beyond_ascii_has_at_most_63_characters(void **state)
{
	char path[200] = "<a@";
	(void)state;
	for (int i = 0; i < 63; i++)
		strcat(path, "\xc3\xa4");
	strcat(path, ">");
	struct slice s = slice_str(path);
	struct address a;
	assert_true(address_parse_path(&s, &a));
	strcpy(path + strlen(path) - 1, "a>");
	refuses(path);
}

static void control_characters_and_broken_utf8_are_refused(void **state)
{
	(void)state;
	refuses("<a\r@b>");
	refuses("<a\n@b>");
	refuses("<\"a\rb\"@c>");
	refuses("<\"a\\\nb\"@c>");
	refuses("<\"a\x7f\"@c>");
	refuses("<\xc3@c>");
	refuses("<\xe4@c>");
	refuses("<\xc0\xaf@c>");
	refuses("<\xed\xa0\x80@c>");
	refuses("<\"\xc3\"@c>");
	refuses("<a@\xa4>");
	refuses("<\xc2\x9b@c>");
	refuses("<\"\xc2\x85\"@c>");
	refuses("<a@\xc2\x9b>");
	refuses_slice(slice_make("<a\0@b>", 6));
	refuses_slice(slice_make("<\"a\0\"@b>", 8));
	refuses_slice(slice_make("<a@b\0c>", 7));
	refuses_slice(slice_make("<a@b>\0", 6));
}

/* `local` octets of "a", "@", labels up to `domain` octets. */
static char *long_path(size_t local, size_t domain)
{
	static char text[2000];
	char *p = text;
	*p++ = '<';
	memset(p, 'a', local);
	p += local;
	*p++ = '@';
	for (size_t i = 0; i < domain; i++)
		*p++ = i % 50 == 49 ? '.' : 'd';
	memcpy(p, ">", 2);
	return text;
}

static void long_addresses_are_taken_up_to_the_limits(void **state)
{
	(void)state;
	struct address a;
	struct slice s = slice_str(long_path(64, ADDRESS_DOMAIN_MAX));
	assert_true(address_parse_path(&s, &a));
	assert_int_equal(strlen(a.domain), ADDRESS_DOMAIN_MAX);
	refuses(long_path(64, ADDRESS_DOMAIN_MAX + 1));
	s = slice_str(long_path(ADDRESS_PATH_MAX - 13, 11));
	assert_true(address_parse_path(&s, &a));
	assert_int_equal(strlen(a.text), ADDRESS_PATH_MAX - 1);
	refuses(long_path(ADDRESS_PATH_MAX - 12, 11));
	refuses(long_path(ADDRESS_PATH_MAX, 1));
	refuses("<a@ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd>");
}

static bool typed(const char *text, char result[64])
{
	struct buf out;
	buf_init(&out, 60);
	bool ok = address_parse_typed(slice_str(text), &out);
	snprintf(result, 64, "%.*s", SLICE_FMT(buf_slice(&out)));
	buf_release(&out);
	return ok;
}

static void typed_address_becomes_x_at_y(void **state)
{
	(void)state;
	static const char *const forms[] = { "ng@10.5.21.32", "  ng @ 10.5.21.32 ", "<ng@10.5.21.32>",
		                             "< ng\t@10.5.21.32 >" };
	char result[64];
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		assert_true(typed(forms[i], result));
		assert_string_equal(result, "ng@10.5.21.32");
	}
}

static void typed_address_in_another_form_is_refused(void **state)
{
	(void)state;
	static const char *const forms[] = { "",      "ng",      "@",           "ng@",     "@x",
		                             "a b@c", "a@b c",   "a@b@c",       "a@b,c@d", "<a@b",
		                             "a@b>",  "a<@b",    "N <a@b>",     "a@b\r",   "<>",
		                             "< @ >", "a\n@b.c", "a@b\x7f.com", "<<a@b>>", "a@\x1b[2J" };
	char result[64];
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (typed(forms[i], result))
			fail_msg("taken: %s", forms[i]);
		assert_string_equal(result, "");
	}
}

static void typed_address_that_has_no_room_leaves_nothing(void **state)
{
	(void)state;
	char result[64];
	assert_false(typed("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", result));
	assert_string_equal(result, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_in_brackets_is_taken),
		cmocka_unit_test(path_without_brackets_is_taken),
		cmocka_unit_test(domain_may_be_missing),
		cmocka_unit_test(null_path_is_empty_in_both_parts),
		cmocka_unit_test(parameters_stay_behind),
		cmocka_unit_test(source_route_is_dropped),
		cmocka_unit_test(quotes_and_backslashes_are_undone),
		cmocka_unit_test(broken_quotes_are_refused),
		cmocka_unit_test(address_literals_are_read),
		cmocka_unit_test(incomplete_paths_are_refused),
		cmocka_unit_test(full_stops_stand_between_atoms_only),
		cmocka_unit_test(utf8_is_taken_and_told),
		cmocka_unit_test(a_label_beyond_ascii_has_at_most_63_characters),
		cmocka_unit_test(control_characters_and_broken_utf8_are_refused),
		cmocka_unit_test(long_addresses_are_taken_up_to_the_limits),
		cmocka_unit_test(typed_address_becomes_x_at_y),
		cmocka_unit_test(typed_address_in_another_form_is_refused),
		cmocka_unit_test(typed_address_that_has_no_room_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
