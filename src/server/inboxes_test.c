/*
 * inboxes: which one goes, and when none does.
 */
#include "server/inboxes.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

enum { MOST = 3, AGE = 1000, BEGIN = 2000000000 };

struct rig {
	char path[32];
	int dir;
	struct store *store;
	struct inboxes *b;
};

static struct fault why;

static void open_inboxes(struct rig *r)
{
	const struct inboxes_limits limits = { .most = MOST, .age = AGE };
	r->store = file_store_new(r->dir, "mailbox", &why);
	assert_non_null(r->store);
	r->b = inboxes_new(r->store, r->dir, &limits, &why);
}

static void close_inboxes(struct rig *r)
{
	inboxes_free(r->b);
	r->store->ops->free(r->store);
}

static int set_up(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	snprintf(r->path, sizeof r->path, "/tmp/inboxes-XXXXXX");
	assert_non_null(mkdtemp(r->path));
	r->dir = open(r->path, O_RDONLY | O_DIRECTORY);
	clock_freeze(BEGIN);
	log_set_level(LOG_LEVEL_ERROR);
	open_inboxes(r);
	assert_non_null(r->b);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *r = *state;
	char command[64];
	close_inboxes(r);
	close(r->dir);
	clock_freeze(0);
	snprintf(command, sizeof command, "rm -r %s", r->path);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

/* A mail for it, as a delivery brings one, `at` seconds after the beginning. */
static void use(struct rig *r, const char *name, int at)
{
	clock_freeze(BEGIN + at);
	assert_true(inboxes_hold(r->b, name, &why));
	assert_true(r->store->ops->prepare(r->store, name, &why));
	inboxes_release(r->b, name);
}

static bool is_there(const struct rig *r, const char *name)
{
	return faccessat(r->dir, name, F_OK, 0) == 0;
}

static void the_one_unused_for_the_longest_time_makes_room(void **state)
{
	struct rig *r = *state;
	use(r, "a", 1);
	use(r, "b", 2);
	use(r, "c", 3);
	use(r, "a", 4);
	use(r, "d", 5);
	assert_int_equal(inboxes_count(r->b), MOST);
	assert_false(is_there(r, "b"));
	assert_true(is_there(r, "a") && is_there(r, "c") && is_there(r, "d"));
}

static void one_that_somebody_is_at_never_goes(void **state)
{
	struct rig *r = *state;
	use(r, "a", 1);
	assert_true(inboxes_hold(r->b, "a", &why));
	use(r, "b", 2);
	use(r, "c", 3);
	use(r, "d", 4);
	assert_true(is_there(r, "a"));
	assert_false(is_there(r, "b"));
	clock_freeze(BEGIN + 2 * AGE);
	inboxes_sweep(r->b);
	assert_true(is_there(r, "a"));
	assert_int_equal(inboxes_count(r->b), 1);
	inboxes_release(r->b, "a"); /* that was a use */
	inboxes_sweep(r->b);
	assert_true(is_there(r, "a"));
}

static void where_all_are_in_use_there_is_no_other(void **state)
{
	struct rig *r = *state;
	assert_true(inboxes_hold(r->b, "a", &why));
	assert_true(inboxes_hold(r->b, "b", &why));
	assert_true(inboxes_hold(r->b, "c", &why));
	assert_true(inboxes_hold(r->b, "c", &why));
	assert_false(inboxes_hold(r->b, "d", &why));
	assert_int_equal(why.kind, FAULT_FULL);
	inboxes_release(r->b, "c");
	assert_false(inboxes_hold(r->b, "d", &why));
	inboxes_release(r->b, "c");
	assert_true(inboxes_hold(r->b, "d", &why));
	inboxes_release(r->b, "a");
	inboxes_release(r->b, "b");
	inboxes_release(r->b, "d");
}

static void what_is_too_old_goes(void **state)
{
	struct rig *r = *state;
	use(r, "a", 0);
	use(r, "b", 10);
	clock_freeze(BEGIN + AGE - 1);
	inboxes_sweep(r->b);
	assert_true(is_there(r, "a"));
	clock_freeze(BEGIN + AGE);
	inboxes_sweep(r->b);
	assert_false(is_there(r, "a"));
	assert_true(is_there(r, "b"));
	use(r, "c", AGE + 10);
	assert_false(is_there(r, "b"));
}

/* Another program, such as `postroom mail`, or an editor that locks. */
static void one_with_a_session_of_another_program_stays(void **state)
{
	struct rig *r = *state;
	use(r, "a", 1);
	struct store *other = file_store_new(r->dir, "mailbox", &why);
	struct maildrop *m = other->ops->open(other, "a", "somebody", &why);
	assert_non_null(m);
	log_set_level(LOG_LEVEL_ERROR);
	clock_freeze(BEGIN + 2 * AGE);
	inboxes_sweep(r->b);
	assert_true(is_there(r, "a"));
	other->ops->close(m);
	other->ops->free(other);
	clock_freeze(BEGIN + 3 * AGE);
	inboxes_sweep(r->b);
	assert_false(is_there(r, "a"));
}

static void what_a_server_left_is_found_by_the_next(void **state)
{
	struct rig *r = *state;
	clock_freeze(0);
	for (const char *name = "a"; *name < 'd'; name = *name == 'a' ? "b" : *name == 'b' ? "c" : "d") {
		assert_true(inboxes_hold(r->b, name, &why));
		assert_true(r->store->ops->prepare(r->store, name, &why));
		inboxes_release(r->b, name);
	}
	close_inboxes(r);
	open_inboxes(r);
	assert_non_null(r->b);
	assert_int_equal(inboxes_count(r->b), 3);
}

static void a_directory_has_one_server(void **state)
{
	struct rig *r = *state;
	const struct inboxes_limits limits = { .most = MOST, .age = AGE };
	assert_null(inboxes_new(r->store, r->dir, &limits, &why));
	assert_int_equal(why.kind, FAULT_BUSY);
}

/* Or the mailboxes of a course would be removed for their age. */
static void a_directory_for_something_else_is_refused(void **state)
{
	struct rig *r = *state;
	const struct inboxes_limits limits = { .most = MOST, .age = AGE };
	close_inboxes(r);
	unlinkat(r->dir, ".catch-all", 0);
	assert_int_equal(mkdirat(r->dir, "alice", 0700), 0);
	r->store = file_store_new(r->dir, "mailbox", &why);
	r->b = inboxes_new(r->store, r->dir, &limits, &why);
	assert_null(r->b);
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_true(is_there(r, "alice"));
	assert_false(is_there(r, ".catch-all"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_one_unused_for_the_longest_time_makes_room),
		TEST(one_that_somebody_is_at_never_goes),
		TEST(where_all_are_in_use_there_is_no_other),
		TEST(what_is_too_old_goes),
		TEST(one_with_a_session_of_another_program_stays),
		TEST(what_a_server_left_is_found_by_the_next),
		TEST(a_directory_has_one_server),
		TEST(a_directory_for_something_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
