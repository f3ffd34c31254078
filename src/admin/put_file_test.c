/*
 * Files that are put in their place: alone, and together.
 */
#include "admin/put_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static int dir;

static int enter(void **state)
{
	static char path[40];
	strcpy(path, "/tmp/put_file_test.XXXXXX");
	*state = path;
	if (!mkdtemp(path) || chdir(path) != 0)
		return -1;
	dir = open(".", O_RDONLY | O_DIRECTORY);
	return dir < 0;
}

static int leave(void **state)
{
	remove("a");
	remove("b");
	close(dir);
	return chdir("/") != 0 || rmdir(*state) != 0; /* nothing else is left */
}

static void has(const char *name, const char *text, mode_t mode)
{
	struct stat st;
	char buf[64] = "";
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_non_null(fgets(buf, sizeof buf, f));
	assert_string_equal(buf, text);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
	fclose(f);
}

static void new_file_never_takes_the_place_of_another(void **state)
{
	(void)state;
	struct fault why;
	assert_true(put_file(dir, "a", slice_str("one"), 0600, PUT_FILE_NEW, &why));
	assert_false(put_file(dir, "a", slice_str("two"), 0600, PUT_FILE_NEW, &why));
	assert_int_equal(why.error, EEXIST);
	has("a", "one", 0600);
	assert_true(put_file(dir, "a", slice_str("two"), 0644, PUT_FILE_REPLACE, &why));
	has("a", "two", 0644);
}

static void several_files_are_new_together_or_not_at_all(void **state)
{
	(void)state;
	struct fault why;
	struct put_file_part parts[] = { { "a", slice_str("one"), 0644 }, { "b", slice_str("one"), 0600 } };
	assert_true(put_files(dir, parts, 2, &why));
	parts[0].octets = slice_str("two");
	parts[1].name = "none/b";
	assert_false(put_files(dir, parts, 2, &why));
	assert_string_equal(why.text, "cannot write none/b: No such file or directory");
	has("a", "one", 0644);
	has("b", "one", 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_file_never_takes_the_place_of_another, enter, leave),
		cmocka_unit_test_setup_teardown(several_files_are_new_together_or_not_at_all, enter, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
