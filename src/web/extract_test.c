/*
 * extract_test: links and codes as they stand in real mails, and what only looks like one.
 */
#include "web/extract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct buf found;

static void collect(void *owner, struct slice s)
{
	(void)owner;
	assert_true(buf_append_slice(&found, s) && buf_append_char(&found, '|'));
}

typedef void extract(struct slice text, void (*tell)(void *owner, struct slice s), void *owner);

static void expect(extract *f, const char *text, const char *expected)
{
	buf_init(&found, 65536);
	f(slice_str(text), collect, NULL);
	buf_append_char(&found, '\0');
	assert_string_equal(found.data, expected);
	buf_release(&found);
}

static void links_end_where_the_sentence_goes_on(void **state)
{
	(void)state;
	expect(extract_links, "See https://a.example/x?y=1&z=2. Or <http://b.example/>, (https://c.example/d) now",
	       "https://a.example/x?y=1&z=2|http://b.example/|https://c.example/d|");
	expect(extract_links, "https://a.example/w_(x) HTTPS://A.example/ ftp://no.example https://",
	       "https://a.example/w_(x)|HTTPS://A.example/|");
}

static void a_bracket_that_a_link_opened_is_its_own(void **state)
{
	(void)state;
	expect(extract_links, "(see https://a.example/w_(x)) (https://a.example/(y).)",
	       "https://a.example/w_(x)|https://a.example/(y)|");
}

static void a_link_without_an_end_costs_no_time(void **state)
{
	enum { LEN = 1000000 };
	static char text[LEN + 1] = "https://a";
	(void)state;
	memset(text + 9, ')', LEN - 9);
	clock_t begun = clock();
	expect(extract_links, text, "https://a|");
	assert_true(clock() - begun < 2 * CLOCKS_PER_SEC);
}

static void each_link_is_told_once(void **state)
{
	(void)state;
	expect(extract_links, "https://a.example https://a.example\nhttps://a.example", "https://a.example|");
	expect(extract_html_links, "<a href=\"https://a.example\">x</a><a HREF='https://a.example'>",
	       "https://a.example|");
}

static void html_links_have_their_references_undone(void **state)
{
	(void)state;
	expect(extract_html_links,
	       "<a href=\"https://a.example/?x=1&amp;y=2\"> <a href=javascript:x> <a href=\"mailto:a@b\">",
	       "https://a.example/?x=1&y=2|");
}

static void codes_near_their_word_come_first(void **state)
{
	(void)state;
	expect(extract_codes, "Order 55512 of 2026. Your verification code: 482913.", "482913|55512|");
	expect(extract_codes, "Your code is 482913: type it, 9:30 at the latest", "482913|");
	expect(extract_codes, "Your PIN is 0042, valid for 10 minutes", "0042|");
	expect(extract_codes, "Use code AB12CD to log in", "AB12CD|");
	expect(extract_codes, "Hello,\n\n  739201  \n\nbye", "739201|");
}

/* Years are looked at and are no codes, so that none of them ends the search. */
static void a_list_of_what_may_be_codes_costs_no_time(void **state)
{
	static char text[5 * 400 * 1000];
	(void)state;
	for (size_t i = 0; i < sizeof text; i += 5)
		memcpy(text + i, "2026 ", 5);
	clock_t begun = clock();
	extract_codes(slice_make(text, sizeof text), collect, NULL);
	assert_true(clock() - begun < CLOCKS_PER_SEC / 4);
}

static void years_amounts_dates_and_parts_of_words_are_no_codes(void **state)
{
	(void)state;
	expect(extract_codes,
	       "In 2026 we paid $1234 and 1234.56 on 2026-11-21 at 12:30, call +1-555-1234 or a1234b; x@5555.example",
	       "");
	expect(extract_codes, "https://a.example/123456?c=654321 123456789", "");
}

static void anything_is_read_in_the_same_way_wherever_it_ends(void **state)
{
	(void)state;
	static const char text[] = "code 1234 https://a.example/b?c=d&e \"href='https://x.example'\" 98765 \xff\xc3";
	for (size_t n = 0; n < sizeof text; n++) {
		buf_init(&found, 65536);
		extract_links(slice_make(text, n), collect, NULL);
		extract_html_links(slice_make(text, n), collect, NULL);
		extract_codes(slice_make(text, n), collect, NULL);
		buf_release(&found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_end_where_the_sentence_goes_on),
		cmocka_unit_test(a_bracket_that_a_link_opened_is_its_own),
		cmocka_unit_test(a_link_without_an_end_costs_no_time),
		cmocka_unit_test(each_link_is_told_once),
		cmocka_unit_test(html_links_have_their_references_undone),
		cmocka_unit_test(codes_near_their_word_come_first),
		cmocka_unit_test(a_list_of_what_may_be_codes_costs_no_time),
		cmocka_unit_test(years_amounts_dates_and_parts_of_words_are_no_codes),
		cmocka_unit_test(anything_is_read_in_the_same_way_wherever_it_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
