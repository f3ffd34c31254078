/*
 * inbox_name: which directory an address gets.
 */
#include "auth/inbox_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static const char *name_of(const char *address, size_t len)
{
	static char name[USERS_NAME_MAX + 1];
	assert_true(inbox_name(slice_make(address, len), name));
	return name;
}

static void expect(const char *address, const char *name)
{
	assert_string_equal(name_of(address, strlen(address)), name);
}

static void ordinary_addresses_are_their_own_names(void **state)
{
	(void)state;
	expect("alice@example.org", "alice@example.org");
	expect("Alice.Smith+News@Example.ORG", "alice.smith+news@example.org");
	expect("postmaster", "postmaster");
	expect("a=b_c-d@[127.0.0.1]", "a=b_c-d@%5B127.0.0.1%5D");
}

static void nothing_leads_elsewhere(void **state)
{
	(void)state;
	expect("..", "%2E.");
	expect(".lock@x", "%2Elock@x");
	expect("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd");
	expect("a b%~@x", "a%20b%25%7E@x");
	expect("m\xc3\xbcller@x", "m%C3%BCller@x");
	assert_string_equal(name_of("a\0b", 3), "a%00b");
}

static void long_addresses_have_a_hash_and_stay_apart(void **state)
{
	char address[400], first[USERS_NAME_MAX + 1];
	(void)state;
	memset(address, 'x', sizeof address);
	assert_int_equal(strlen(name_of(address, 64)), 64);
	assert_null(strchr(name_of(address, 64), '~'));
	strcpy(first, name_of(address, 65));
	assert_int_equal(strlen(first), 64);
	assert_non_null(strchr(first, '~'));
	assert_string_not_equal(name_of(address, 66), first);
	address[64] = 'X';
	assert_string_equal(name_of(address, 65), first);
	address[64] = 'y';
	assert_string_not_equal(name_of(address, 65), first);
	memset(address, '/', sizeof address);
	assert_in_range(strlen(name_of(address, 400)), 60, 64);
}

static void no_address_has_no_inbox(void **state)
{
	char name[USERS_NAME_MAX + 1];
	(void)state;
	assert_false(inbox_name(slice_make("", 0), name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_addresses_are_their_own_names),
		cmocka_unit_test(nothing_leads_elsewhere),
		cmocka_unit_test(long_addresses_have_a_hash_and_stay_apart),
		cmocka_unit_test(no_address_has_no_inbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
