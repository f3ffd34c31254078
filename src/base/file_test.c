/*
 * file_test: whole writes, locks between descriptions, no links followed; faults and log lines beside them.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

static char dir_name[] = "/tmp/file-test-XXXXXX";
static int dir;

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir_name))
		return -1;
	dir = open(dir_name, O_RDONLY | O_DIRECTORY);
	return dir >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	close(dir);
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", dir_name);
	return system(command);
}

static void many_vectors_are_written_whole(void **state)
{
	(void)state;
	enum { COUNT = 700 };
	static struct iovec vectors[COUNT];
	static char back[COUNT * 3 + 1];
	for (int i = 0; i < COUNT; i++)
		vectors[i] = (struct iovec){ .iov_base = (void *)"abc", .iov_len = i % 4 };
	size_t whole = 0;
	for (int i = 0; i < COUNT; i++)
		whole += vectors[i].iov_len;
	int fd = file_open(dir, "vectors", O_RDWR | O_CREAT, 0600);
	assert_true(file_write_vector(fd, vectors, COUNT, 5));
	assert_int_equal(file_read(fd, back, sizeof back, 5), whole);
	assert_memory_equal(back, "aababcaab", 9);
	close(fd);
}

static void copy_takes_any_place_and_stops_at_a_short_file(void **state)
{
	(void)state;
	char back[8] = "";
	int from = file_open(dir, "from", O_RDWR | O_CREAT, 0600);
	int to = file_open(dir, "to", O_RDWR | O_CREAT, 0600);
	assert_true(file_write(from, "0123456789", 10, 0));
	assert_true(file_copy(from, 3, to, 1, 4));
	assert_int_equal(file_read(to, back, 4, 1), 4);
	assert_memory_equal(back, "3456", 4);
	assert_false(file_copy(from, 8, to, 0, 10));
	close(from);
	close(to);
}

static void a_lock_excludes_other_descriptions(void **state)
{
	(void)state;
	int one = file_open(dir, "lock", O_RDWR | O_CREAT, 0600);
	int two = file_open(dir, "lock", O_RDWR, 0);
	assert_true(file_lock(one, 0, 0));
	assert_false(file_lock(two, 0, 0));
	assert_int_equal(errno, EAGAIN);
	assert_true(file_lock(two, 1, 0));
	assert_true(file_unlock(one, 0));
	assert_true(file_lock(two, 0, 0));
	close(two);
	assert_true(file_lock(one, 0, 0));
	close(one);
}

static void waiting_for_a_lock_has_an_end(void **state)
{
	(void)state;
	int one = file_open(dir, "lock", O_RDWR | O_CREAT, 0600);
	int two = file_open(dir, "lock", O_RDWR, 0);
	assert_true(file_lock(one, 0, 0));
	int64_t begun = clock_ms();
	assert_false(file_lock(two, 0, 300));
	assert_int_equal(errno, EAGAIN);
	assert_in_range(clock_ms() - begun, 300, 3000);
	close(one);
	assert_true(file_lock(two, 0, 300));
	close(two);
}

static void links_are_not_followed(void **state)
{
	(void)state;
	struct file_look look;
	assert_int_equal(symlinkat("lock", dir, "link"), 0);
	assert_int_equal(file_open(dir, "link", O_RDONLY, 0), -1);
	assert_int_equal(errno, ELOOP);
	assert_true(file_look_at(dir, "link", &look));
	assert_true(S_ISLNK(look.mode));
}

static void look_tells_a_replaced_file(void **state)
{
	(void)state;
	struct file_look before;
	struct file_look after;
	int fd = file_open(dir, "seen", O_RDWR | O_CREAT, 0600);
	assert_true(file_look(fd, &before));
	assert_true(file_look_at(dir, "seen", &after));
	assert_true(file_same(&before, &after));
	close(file_open(dir, "fresh", O_RDWR | O_CREAT, 0600));
	assert_int_equal(renameat(dir, "fresh", dir, "seen"), 0);
	assert_true(file_look_at(dir, "seen", &after));
	assert_false(file_same(&before, &after));
	assert_true(file_look(fd, &after));
	assert_int_equal(after.links, 0);
	close(fd);
}

static void errno_decides_what_kind_of_fault_it_is(void **state)
{
	(void)state;
	struct fault why;
	errno = ENOSPC;
	assert_false(fault_errno(&why, "write %s", "x"));
	assert_int_equal(why.kind, FAULT_FULL);
	assert_string_equal(why.text, "write x: No space left on device");
	errno = EIO;
	fault_errno(&why, "sync");
	assert_int_equal(why.kind, FAULT_TEMPORARY);
}

static void log_lines_cannot_be_forged(void **state)
{
	(void)state;
	char text[200] = "";
	int saved = dup(STDERR_FILENO);
	int pipe_ends[2];
	assert_int_equal(pipe(pipe_ends), 0);
	dup2(pipe_ends[1], STDERR_FILENO);
	log_warning("sender=%s", "a\nforged: line\x1b[2J");
	log_debug("left out");
	dup2(saved, STDERR_FILENO);
	ssize_t n = read(pipe_ends[0], text, sizeof text - 1);
	assert_true(n > 0);
	assert_string_equal(text, "postroom: warning: sender=a\\x0aforged: line\\x1b[2J\n");
	close(saved);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_vectors_are_written_whole),
		cmocka_unit_test(copy_takes_any_place_and_stops_at_a_short_file),
		cmocka_unit_test(a_lock_excludes_other_descriptions),
		cmocka_unit_test(waiting_for_a_lock_has_an_end),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(look_tells_a_replaced_file),
		cmocka_unit_test(errno_decides_what_kind_of_fault_it_is),
		cmocka_unit_test(log_lines_cannot_be_forged),
	};
	return cmocka_run_group_tests_name("file", tests, set_up, tear_down);
}
