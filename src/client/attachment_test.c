/*
 * No name in a mail leads out of the directory, hides a file, or touches one that is there.
 */
#include "client/attachment.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void becomes_slice(struct slice name, const char *expected)
{
	char safe[ATTACHMENT_NAME_MAX + 1];

	attachment_name(name, 3, safe);
	assert_string_equal(safe, expected);
}

static void becomes(const char *name, const char *expected)
{
	becomes_slice(slice_str(name), expected);
}

static void only_the_last_part_of_a_path_counts(void **state)
{
	(void)state;
	becomes("report.pdf", "report.pdf");
	becomes("../../.bashrc", "bashrc");
	becomes("/etc/passwd", "passwd");
	becomes("C:\\Windows\\a.exe", "a.exe");
	becomes("dir/", "attachment-3");
	becomes("..", "attachment-3");
	becomes(".", "attachment-3");
	becomes("", "attachment-3");
}

static void leading_dots_and_dashes_go(void **state)
{
	(void)state;
	becomes("-rf", "rf");
	becomes(" .-.hidden", "hidden");
	becomes("\x1B.hidden", "hidden");
	becomes("name. . ", "name");
}

static void control_characters_and_signs_of_the_shell_go(void **state)
{
	(void)state;
	becomes("a\x1B[2J\n\tb\x7F", "a[2Jb");
	becomes("|cmd;$(x)`y`*?\"<>&:'", "_cmd__(x)_y_________");
	becomes_slice(slice_make("a\0b.sh", 6), "ab.sh");
	becomes("\xC2\x9B"
	        "a\xE2\x80\xAE"
	        "b\xE2\x81\xA6\xD8\x9C"
	        "c",
	        "abc");
	becomes("\xFF.txt", "_.txt");
	becomes("\xC3\x84rger \xE2\x82\xAC.txt", "\xC3\x84rger \xE2\x82\xAC.txt");
}

static void a_long_name_is_cut_at_a_character(void **state)
{
	(void)state;
	char name[1024] = "", safe[ATTACHMENT_NAME_MAX + 1];

	for (size_t i = 0; i + 2 < sizeof name; i += 2)
		memcpy(name + i, "\xC3\xA4", 2);
	attachment_name(slice_str(name), 1, safe);
	assert_int_equal(strlen(safe), ATTACHMENT_NAME_MAX - 8);
}

/* ---- files ---- */

struct place {
	char path[32];
	int dir;
	struct mime_view view;
};

static int set_up(void **state)
{
	static const char mail[] = "MIME-Version: 1.0\nContent-Type: application/x; name=\"../a.txt\"\n\nnew";
	struct place *p = calloc(1, sizeof *p);

	snprintf(p->path, sizeof p->path, "/tmp/attachment.XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->dir = open(p->path, O_RDONLY | O_DIRECTORY);
	mime_view_init(&p->view);
	*state = p;
	return mime_view_make(&p->view, slice_str(mail)) && p->view.count == 1 ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "a.txt", "a-2.txt", "a-3.txt", "b" };
	struct place *p = *state;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlinkat(p->dir, names[i], 0);
	mime_view_release(&p->view);
	close(p->dir);
	int status = rmdir(p->path);
	free(p);
	return status;
}

static void saves_as(struct place *p, const char *expected)
{
	char name[ATTACHMENT_NAME_MAX + 1], octets[8];
	struct stat look;
	struct fault why;

	assert_true(attachment_save(&p->view, 0, p->dir, name, &why));
	assert_string_equal(name, expected);
	int fd = openat(p->dir, name, O_RDONLY | O_NOFOLLOW);
	assert_int_equal(read(fd, octets, sizeof octets), 3);
	assert_memory_equal(octets, "new", 3);
	assert_int_equal(fstat(fd, &look), 0);
	assert_int_equal(look.st_mode & 0777, 0600);
	close(fd);
}

static void a_name_that_is_taken_gets_a_number(void **state)
{
	saves_as(*state, "a.txt");
	saves_as(*state, "a-2.txt");
	saves_as(*state, "a-3.txt");
}

static void a_link_is_not_followed(void **state)
{
	struct place *p = *state;
	struct stat look;

	assert_int_equal(symlinkat("b", p->dir, "a.txt"), 0);
	saves_as(p, "a-2.txt");
	assert_int_equal(fstatat(p->dir, "b", &look, 0), -1);
}

static void a_directory_that_cannot_be_written_is_told(void **state)
{
	struct place *p = *state;
	char name[ATTACHMENT_NAME_MAX + 1];
	struct fault why = { .kind = FAULT_NONE };

	assert_false(attachment_save(&p->view, 0, -1, name, &why));
	assert_int_not_equal(why.kind, FAULT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_last_part_of_a_path_counts),
		cmocka_unit_test(leading_dots_and_dashes_go),
		cmocka_unit_test(control_characters_and_signs_of_the_shell_go),
		cmocka_unit_test(a_long_name_is_cut_at_a_character),
		cmocka_unit_test_setup_teardown(a_name_that_is_taken_gets_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_written_is_told, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
