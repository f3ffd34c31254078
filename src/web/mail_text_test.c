/*
 * mail_text_test: the store's doubled full stops are single again, however the mail is cut.
 */
#include "web/mail_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char stored[] = "..one\n.single\na..b\n...\n..\nlast\n.";
static const char sent[] = ".one\n.single\na..b\n..\n.\nlast\n.";

static void expect_cut(size_t a, size_t b)
{
	struct mail_text t = { .line_begins = true };
	struct buf out;
	buf_init(&out, 1024);
	const size_t whole = sizeof stored - 1;
	assert_true(mail_text_push(&t, slice_make(stored, a), &out));
	assert_true(mail_text_push(&t, slice_make(stored + a, b - a), &out));
	assert_true(mail_text_push(&t, slice_make(stored + b, whole - b), &out));
	assert_true(mail_text_finish(&t, &out));
	assert_true(slice_equal_text(buf_slice(&out), sent));
	buf_release(&out);
}

static void cut_anywhere_it_is_the_same(void **state)
{
	(void)state;
	for (size_t a = 0; a < sizeof stored; a++) {
		for (size_t b = a; b < sizeof stored; b++)
			expect_cut(a, b);
	}
}

static void octet_by_octet_it_is_the_same(void **state)
{
	(void)state;
	struct mail_text t = { .line_begins = true };
	struct buf out;
	buf_init(&out, 1024);
	for (size_t i = 0; i < sizeof stored - 1; i++)
		assert_true(mail_text_push(&t, slice_make(stored + i, 1), &out));
	assert_true(mail_text_finish(&t, &out));
	assert_true(slice_equal_text(buf_slice(&out), sent));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere_it_is_the_same),
		cmocka_unit_test(octet_by_octet_it_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
