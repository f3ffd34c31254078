/*
 * Who comes in, who is refused, why, and what the log hears of it; by a clock of the test's own.
 */
#include "server/visitors.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"

static int64_t now;

static int64_t test_clock(void)
{
	return now;
}

static struct visitors *new_visitors(const struct visitors_limits *limits)
{
	struct visitors *v = visitors_new(limits);
	assert_non_null(v);
	now = 1000 * 1000;
	visitors_set_clock(v, test_clock);
	return v;
}

static struct visitor *expect(struct visitors *v, const char *address, enum visitors_verdict expected)
{
	enum visitors_verdict verdict;
	struct visitor *ticket = visitors_enter(v, address, &verdict);
	assert_int_equal(verdict, expected);
	return ticket;
}

static void come_and_go(struct visitors *v, const char *address, enum visitors_verdict expected)
{
	visitors_leave(v, expect(v, address, expected));
}

static void so_many_at_once_come_in_from_one_address(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 100, .at_once = 2 };
	struct visitors *v = new_visitors(&limits);
	struct visitor *first = expect(v, "192.0.2.1", VISITORS_WELCOME);
	expect(v, "192.0.2.1", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.1", VISITORS_TOO_MANY);
	expect(v, "192.0.2.2", VISITORS_WELCOME);
	visitors_leave(v, first);
	expect(v, "::ffff:192.0.2.1", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.1", VISITORS_TOO_MANY);
	visitors_free(v);
}

static void network_of_ipv6_counts_as_one(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 100, .at_once = 1 };
	struct visitors *v = new_visitors(&limits);
	expect(v, "2001:db8:1:2::1", VISITORS_WELCOME);
	come_and_go(v, "2001:db8:1:2::2", VISITORS_TOO_MANY);
	expect(v, "2001:db8:1:3::1", VISITORS_WELCOME);
	visitors_free(v);
}

static void share_of_one_address_is_a_quarter_and_at_least_twenty(void **state)
{
	(void)state;
	static const struct {
		size_t in_all, share;
	} cases[] = { { 1000, 250 }, { 200, 50 }, { 40, 20 }, { 80, 20 } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct visitors_limits limits = { .in_all = cases[i].in_all };
		struct visitors *v = new_visitors(&limits);
		for (size_t n = 0; n < cases[i].share; n++)
			expect(v, "192.0.2.1", VISITORS_WELCOME);
		come_and_go(v, "192.0.2.1", VISITORS_TOO_MANY);
		visitors_free(v);
	}
}

static void so_many_in_all_come_in(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 3, .loopback = false };
	struct visitors *v = new_visitors(&limits);
	struct visitor *first = expect(v, "127.0.0.1", VISITORS_WELCOME);
	expect(v, "192.0.2.1", VISITORS_WELCOME);
	expect(v, "192.0.2.2", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.3", VISITORS_CROWDED);
	come_and_go(v, "127.0.0.1", VISITORS_CROWDED);
	visitors_leave(v, first);
	expect(v, "192.0.2.3", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.4", VISITORS_CROWDED);
	visitors_free(v);
}

static void who_is_told_takes_nobodys_place(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 2, .at_once = 1 };
	struct visitors *v = new_visitors(&limits);
	expect(v, "192.0.2.1", VISITORS_WELCOME);
	struct visitor *told = expect(v, "192.0.2.1", VISITORS_TOO_MANY);
	for (int i = 1; i < VISITORS_TOLD_MAX; i++)
		assert_non_null(expect(v, "192.0.2.1", VISITORS_TOO_MANY));
	assert_null(expect(v, "192.0.2.1", VISITORS_TOO_MANY));
	expect(v, "192.0.2.2", VISITORS_WELCOME);
	assert_null(expect(v, "192.0.2.3", VISITORS_CROWDED));
	visitors_leave(v, told);
	assert_non_null(expect(v, "192.0.2.3", VISITORS_CROWDED));
	visitors_free(v);
}

static void so_many_a_minute_and_all_of_them_in_one_go(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 100, .at_once = 100, .a_minute = 6 };
	struct visitors *v = new_visitors(&limits);
	for (int i = 0; i < 6; i++)
		come_and_go(v, "192.0.2.1", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.1", VISITORS_TOO_OFTEN);
	come_and_go(v, "192.0.2.2", VISITORS_WELCOME);
	now += 10 * 1000 - 1;
	come_and_go(v, "192.0.2.1", VISITORS_TOO_OFTEN);
	now += 1;
	come_and_go(v, "192.0.2.1", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.1", VISITORS_TOO_OFTEN);
	now += 60 * 1000;
	for (int i = 0; i < 6; i++)
		come_and_go(v, "192.0.2.1", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.1", VISITORS_TOO_OFTEN);
	visitors_free(v);
}

static void the_largest_rate_is_one(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 100, .at_once = 100, .a_minute = VISITORS_LIMIT_MAX };
	struct visitors *v = new_visitors(&limits);
	for (int i = 0; i < VISITORS_LIMIT_MAX; i++)
		come_and_go(v, "192.0.2.1", VISITORS_WELCOME);
	come_and_go(v, "192.0.2.1", VISITORS_TOO_OFTEN);
	visitors_free(v);
}

static void own_machine_counts_in_the_total_alone_unless_told_otherwise(void **state)
{
	(void)state;
	static const char *const free_of_limits[] = { "127.0.0.1", "127.0.0.9", "::1", "no address" };
	const struct visitors_limits limits = { .in_all = 100, .at_once = 1, .a_minute = 1 };
	struct visitors_limits told = limits;
	told.loopback = true;
	struct visitors *v = new_visitors(&limits), *strict = new_visitors(&told);
	for (size_t i = 0; i < sizeof free_of_limits / sizeof free_of_limits[0]; i++) {
		expect(v, free_of_limits[i], VISITORS_WELCOME);
		expect(v, free_of_limits[i], VISITORS_WELCOME);
	}
	expect(strict, "127.0.0.1", VISITORS_WELCOME);
	expect(strict, "127.0.0.1", VISITORS_TOO_MANY);
	visitors_free(v);
	visitors_free(strict);
}

static void number(int i, char address[32])
{
	snprintf(address, 32, "10.%d.%d.%d", i / 65536, i / 256 % 256, i % 256);
}

static void who_is_connected_is_never_forgotten_and_the_others_are_in_time(void **state)
{
	(void)state;
	enum { HERE = 1000, PASSING = 200 * 1000 };
	const struct visitors_limits limits = { .in_all = 100 * 1000, .at_once = 1, .a_minute = 1 };
	struct visitors *v = new_visitors(&limits);
	char address[32];
	for (int i = 0; i < HERE; i++) {
		number(i, address);
		expect(v, address, VISITORS_WELCOME);
	}
	for (int i = HERE; i < HERE + PASSING; i++) {
		number(i, address);
		come_and_go(v, address, VISITORS_WELCOME);
	}
	come_and_go(v, address, VISITORS_TOO_OFTEN); /* the last one is remembered */
	for (int i = 0; i < HERE; i++) {
		number(i, address);
		struct visitor *told = expect(v, address, VISITORS_TOO_MANY);
		visitors_leave(v, told);
	}
	visitors_free(v);
}

static void where_there_is_no_place_a_network_comes_in_uncounted(void **state)
{
	(void)state;
	enum { MANY = 50 * 1000 }; /* more than there are places */
	const struct visitors_limits limits = { .in_all = MANY, .at_once = 1 };
	struct visitors *v = new_visitors(&limits);
	struct visitor **tickets = calloc(MANY, sizeof *tickets);
	char address[32];
	assert_non_null(tickets);
	for (int i = 0; i < MANY; i++) {
		number(i, address);
		tickets[i] = expect(v, address, VISITORS_WELCOME);
	}
	come_and_go(v, "192.0.2.1", VISITORS_CROWDED);
	for (int i = 0; i < MANY; i++)
		visitors_leave(v, tickets[i]);
	for (int i = 0; i < MANY; i++) {
		number(i, address);
		come_and_go(v, address, VISITORS_WELCOME);
	}
	free(tickets);
	visitors_free(v);
}

/* What goes to stderr while `refusals` connections are refused, one every `ms`. */
static void log_of(struct visitors *v, int refusals, int ms, char *text, size_t size)
{
	int ends[2];
	int kept = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	for (int i = 0; i < refusals; i++, now += ms)
		come_and_go(v, "192.0.2.1", VISITORS_TOO_MANY);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	ssize_t n = read(ends[0], text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	close(ends[0]);
}

static void log_has_one_line_in_ten_seconds(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 100, .at_once = 1 };
	struct visitors *v = new_visitors(&limits);
	char text[4096];
	log_set_program("test");
	expect(v, "192.0.2.1", VISITORS_WELCOME);
	log_of(v, 1500, 10, text, sizeof text); /* in 15 seconds */
	assert_string_equal(
	        text,
	        "test: warning: connection refused peer=192.0.2.1: 1 are connected from there (--max-per-address)\n"
	        "test: warning: connection refused peer=192.0.2.1: 1 are connected from there "
	        "(--max-per-address); 999 more refused since the last line\n");
	visitors_free(v);
}

static void *come_and_go_often(void *arg)
{
	struct visitors *v = arg;
	enum visitors_verdict verdict;
	for (int i = 0; i < 20000; i++) {
		struct visitor *ticket = visitors_enter(v, i % 2 ? "192.0.2.1" : "192.0.2.2", &verdict);
		if (ticket)
			visitors_leave(v, ticket);
	}
	return NULL;
}

static void threads_lose_no_count(void **state)
{
	(void)state;
	const struct visitors_limits limits = { .in_all = 1000, .at_once = 5 };
	struct visitors *v = new_visitors(&limits);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go_often, v), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 5; i++)
		expect(v, "192.0.2.1", VISITORS_WELCOME);
	expect(v, "192.0.2.1", VISITORS_TOO_MANY);
	visitors_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_come_in_from_one_address),
		cmocka_unit_test(network_of_ipv6_counts_as_one),
		cmocka_unit_test(share_of_one_address_is_a_quarter_and_at_least_twenty),
		cmocka_unit_test(so_many_in_all_come_in),
		cmocka_unit_test(who_is_told_takes_nobodys_place),
		cmocka_unit_test(so_many_a_minute_and_all_of_them_in_one_go),
		cmocka_unit_test(the_largest_rate_is_one),
		cmocka_unit_test(own_machine_counts_in_the_total_alone_unless_told_otherwise),
		cmocka_unit_test(who_is_connected_is_never_forgotten_and_the_others_are_in_time),
		cmocka_unit_test(where_there_is_no_place_a_network_comes_in_uncounted),
		cmocka_unit_test(log_has_one_line_in_ten_seconds),
		cmocka_unit_test(threads_lose_no_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
