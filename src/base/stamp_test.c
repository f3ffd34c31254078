/*
 * stamp: what is seen of a file that was written to, replaced or removed, and what cannot be.
 */
#include "base/stamp.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int enter(void **state)
{
	static char path[40];
	strcpy(path, "/tmp/stamp_test.XXXXXX");
	*state = path;
	return !mkdtemp(path) || chdir(path) != 0;
}

static int leave(void **state)
{
	static const char *const files[] = { "file", "other", "link" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(files[i]);
	return chdir("/") != 0 || rmdir(*state) != 0;
}

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static bool is_unchanged(const struct stamp *before)
{
	struct stamp now = stamp_at(AT_FDCWD, "file");
	return stamp_same(&now, before);
}

static void whatever_becomes_of_a_settled_file_shows(void **state)
{
	(void)state;
	put("file", "one");
	stamp_settle();
	struct stamp before = stamp_at(AT_FDCWD, "file");
	assert_false(stamp_young(&before));
	assert_true(is_unchanged(&before));
	put("file", "two"); /* in place, and as long */
	struct stamp after = stamp_at(AT_FDCWD, "file");
	assert_false(stamp_same(&before, &after));
	assert_true(stamp_same_file(&before, &after));
	put("other", "two");
	assert_int_equal(rename("other", "file"), 0);
	assert_false(is_unchanged(&after));
	struct stamp other = stamp_at(AT_FDCWD, "file");
	assert_false(stamp_same_file(&after, &other));
}

static void a_file_that_is_not_there_is_no_file_and_not_young(void **state)
{
	(void)state;
	struct stamp none = stamp_at(AT_FDCWD, "file");
	assert_true(stamp_same(&none, &(struct stamp){ 0 }));
	assert_false(stamp_young(&none));
	put("file", "");
	assert_false(is_unchanged(&none));
}

static void a_file_is_young_for_a_moment(void **state)
{
	(void)state;
	put("file", "one");
	struct stamp s = stamp_at(AT_FDCWD, "file");
	assert_true(stamp_young(&s));
	s.changed.tv_sec += 3600; /* the clock was set back */
	assert_false(stamp_young(&s));
	s.changed.tv_sec -= 7200;
	assert_false(stamp_young(&s));
}

static void a_link_is_followed(void **state)
{
	(void)state;
	put("file", "one");
	assert_int_equal(symlink("file", "link"), 0);
	struct stamp there = stamp_at(AT_FDCWD, "link");
	assert_true(is_unchanged(&there));
}

#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(whatever_becomes_of_a_settled_file_shows),
		IN_OWN_DIRECTORY(a_file_that_is_not_there_is_no_file_and_not_young),
		IN_OWN_DIRECTORY(a_file_is_young_for_a_moment),
		IN_OWN_DIRECTORY(a_link_is_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
