/*
 * Which lines are a header, what its fields hold, and where it ends. Each case is pushed whole, octet by octet and cut at every place.
 */
#include "mail/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* A field as text: "name|value|folded;" */
static void note_field(void *owner, const struct header_field *f)
{
	struct buf *out = owner;
	assert_true(buf_printf(out, "%.*s|%.*s|%.*s;", SLICE_FMT(f->name), SLICE_FMT(f->value), SLICE_FMT(f->folded)));
}

/* What came out, and how the header ended. */
struct result {
	struct buf fields;
	size_t octets;
	bool empty_line;
};

static void parse_cut(struct slice in, size_t first, size_t second, struct result *r)
{
	struct header_parser h;
	buf_clear(&r->fields);
	header_parser_init(&h, note_field, &r->fields);
	header_parser_push(&h, in.ptr, first);
	header_parser_push(&h, in.ptr + first, second - first);
	header_parser_push(&h, in.ptr + second, in.len - second);
	header_parser_finish(&h);
	assert_true(h.ended);
	r->octets = h.octets;
	r->empty_line = h.empty_line;
	header_parser_release(&h);
}

static void expect(const struct result *r, const char *fields, size_t octets, bool empty_line)
{
	if (!slice_equal_text(buf_slice(&r->fields), fields))
		fail_msg("got \"%.*s\", expected \"%s\"", SLICE_FMT(buf_slice(&r->fields)), fields);
	assert_int_equal(r->octets, octets);
	assert_int_equal(r->empty_line, empty_line);
}

static void parses_slice(struct slice in, const char *fields, size_t octets, bool empty_line)
{
	struct result r = { .octets = 0 };
	buf_init(&r.fields, 4096);
	for (size_t second = 0; second <= in.len; second++) {
		for (size_t first = 0; first <= second; first++) {
			parse_cut(in, first, second, &r);
			expect(&r, fields, octets, empty_line);
		}
	}
	buf_release(&r.fields);
}

/* `header` is the header's part of the mail, `rest` what comes behind it. */
static void parses(const char *header, const char *rest, const char *fields, bool empty_line)
{
	char in[400];
	size_t len = strlen(header) + strlen(rest);
	assert_true(len < sizeof in);
	snprintf(in, sizeof in, "%s%s", header, rest);
	parses_slice(slice_make(in, len), fields, strlen(header), empty_line);
}

static void header_ends_at_an_empty_line(void **state)
{
	(void)state;
	parses("From: a\nTo:b\n", "\nSubject: body\n", "From|a|a;To|b|b;", true);
	parses("", "\nFrom: a\n", "", true);
}

static void header_ends_at_a_line_that_is_no_field(void **state)
{
	(void)state;
	parses("From: a\nSubject: s\n", "hello you: there\nTo: x\n", "From|a|a;Subject|s|s;", false);
	parses("From: a\n", "..\n", "From|a|a;", false);
	parses("From: a\n", ": x\n", "From|a|a;", false);
	parses("", "hello\n", "", false);
}

static void indented_line_at_the_very_beginning_is_no_header(void **state)
{
	(void)state;
	parses("", " From: a\nTo: b\n", "", false);
}

static void continuation_lines_belong_to_their_field(void **state)
{
	(void)state;
	parses("Subject: one\n two\n\tthree \nTo: b\n", "\n", "Subject|one|one\n two\n\tthree;To|b|b;", true);
	parses("Subject:\n  two\n", "\n", "Subject||two;", true);
	parses("Subject: one\n \n", "body\n", "Subject|one|one;", false);
}

static void blanks_around_a_value_are_trimmed(void **state)
{
	(void)state;
	parses("Subject: \t s t \t\n", "\n", "Subject|s t|s t;", true);
	parses("Subject:\n", "\n", "Subject||;", true);
}

static void cr_before_lf_is_passed_over(void **state)
{
	(void)state;
	parses("Subject: a\r\n b\r\nTo: c\r\n", "\r\nbody\r\n", "Subject|a|a\n b;To|c|c;", true);
	parses("Subject: a\rb\n", "\n", "Subject|a\rb|a\rb;", true);
}

static void message_may_end_within_its_header(void **state)
{
	(void)state;
	parses("", "", "", false);
	parses("Subject: a", "", "Subject|a|a;", false);
	parses("Subject: a\n", "", "Subject|a|a;", false);
	parses("Subject: a\n b", "", "Subject|a|a\n b;", false);
	parses("Subject: a\n", "hel", "Subject|a|a;", false);
}

static void body_is_passed_over_unread(void **state)
{
	(void)state;
	struct header_parser h;
	struct buf fields;
	buf_init(&fields, 100);
	header_parser_init(&h, note_field, &fields);
	header_parser_push(&h, "A: b\n\nC: d\n", 11);
	assert_true(h.ended);
	assert_null(h.pending.data);
	header_parser_push(&h, "E: f\n", 5);
	header_parser_finish(&h);
	assert_int_equal(h.octets, 5);
	assert_true(slice_equal_text(buf_slice(&fields), "A|b|b;"));
	header_parser_release(&h);
	buf_release(&fields);
}

struct longest {
	size_t value, folded, fields;
};

static void note_lengths(void *owner, const struct header_field *f)
{
	struct longest *l = owner;
	l->value = f->value.len;
	l->folded = f->folded.len;
	l->fields++;
}

static void field_beyond_the_maximum_comes_out_cut(void **state)
{
	(void)state;
	struct header_parser h;
	struct longest l = { 0 };
	static char chunk[1000];
	memset(chunk, 'x', sizeof chunk);
	header_parser_init(&h, note_lengths, &l);
	header_parser_push(&h, "A: ", 3);
	for (int i = 0; i < 100; i++)
		header_parser_push(&h, chunk, sizeof chunk);
	header_parser_push(&h, "\n more\n", 7);
	assert_true(h.line.cap <= HEADER_FIELD_MAX && h.pending.cap <= HEADER_FIELD_MAX);
	header_parser_push(&h, "B: c\n\n", 6);
	assert_int_equal(l.fields, 2);
	assert_int_equal(h.octets, 3 + 100000 + 7 + 5);
	header_parser_release(&h);

	l = (struct longest){ 0 };
	header_parser_init(&h, note_lengths, &l);
	header_parser_push(&h, "A: ", 3);
	for (int i = 0; i < 100; i++)
		header_parser_push(&h, chunk, sizeof chunk);
	header_parser_finish(&h);
	assert_int_equal(l.value, HEADER_FIELD_MAX - 3);
	assert_int_equal(l.folded, HEADER_FIELD_MAX - 3);
	header_parser_release(&h);
}

static void field_names_are_printable_without_blanks(void **state)
{
	(void)state;
	assert_true(header_is_field(slice_str("Subject: x")));
	assert_true(header_is_field(slice_str("X-1!~:")));
	assert_false(header_is_field(slice_str("Subject : x")));
	assert_false(header_is_field(slice_str(" Subject: x")));
	assert_false(header_is_field(slice_str(": x")));
	assert_false(header_is_field(slice_str("Subject")));
	assert_false(header_is_field(slice_str("")));
	assert_false(header_is_field(slice_str("S\xc3\xa4: x")));
	assert_false(header_is_field(slice_make("S\0: x", 5)));
}

static void characters_are_counted_not_octets(void **state)
{
	(void)state;
	assert_int_equal(header_characters(slice_str("")), 0);
	assert_int_equal(header_characters(slice_str("abc")), 3);
	assert_int_equal(header_characters(slice_str("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")), 3);
	assert_int_equal(header_characters(slice_str("\xc3\xe2\x82")), 3);
	assert_int_equal(header_characters(slice_make("a\0b", 3)), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_ends_at_an_empty_line),
		cmocka_unit_test(header_ends_at_a_line_that_is_no_field),
		cmocka_unit_test(indented_line_at_the_very_beginning_is_no_header),
		cmocka_unit_test(continuation_lines_belong_to_their_field),
		cmocka_unit_test(blanks_around_a_value_are_trimmed),
		cmocka_unit_test(cr_before_lf_is_passed_over),
		cmocka_unit_test(message_may_end_within_its_header),
		cmocka_unit_test(body_is_passed_over_unread),
		cmocka_unit_test(field_beyond_the_maximum_comes_out_cut),
		cmocka_unit_test(field_names_are_printable_without_blanks),
		cmocka_unit_test(characters_are_counted_not_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
