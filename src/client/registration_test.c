/*
 * Which part of a server's answer is the address that it gave.
 */
#include "client/registration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void finds(const char *words, const char *address)
{
	if (!slice_equal_text(registration_address(slice_str(words)), address))
		fail_msg("%s: not %s", words, address);
}

static void the_address_is_found_in_either_answer(void **state)
{
	(void)state;
	finds("250 5@mymailserver", "5@mymailserver");
	finds("250 OK You are 5@mymailserver", "5@mymailserver");
	finds("250 5@mymailserver is your address", "5@mymailserver");
}

static void without_an_address_all_that_was_said_is_shown(void **state)
{
	(void)state;
	finds("250 OK registered", "OK registered");
	finds("250 7", "7");
	finds("250", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_address_is_found_in_either_answer),
		cmocka_unit_test(without_an_address_all_that_was_said_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
