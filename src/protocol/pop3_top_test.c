/*
 * Which part of a mail TOP gives, however the mail is cut.
 */
#include "protocol/pop3_top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static void collect(void *owner, const char *octets, size_t n)
{
	assert_true(buf_append(owner, octets, n));
}

/* In pieces of `step` octets, the first one `first` octets long. */
static void take_cut(struct slice mail, uint64_t lines, size_t first, size_t step, struct buf *top)
{
	struct pop3_top t;
	buf_init(top, 1 << 20);
	pop3_top_init(&t, lines);
	for (size_t at = 0; at < mail.len;) {
		size_t n = at == 0 ? first : step;
		n = n < mail.len - at ? n : mail.len - at;
		pop3_top_push(&t, slice_make(mail.ptr + at, n), collect, top);
		at += n;
	}
	pop3_top_finish(&t, collect, top);
}

static void expect(const char *mail, uint64_t lines, const char *expected)
{
	struct slice all = slice_str(mail);
	for (size_t cut = 1; cut <= all.len; cut++) {
		struct buf top;
		take_cut(all, lines, cut, cut == all.len ? 1 : all.len, &top);
		if (!slice_equal(buf_slice(&top), slice_str(expected)))
			fail_msg("cut at %zu: \"%.*s\"", cut, SLICE_FMT(buf_slice(&top)));
		buf_release(&top);
	}
}

/* RFC 1939 section 7 */
static void the_header_its_empty_line_and_so_many_lines(void **state)
{
	static const char mail[] = "From: a\nSubject: b\n  c\n\none\n\nthree: x\n";
	(void)state;
	expect(mail, 0, "From: a\nSubject: b\n  c\n\n");
	expect(mail, 1, "From: a\nSubject: b\n  c\n\none\n");
	expect(mail, 2, "From: a\nSubject: b\n  c\n\none\n\n");
	expect(mail, 3, mail);
	expect(mail, UINT64_MAX, mail);
}

static void a_header_without_an_empty_line_ends_at_the_first_line_that_is_no_field(void **state)
{
	static const char mail[] = "From: a\nTo: b\nThis is it.\nSo: far\n";
	(void)state;
	expect(mail, 0, "From: a\nTo: b\n");
	expect(mail, 1, "From: a\nTo: b\nThis is it.\n");
	expect(mail, 9, mail);
}

static void a_line_whose_first_word_has_no_colon_is_no_field(void **state)
{
	(void)state;
	expect("From: a\nnot a: field\n", 0, "From: a\n");
	expect("From: a\n: none\n", 0, "From: a\n");
	expect("From: a\n..\nb\n", 0, "From: a\n");
}

static void a_mail_may_have_no_header_and_no_body(void **state)
{
	(void)state;
	expect("Hello you\n", 0, "");
	expect(" blank: first\n", 0, "");
	expect("\nbody\n", 0, "\n");
	expect("From: a\n", 5, "From: a\n");
	expect("From: a\n\n", 5, "From: a\n\n");
}

static void stored_crlf_lines_are_lines(void **state)
{
	(void)state;
	expect("From: a\r\n\r\nb\r\nc\r\n", 1, "From: a\r\n\r\nb\r\n");
}

static void a_last_line_without_an_end_counts(void **state)
{
	(void)state;
	expect("From: a\nHello", 0, "From: a\n");
	expect("From: a\nHello", 1, "From: a\nHello");
	expect("From: a\nHel: lo", 0, "From: a\nHel: lo");
}

static void a_name_without_end_is_no_field(void **state)
{
	char mail[1000];
	char top[8 + 1];
	(void)state;
	memcpy(mail, "From: a\n", 8);
	memset(mail + 8, 'x', sizeof mail - 8);
	mail[900] = ':';
	mail[sizeof mail - 2] = '\n';
	mail[sizeof mail - 1] = '\0';
	memcpy(top, mail, 8);
	top[8] = '\0';
	expect(mail, 0, top);
	expect(mail, 1, mail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_its_empty_line_and_so_many_lines),
		cmocka_unit_test(a_header_without_an_empty_line_ends_at_the_first_line_that_is_no_field),
		cmocka_unit_test(a_line_whose_first_word_has_no_colon_is_no_field),
		cmocka_unit_test(a_mail_may_have_no_header_and_no_body),
		cmocka_unit_test(stored_crlf_lines_are_lines),
		cmocka_unit_test(a_last_line_without_an_end_counts),
		cmocka_unit_test(a_name_without_end_is_no_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
