/*
 * retention_test: which mailboxes are looked at, and when none is.
 */
#include "server/retention.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "auth/users.h"
#include "base/clock.h"
#include "store/file_lab_suite.h"
#include "store/store_suite.h"

enum { BEGIN = 2000000000, AGE = 1000, UNDELETE = 300 };

struct rig {
	struct store *store;
	struct users *users;
	struct retention *r;
};

static struct fault why;

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof *rig);
	clock_freeze(BEGIN);
	rig->store = file_lab_make();
	rig->users = users_open_any(&why);
	assert_non_null(rig->users);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	retention_free(rig->r);
	users_free(rig->users);
	rig->store->ops->free(rig->store);
	file_lab_wipe();
	free(rig);
	clock_freeze(0);
	return 0;
}

static void keep(struct rig *rig, struct retention_limits limits)
{
	rig->r = retention_new(rig->store, file_lab_root, rig->users, &limits);
	assert_non_null(rig->r);
	rig->store->undelete = limits.undelete;
}

static size_t count(struct rig *rig, const char *user)
{
	struct maildrop *m = suite_open(rig->store, user);
	size_t n = m->ops->count(m);
	m->ops->close(m);
	return n;
}

/* So that a look would be seen. */
static void make_unreadable(const char *user)
{
	char name[80];
	snprintf(name, sizeof name, "%s/.lock", user);
	unlink(file_lab_path(name));
	assert_int_equal(mkdir(file_lab_path(name), 0700), 0);
}

static void mend(const char *user)
{
	char name[80];
	snprintf(name, sizeof name, "%s/.lock", user);
	rmdir(file_lab_path(name));
}

static void mail_that_was_there_before_and_mail_that_comes_goes_when_it_is_old(void **state)
{
	struct rig *rig = *state;
	suite_deliver(rig->store, "alice", "one\n");
	clock_freeze(BEGIN + 10);
	keep(rig, (struct retention_limits){ .age = AGE });
	retention_sweep(rig->r);
	suite_deliver(rig->store, "bob", "two\n");
	retention_note(rig->r, "bob");
	retention_sweep(rig->r);
	clock_freeze(BEGIN + AGE);
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "alice"), 0);
	assert_int_equal(count(rig, "bob"), 1);
	clock_freeze(BEGIN + AGE + 10);
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "bob"), 0);
}

static void mailboxes_that_could_not_be_listed_are_listed_later(void **state)
{
	struct rig *rig = *state;
	struct rlimit was;
	suite_deliver(rig->store, "alice", "one\n");
	clock_freeze(BEGIN + AGE);
	keep(rig, (struct retention_limits){ .age = AGE });
	getrlimit(RLIMIT_NOFILE, &was);
	const struct rlimit none = { .rlim_cur = 0, .rlim_max = was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	retention_sweep(rig->r);
	setrlimit(RLIMIT_NOFILE, &was);
	assert_int_equal(count(rig, "alice"), 1);
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "alice"), 0);
}

static void nothing_is_looked_at_before_it_can_be_due(void **state)
{
	struct rig *rig = *state;
	suite_deliver(rig->store, "alice", "one\n");
	keep(rig, (struct retention_limits){ .age = AGE, .undelete = UNDELETE });
	retention_sweep(rig->r);
	/* A look at a mailbox without a lock that can be opened fails, and the next comes an hour later. */
	make_unreadable("alice");
	clock_freeze(BEGIN + UNDELETE - 1);
	retention_note(rig->r, "alice");
	retention_sweep(rig->r);
	mend("alice");
	suite_remove(rig->store, "alice", 0);
	clock_freeze(BEGIN + 2 * UNDELETE);
	retention_sweep(rig->r);
	file_lab_expect("alice/mymailbox", "");
}

static void too_much_is_seen_with_the_mail_that_makes_it_so(void **state)
{
	struct rig *rig = *state;
	keep(rig, (struct retention_limits){ .size = 12 });
	retention_sweep(rig->r);
	for (int i = 0; i < 4; i++) {
		suite_deliver(rig->store, "alice", "one\n");
		retention_note(rig->r, "alice");
		retention_sweep(rig->r);
		assert_int_equal(count(rig, "alice"), i < 2 ? i + 1 : 2);
	}
}

static void a_session_makes_it_wait(void **state)
{
	struct rig *rig = *state;
	suite_deliver(rig->store, "alice", "one\n");
	keep(rig, (struct retention_limits){ .age = AGE });
	clock_freeze(BEGIN + AGE);
	struct maildrop *m = suite_open(rig->store, "alice");
	retention_sweep(rig->r);
	suite_expect(m, 0, "one\n");
	m->ops->close(m);
	assert_int_equal(count(rig, "alice"), 1);
	clock_freeze(BEGIN + AGE + 1);
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "alice"), 0);
}

static void other_limits_hold_at_once(void **state)
{
	struct rig *rig = *state;
	suite_deliver(rig->store, "alice", "one\n");
	keep(rig, (struct retention_limits){ .age = 0 });
	retention_note(rig->r, "alice");
	clock_freeze(BEGIN + AGE);
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "alice"), 1);
	retention_set(rig->r, &(struct retention_limits){ .age = AGE });
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "alice"), 0);
}

static void many_mailboxes_are_each_looked_at_in_their_time(void **state)
{
	struct rig *rig = *state;
	char name[16];
	keep(rig, (struct retention_limits){ .age = AGE });
	for (int i = 0; i < 100; i++) {
		clock_freeze(BEGIN + i * 37 % 100);
		snprintf(name, sizeof name, "user%d", i);
		suite_deliver(rig->store, name, "one\n");
		retention_note(rig->r, name);
		if (i % 3 == 0)
			retention_sweep(rig->r);
	}
	for (int at = 0; at < 100; at++) {
		clock_freeze(BEGIN + AGE + at);
		retention_sweep(rig->r);
		for (int i = at % 10; i < 100; i += 10) {
			snprintf(name, sizeof name, "user%d", i);
			assert_int_equal(count(rig, name), i * 37 % 100 > at);
		}
	}
}

static void a_mailbox_that_is_gone_is_forgotten(void **state)
{
	struct rig *rig = *state;
	keep(rig, (struct retention_limits){ .age = AGE });
	for (const char *const *name = (const char *const[]){ "a", "b", "c", "d", NULL }; *name; name++) {
		suite_deliver(rig->store, *name, "one\n");
		retention_note(rig->r, *name);
	}
	assert_true(rig->store->ops->discard(rig->store, "b", &why));
	assert_true(rig->store->ops->discard(rig->store, "d", &why));
	retention_sweep(rig->r);
	assert_false(file_lab_has("b"));
	suite_deliver(rig->store, "b", "two\n");
	retention_note(rig->r, "b");
	clock_freeze(BEGIN + AGE);
	retention_sweep(rig->r);
	assert_int_equal(count(rig, "b"), 0);
	assert_int_equal(count(rig, "c"), 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(mail_that_was_there_before_and_mail_that_comes_goes_when_it_is_old),
		TEST(mailboxes_that_could_not_be_listed_are_listed_later),
		TEST(nothing_is_looked_at_before_it_can_be_due),
		TEST(too_much_is_seen_with_the_mail_that_makes_it_so),
		TEST(a_session_makes_it_wait),
		TEST(other_limits_hold_at_once),
		TEST(many_mailboxes_are_each_looked_at_in_their_time),
		TEST(a_mailbox_that_is_gone_is_forgotten),
	};
	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
