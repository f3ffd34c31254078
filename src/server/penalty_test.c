/*
 * Who has to wait, for how long, and who not; by a clock of the test's own.
 */
#include "server/penalty.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static int64_t now;

static int64_t test_clock(void)
{
	return now;
}

static struct penalty *new_penalty(bool loopback)
{
	struct penalty *p = penalty_new(loopback);
	assert_non_null(p);
	now = 1000 * 1000;
	penalty_set_clock(p, test_clock);
	return p;
}

static void fail_often(struct penalty *p, const char *address, int times)
{
	for (int i = 0; i < times; i++)
		penalty_note(p, address, false);
}

static void each_failure_makes_the_next_attempt_wait_longer(void **state)
{
	(void)state;
	static const int waits[] = { 0, 2000, 4000, 8000, 15000, 15000, 15000 };
	struct penalty *p = new_penalty(false);
	for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
		assert_int_equal(penalty_wait(p, "192.0.2.1"), waits[i]);
		penalty_note(p, "192.0.2.1", false);
	}
	assert_int_equal(penalty_wait(p, "192.0.2.2"), 0);
	penalty_free(p);
}

static void time_since_the_failure_counts(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	fail_often(p, "192.0.2.1", 2);
	now += 1500;
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 2500);
	now += 2500;
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 0);
	penalty_note(p, "192.0.2.1", false);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 8000);
	penalty_free(p);
}

static void attempts_of_one_address_are_begun_one_by_one(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	bool booked;
	for (int i = 0; i < 3; i++) { /* nothing is known yet */
		assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 0);
		assert_false(booked);
	}
	fail_often(p, "192.0.2.1", 1);
	assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 2000);
	assert_false(booked);
	now += 2000;
	assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 0);
	assert_true(booked);
	now += 500;
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 1500);
	assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 1500);
	assert_false(booked);
	assert_int_equal(penalty_begin(p, "192.0.2.2", &booked), 0);
	now += 1500; /* its peer is gone, or it takes long */
	assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 0);
	assert_true(booked);
	penalty_note(p, "192.0.2.1", false);
	assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 4000);
	penalty_free(p);
}

/* A mail program that is right is not slowed down by having asked. */
static void right_attempt_leaves_no_wait_of_its_own(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	bool booked;
	fail_often(p, "192.0.2.1", 2);
	now += 4000;
	assert_int_equal(penalty_begin(p, "192.0.2.1", &booked), 0);
	penalty_note(p, "192.0.2.1", true);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 0);
	penalty_free(p);
}

static void five_quiet_minutes_make_good(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	fail_often(p, "192.0.2.1", 9);
	now += 5 * 60 * 1000 - 1;
	penalty_note(p, "192.0.2.1", false);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 15000);
	now += 5 * 60 * 1000;
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 0);
	penalty_note(p, "192.0.2.1", false);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 2000);
	penalty_free(p);
}

static void right_password_makes_good_for_one_failure(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	fail_often(p, "192.0.2.1", 2);
	penalty_note(p, "192.0.2.1", true);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 2000);
	penalty_note(p, "192.0.2.1", true);
	penalty_note(p, "192.0.2.1", true);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 0);
	penalty_note(p, "192.0.2.1", false);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 2000);
	penalty_free(p);
}

static void network_of_ipv6_counts_as_one(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	fail_often(p, "2001:db8:1:2::1", 1);
	assert_int_equal(penalty_wait(p, "2001:db8:1:2:ffff::9"), 2000);
	assert_int_equal(penalty_wait(p, "2001:db8:1:3::1"), 0);
	fail_often(p, "fe80::1%eth0", 1);
	assert_int_equal(penalty_wait(p, "fe80::2%eth1"), 2000);
	penalty_free(p);
}

static void mapped_ipv4_address_is_the_ipv4_address(void **state)
{
	(void)state;
	struct penalty *p = new_penalty(false);
	fail_often(p, "::ffff:192.0.2.1", 1);
	assert_int_equal(penalty_wait(p, "192.0.2.1"), 2000);
	assert_int_equal(penalty_wait(p, "::ffff:192.0.2.2"), 0);
	penalty_free(p);
}

static void own_machine_never_waits_unless_told_to(void **state)
{
	(void)state;
	static const char *const own[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
	struct penalty *p = new_penalty(false);
	struct penalty *told = new_penalty(true);
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
		fail_often(p, own[i], 3);
		assert_int_equal(penalty_wait(p, own[i]), 0);
		fail_often(told, own[i], 3);
		assert_int_not_equal(penalty_wait(told, own[i]), 0);
	}
	penalty_free(p);
	penalty_free(told);
}

static void older_address_is_given_up_for_a_newer(void **state)
{
	(void)state;
	enum { MANY = 20000, RECENT = 200 };
	char address[32];
	int known = 0;
	struct penalty *p = new_penalty(false);
	for (int i = 0; i < MANY; i++, now++) {
		snprintf(address, sizeof address, "10.%d.%d.%d", i / 65536, i / 256 % 256, i % 256);
		fail_often(p, address, 3);
	}
	/* The last ones are there; of all of them no more than the table holds. */
	for (int i = 0; i < MANY; i++) {
		snprintf(address, sizeof address, "10.%d.%d.%d", i / 65536, i / 256 % 256, i % 256);
		bool waits = penalty_wait(p, address) > 0;
		known += waits;
		if (i >= MANY - RECENT && !waits)
			fail_msg("%s is forgotten", address);
	}
	assert_in_range(known, RECENT, 4096);
	penalty_free(p);
}

static void without_a_table_nobody_waits(void **state)
{
	(void)state;
	penalty_note(NULL, "192.0.2.1", false);
	bool booked;
	assert_int_equal(penalty_wait(NULL, "192.0.2.1"), 0);
	assert_int_equal(penalty_begin(NULL, "192.0.2.1", &booked), 0);
	penalty_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_failure_makes_the_next_attempt_wait_longer),
		cmocka_unit_test(time_since_the_failure_counts),
		cmocka_unit_test(attempts_of_one_address_are_begun_one_by_one),
		cmocka_unit_test(right_attempt_leaves_no_wait_of_its_own),
		cmocka_unit_test(five_quiet_minutes_make_good),
		cmocka_unit_test(right_password_makes_good_for_one_failure),
		cmocka_unit_test(network_of_ipv6_counts_as_one),
		cmocka_unit_test(mapped_ipv4_address_is_the_ipv4_address),
		cmocka_unit_test(own_machine_never_waits_unless_told_to),
		cmocka_unit_test(older_address_is_given_up_for_a_newer),
		cmocka_unit_test(without_a_table_nobody_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
