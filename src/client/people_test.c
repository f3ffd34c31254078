/*
 * Addresses as a script gives them, and what no header or command may hold.
 */
#include "client/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool adds(const char *typed, struct people *p)
{
	struct fault why;

	*p = (struct people){ .count = 0 };
	return people_add(p, slice_str(typed), &why);
}

static void is(const struct people *p, size_t i, const char *name, const char *address)
{
	assert_true(i < p->count);
	assert_true(slice_equal_text(p->list[i].name, name));
	assert_true(slice_equal_text(p->list[i].address, address));
}

static void addresses_stand_between_commas(void **state)
{
	(void)state;
	struct people p;

	assert_true(adds("a@b, Jane Roe <j@x>,\"Roe, <J>\" <j@y>,<k@[127.0.0.1]>", &p));
	assert_int_equal(p.count, 4);
	is(&p, 0, "", "a@b");
	is(&p, 1, "Jane Roe", "j@x");
	is(&p, 2, "Roe, <J>", "j@y");
	is(&p, 3, "", "k@[127.0.0.1]");
	assert_true(adds("J\xC3\xB6rg <j@x>", &p));
	is(&p, 0, "J\xC3\xB6rg", "j@x");
	assert_true(adds("\"a b\"@c", &p));
	is(&p, 0, "", "\"a b\"@c");
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = { "",     ",",      "a@b,",          "a",
		                             "a@",   "@b",     "a b@c",         "<a@b> c",
		                             "<a@b", "a@b>c",  "x <a@b> <c@d>", "a@b@c",
		                             "<>",   "@x:a@b", "\xC3\xB6@b",    "\xFF <a@b>" };
	struct people p;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(adds(wrong[i], &p));
}

static void line_ends_and_controls_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = { "a@b\n",
		                             "a@b\r\nBcc: c@d",
		                             "x\ny <a@b>",
		                             "a@b,\nc@d",
		                             "x\x1B <a@b>",
		                             "a\t@b",
		                             "x\xC2\x85y <a@b>",
		                             "x\xE2\x80\xA8y <a@b>",
		                             "\"x\xE2\x80\xA9y\" <a@b>" };
	struct people p;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(adds(wrong[i], &p));
	struct fault why;
	p.count = 0;
	assert_false(people_add(&p, slice_make("a@b\0c", 5), &why));
}

static void there_is_a_most(void **state)
{
	(void)state;
	struct people p = { .count = 0 };
	struct fault why;

	for (size_t i = 0; i < PEOPLE_MAX; i++)
		assert_true(people_add(&p, slice_str("a@b"), &why));
	assert_false(people_add(&p, slice_str("a@b"), &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_stand_between_commas),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(line_ends_and_controls_are_refused),
		cmocka_unit_test(there_is_a_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
