/*
 * login_delay_test: who has to wait, how long, and what a full table does.
 */
#include "server/login_delay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 5000, MANY = 20 * 1000 };

static void a_second_login_waits_and_a_first_one_does_not(void **state)
{
	struct login_delay *d = login_delay_new(60);
	(void)state;
	assert_int_equal(login_delay_left(d, "alice", NOW), 0);
	login_delay_note(d, "alice", NOW);
	assert_int_equal(login_delay_left(d, "alice", NOW), 60);
	assert_int_equal(login_delay_left(d, "bob", NOW), 0);
	assert_int_equal(login_delay_left(d, "alice", NOW + 58999), 2);
	assert_int_equal(login_delay_left(d, "alice", NOW + 59999), 1);
	assert_int_equal(login_delay_left(d, "alice", NOW + 60000), 0);
	login_delay_free(d);
}

static void each_login_begins_the_time_anew(void **state)
{
	struct login_delay *d = login_delay_new(10);
	(void)state;
	login_delay_note(d, "alice", NOW);
	login_delay_note(d, "alice", NOW + 10000);
	assert_int_equal(login_delay_left(d, "alice", NOW + 10000), 10);
	login_delay_free(d);
}

/* Who is given up is let in; the last one never is. */
static void a_full_table_forgets_the_oldest_alone(void **state)
{
	struct login_delay *d = login_delay_new(3600);
	char user[32];
	unsigned forgotten = 0;
	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(user, sizeof user, "user%d", i);
		login_delay_note(d, user, NOW + i);
		assert_int_equal(login_delay_left(d, user, NOW + i), 3600);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(user, sizeof user, "user%d", i);
		forgotten += login_delay_left(d, user, NOW + MANY) == 0;
	}
	assert_in_range(forgotten, MANY - 4096, MANY - 4000);
	login_delay_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_login_waits_and_a_first_one_does_not),
		cmocka_unit_test(each_login_begins_the_time_anew),
		cmocka_unit_test(a_full_table_forgets_the_oldest_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
