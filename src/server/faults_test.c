/*
 * faults_test: what happens on purpose happens to the right inbox, as often as was asked for, and the same each time.
 */
#include "server/faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const unsigned rcpt = 1U << MESSAGE_FAULT_RCPT;

static struct faults_order order_of(uint32_t chance, uint64_t seed)
{
	return (struct faults_order){ .kind = MESSAGE_FAULT_RCPT, .code = 451, .chance = chance, .seed = seed };
}

static void it_happens_to_its_inbox_and_its_kind_alone(void **state)
{
	(void)state;
	struct faults *f = faults_new();
	struct faults_order order = order_of(FAULTS_CERTAIN, 0), now;
	assert_false(faults_happen(f, "ann", rcpt, &now));
	assert_true(faults_set(f, "ann", &order));
	assert_true(faults_happen(f, "ann", rcpt, &now));
	assert_int_equal(now.code, 451);
	assert_false(faults_happen(f, "bob", rcpt, &now));
	assert_false(faults_happen(f, "ann", 1U << MESSAGE_FAULT_DATA, &now));
	order.kind = MESSAGE_FAULT_NONE;
	assert_true(faults_set(f, "ann", &order));
	assert_false(faults_happen(f, "ann", rcpt, &now));
	faults_free(f);
}

static unsigned course(struct faults *f, uint64_t seed)
{
	const struct faults_order order = order_of(FAULTS_CERTAIN / 4, seed);
	struct faults_order now;
	unsigned bits = 0;
	assert_true(faults_set(f, "ann", &order));
	for (int i = 0; i < 32; i++)
		bits |= (unsigned)faults_happen(f, "ann", rcpt, &now) << i;
	return bits;
}

static void the_same_seed_brings_the_same_course(void **state)
{
	(void)state;
	struct faults *f = faults_new();
	unsigned first = course(f, 7);
	assert_int_equal(course(f, 7), first);
	assert_int_not_equal(course(f, 8), first);
	assert_in_range(__builtin_popcount(first), 2, 16);
	faults_free(f);
}

static void nonsense_and_too_many_are_refused(void **state)
{
	(void)state;
	struct faults *f = faults_new();
	struct faults_order order = order_of(FAULTS_CERTAIN, 0);
	char name[] = "aaa";
	order.code = 250;
	assert_false(faults_set(f, "ann", &order));
	order = order_of(FAULTS_CERTAIN + 1, 0);
	assert_false(faults_set(f, "ann", &order));
	order = order_of(FAULTS_CERTAIN, 0);
	assert_false(faults_set(f, "", &order));
	for (int i = 0; i < FAULTS_MAX; i++) {
		name[0] = (char)('a' + i / 26);
		name[1] = (char)('a' + i % 26);
		assert_true(faults_set(f, name, &order));
	}
	assert_false(faults_set(f, "one more", &order));
	assert_true(faults_set(f, "aaa", &order));
	faults_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_happens_to_its_inbox_and_its_kind_alone),
		cmocka_unit_test(the_same_seed_brings_the_same_course),
		cmocka_unit_test(nonsense_and_too_many_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
