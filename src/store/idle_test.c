/*
 * idle_test: how long the files of mailboxes that wait for mail stay open, and how many wait.
 */
#include "store/idle.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct idle idle;

static int set_up(void **state)
{
	(void)state;
	idle_init(&idle);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	idle_release(&idle);
	return 0;
}

static struct idle_box *make_box(const char *user)
{
	struct idle_box *b = calloc(1, sizeof *b);
	assert_non_null(b);
	b->box = (struct mailbox){ .dir = -1, .lock = -1, .mail = -1, .index.fd = -1 };
	snprintf(b->box.user, sizeof b->box.user, "%s", user);
	return b;
}

/* A delivery to this user is under way. */
static struct idle_box *begin(const char *user)
{
	assert_null(idle_begin(&idle, user));
	struct idle_box *b = make_box(user);
	b->box.mail = open("/dev/null", O_RDWR | O_CLOEXEC);
	b->box.index.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	b->box.look.inode = 1;
	return b;
}

static bool is_open(const struct idle_box *b)
{
	bool open = b->box.mail >= 0;
	assert_int_equal(open, b->box.index.fd >= 0);
	assert_int_equal(open, b->box.look.inode == 1);
	return open;
}

static void files_stay_open_until_the_last_delivery_is_over(void **state)
{
	(void)state;
	struct idle_box *a = begin("a");
	struct idle_box *b = begin("b");
	int mail = a->box.mail, index = a->box.index.fd;
	idle_end(&idle, a);
	assert_true(is_open(a));
	idle_end(&idle, b);
	assert_false(is_open(a) || is_open(b));
	assert_int_equal(fcntl(mail, F_GETFD), -1);
	assert_int_equal(fcntl(index, F_GETFD), -1);
}

static void a_delivery_that_failed_is_over_as_well(void **state)
{
	(void)state;
	struct idle_box *a = begin("a");
	assert_null(idle_begin(&idle, "b"));
	idle_end(&idle, a);
	assert_true(is_open(a));
	idle_end(&idle, NULL);
	assert_false(is_open(a));
}

static void after_a_moment_files_are_closed_though_others_are_delivered_to(void **state)
{
	(void)state;
	struct idle_box *a = begin("a");
	struct idle_box *b = begin("b");
	struct idle_box *c = begin("c");
	idle_end(&idle, a);
	a->since_ms -= IDLE_OPEN_MS;
	idle_end(&idle, b);
	assert_false(is_open(a));
	assert_true(is_open(b));
	idle_end(&idle, c);
}

static void who_is_delivered_to_again_is_found_open(void **state)
{
	(void)state;
	struct idle_box *a = begin("a");
	struct idle_box *b = begin("b");
	idle_end(&idle, a);
	assert_ptr_equal(idle_begin(&idle, "a"), a);
	assert_null(idle_take(&idle, "a"));
	assert_true(is_open(a));
	idle_end(&idle, b);
	assert_true(is_open(b));
	idle_end(&idle, a);
	assert_false(is_open(a) || is_open(b));
}

static void whom_nobody_writes_to_for_longest_makes_room(void **state)
{
	char user[16];
	(void)state;
	for (int n = 0; n <= IDLE_MAX; n++) {
		snprintf(user, sizeof user, "u%d", n);
		assert_null(idle_begin(&idle, user));
		idle_end(&idle, make_box(user));
	}
	assert_null(idle_take(&idle, "u0"));
	struct idle_box *next = idle_take(&idle, "u1");
	assert_non_null(next);
	idle_close(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_stay_open_until_the_last_delivery_is_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_delivery_that_failed_is_over_as_well, set_up, tear_down),
		cmocka_unit_test_setup_teardown(after_a_moment_files_are_closed_though_others_are_delivered_to, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(who_is_delivered_to_again_is_found_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whom_nobody_writes_to_for_longest_makes_room, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
