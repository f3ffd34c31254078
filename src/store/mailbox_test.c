/*
 * mailbox_test: what a failed look at `.lock` does to the locks that are held on it.
 */
#include "store/mailbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/file_lab_suite.h"
#include "store/store.h"

/* In the place of libc's: so many looks at a `.lock` by its path fail. */
static int failing;

int statx(int dir, const char *restrict name, int flags, unsigned mask, struct statx *restrict x)
{
	if (failing > 0 && strstr(name, "/.lock")) {
		failing--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_statx, dir, name, flags, mask, x);
}

/* Alice's mailbox, in a session. */
static void enter(struct store *s, struct mailbox *m)
{
	struct fault why;
	assert_true(mailbox_open(m, file_store_place(s), "alice", &why));
	assert_true(mailbox_enter(m, "a test", &why));
}

static void a_session_keeps_its_lock_when_a_look_fails(void **state)
{
	struct mailbox m, other;
	struct fault why;
	enter(*state, &m);
	failing = 1;
	assert_false(mailbox_hold(&m, &why));
	assert_int_equal(failing, 0);
	assert_int_equal(why.kind, FAULT_TEMPORARY);
	assert_int_equal(why.error, EIO);
	assert_true(mailbox_open(&other, file_store_place(*state), "alice", &why));
	assert_false(mailbox_enter(&other, "another", &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	mailbox_close(&other);
	mailbox_close(&m);
}

static void a_hold_that_failed_holds_nobody_up(void **state)
{
	struct mailbox m;
	struct fault why;
	enter(*state, &m);
	failing = 1;
	assert_false(mailbox_hold(&m, &why));
	struct mailbox other;
	assert_true(mailbox_open(&other, file_store_place(*state), "alice", &why));
	assert_true(file_lock_is_free(other.lock, 1));
	assert_true(mailbox_hold(&m, &why));
	mailbox_let(&m);
	mailbox_close(&other);
	mailbox_close(&m);
}

static void a_lock_that_was_replaced_is_taken_anew(void **state)
{
	struct mailbox m, other;
	struct fault why;
	assert_true(mailbox_open(&m, file_store_place(*state), "alice", &why));
	assert_int_equal(unlink(file_lab_path("alice/.lock")), 0);
	assert_true(mailbox_open(&other, file_store_place(*state), "alice", &why));
	assert_true(mailbox_hold(&m, &why));
	assert_false(file_lock_is_free(other.lock, 1));
	mailbox_let(&m);
	mailbox_close(&other);
	mailbox_close(&m);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, file_lab_set_up, file_lab_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_STORE(a_session_keeps_its_lock_when_a_look_fails),
		IN_A_STORE(a_hold_that_failed_holds_nobody_up),
		IN_A_STORE(a_lock_that_was_replaced_is_taken_anew),
	};
	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
