/*
 * meters: what is counted since the beginning, and within the last minute.
 */
#include "server/meters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static int64_t now;

static int64_t clock_now(void)
{
	return now;
}

static void expect(struct meters *m, uint64_t in_all, uint64_t last_minute)
{
	uint64_t all, minute;
	meters_read(m, METER_MAILS, &all, &minute);
	assert_int_equal(all, in_all);
	assert_int_equal(minute, last_minute);
}

static void what_is_older_than_a_minute_counts_in_all_alone(void **state)
{
	struct meters *m = meters_new();
	(void)state;
	now = 5000;
	meters_set_clock(m, clock_now);
	expect(m, 0, 0);
	meters_count(m, METER_MAILS, 3);
	meters_count(m, METER_LOGINS, 100);
	now += 30 * 1000;
	meters_count(m, METER_MAILS, 4);
	expect(m, 7, 7);
	now += 29 * 1000;
	expect(m, 7, 7);
	now += 1000;
	expect(m, 7, 4);
	meters_count(m, METER_MAILS, 1); /* in the place of the first second */
	expect(m, 8, 5);
	now += 24 * 3600 * 1000;
	expect(m, 8, 0);
	assert_int_equal(meters_uptime(m), 60 + 24 * 3600);
	meters_free(m);
}

static void without_meters_nothing_is_counted(void **state)
{
	(void)state;
	meters_count(NULL, METER_MAILS, 1);
	meters_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_older_than_a_minute_counts_in_all_alone),
		cmocka_unit_test(without_meters_nothing_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
