/*
 * Dates as mails have them (RFC 5322 sections 3.3 and 4.3).
 */
#include "mail/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const time_t noon = 1795178640; /* 2026-11-20 12:44:00 UTC */

static void is_noon(const char *text, int seconds)
{
	time_t when = 0;
	if (!date_parse(slice_str(text), &when))
		fail_msg("no date: %s", text);
	assert_int_equal(when, noon + seconds);
}

static void refuses(const char *text)
{
	time_t when = 7;
	if (date_parse(slice_str(text), &when))
		fail_msg("taken: %s", text);
	assert_int_equal(when, 7);
}

static void full_date_is_read(void **state)
{
	(void)state;
	is_noon("Fri, 20 Nov 2026 12:44:05 +0000", 5);
	is_noon(" Fri, 20 Nov 2026 18:14:00 +0530 (IST)", 0);
	is_noon("Fri, 20 Nov 2026 07:44:00 -0500", 0);
	is_noon("fri,20 nov 2026 12:44:60 +0000", 60);
}

static void parts_may_be_missing(void **state)
{
	(void)state;
	is_noon("20 Nov 2026 12:44", 0);
	is_noon("20 Nov 26 12:44 GMT", 0);
	is_noon("20 Nov 126 12:44 Z", 0);
}

static void names_of_zones_are_known(void **state)
{
	(void)state;
	is_noon("20 Nov 2026 07:44 EST", 0);
	is_noon("20 Nov 2026 05:44 PDT", 0);
}

static void what_is_no_date_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"Fri,",
		"yesterday",
		"0 Nov 2026 12:44",
		"32 Nov 2026 12:44",
		"20 Nix 2026 12:44",
		"20 Nov 20260 12:44",
		"20 Nov 2 12:44",
		"20 Nov 2026",
		"20 Nov 2026 12",
		"20 Nov 2026 24:00",
		"20 Nov 2026 12:60",
		"20 Nov 2026 12:44:61",
		"20 Nov 2026 12:44:0:0",
		"20 Nov -026 12:44",
		"2026-11-20 : 12 : 44",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refuses(bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_date_is_read),
		cmocka_unit_test(parts_may_be_missing),
		cmocka_unit_test(names_of_zones_are_known),
		cmocka_unit_test(what_is_no_date_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
