/*
 * Which addresses count as one, and which are this machine's own.
 */
#include "server/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static bool same(const char *a, const char *b)
{
	unsigned char one[NETWORK_KEY], other[NETWORK_KEY];
	assert_true(network_key(a, one));
	assert_true(network_key(b, other));
	return memcmp(one, other, NETWORK_KEY) == 0;
}

static void each_ipv4_address_is_one(void **state)
{
	(void)state;
	assert_true(same("192.0.2.1", "192.0.2.1"));
	assert_false(same("192.0.2.1", "192.0.2.2"));
	assert_true(same("192.0.2.1", "::ffff:192.0.2.1"));
	assert_false(same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
}

static void each_ipv6_network_of_64_bits_is_one(void **state)
{
	(void)state;
	assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
	assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
	assert_true(same("fe80::1%eth0", "fe80::2%eth1"));
}

static void what_is_no_address_has_no_key(void **state)
{
	(void)state;
	static const char *const none[] = { "", "localhost", "192.0.2", "192.0.2.1.5", "2001:db8:::1" };
	char endless[200];
	unsigned char key[NETWORK_KEY];
	memset(endless, '1', sizeof endless);
	endless[sizeof endless - 1] = '\0';
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_false(network_key(none[i], key));
	assert_false(network_key(endless, key));
}

static void loopback_is_this_machines_own(void **state)
{
	(void)state;
	static const char *const own[] = { "127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1" };
	static const char *const others[] = { "128.0.0.1", "::2", "::", "::127.0.0.1", "0.0.0.0", "localhost", "" };
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		assert_true(network_is_loopback(own[i]));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(network_is_loopback(others[i]));
}

static void seed_decides_who_shares_a_place(void **state)
{
	(void)state;
	unsigned char key[NETWORK_KEY];
	assert_true(network_key("192.0.2.1", key));
	assert_int_equal(network_hash(key, 7), network_hash(key, 7));
	assert_int_not_equal(network_hash(key, 7), network_hash(key, 8));
	assert_true(network_seed() != network_seed() || network_seed() != network_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ipv4_address_is_one),
		cmocka_unit_test(each_ipv6_network_of_64_bits_is_one),
		cmocka_unit_test(what_is_no_address_has_no_key),
		cmocka_unit_test(loopback_is_this_machines_own),
		cmocka_unit_test(seed_decides_who_shares_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
