/*
 * How a course is found. The embedded courses are this test's own: its arrays stand in for those that are built from courses/, so
 * that there are several, one of them broken where a test wants it.
 */
#include "course/course.h"

#include "course/embedded.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

const struct embedded_course embedded_courses[] = {
	{ "blue", "users_file = \"blue.txt\"\nmailbox = \"box\"\n" },
	{ "grey", "registration = true\nprogram_name rain { program = smtpmail }\n" },
	{ "red", "users_file = \"red.txt\"\nmailbox = \"box\"\nseparator = comma\ndefault = true\n"
	         "program_name red_in { program = smtpmail }\nprogram_name red_out { program = popserver }\n" },
	{ NULL, NULL },
};
const char *const embedded_course_names[] = { "blue", "grey", "red", NULL };

/* A directory of the test's own, and the current one while it runs. */
struct place {
	char path[40];
	int dir;
};

static int enter(void **state)
{
	static struct place place;
	strcpy(place.path, "/tmp/course_test.XXXXXX");
	if (!mkdtemp(place.path) || chdir(place.path) != 0)
		return -1;
	place.dir = open(".", O_RDONLY | O_DIRECTORY);
	*state = &place;
	return place.dir < 0;
}

static int leave(void **state)
{
	struct place *place = *state;
	static const char *const files[] = { "my.conf",  "mine",      "blue",    "nul.conf",
		                             "big.conf", "full.conf", "red.txt", "blue.txt" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		remove(files[i]);
	close(place->dir);
	return chdir("/") != 0 || rmdir(place->path) != 0;
}

static void put(const char *file, const char *text, size_t n)
{
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void put_text(const char *file, const char *text)
{
	put(file, text, strlen(text));
}

static void loads(const char *name, const char *course, const char *users_file)
{
	struct fault why;
	struct course *c = course_load(name, &why);
	if (!c) {
		fail_msg("%s", why.text);
		return;
	}
	assert_string_equal(c->name, course);
	assert_string_equal(c->users_file, users_file);
	course_free(c);
}

static void fails(const char *name, const char *text)
{
	struct fault why = { .kind = FAULT_NONE };
	assert_null(course_load(name, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_string_equal(why.text, text);
}

static void course_is_loaded_by_its_name(void **state)
{
	(void)state;
	loads("blue", "blue", "blue.txt");
	loads("red", "red", "red.txt");
}

static void file_is_loaded_by_its_path(void **state)
{
	(void)state;
	put_text("my.conf", "users_file = u\nmailbox = m\n");
	loads("my.conf", "my", "u");
	loads("./my.conf", "my", "u");
	put_text("mine", "users_file = u2\nmailbox = m\n");
	loads("mine", "mine", "u2");
}

static void built_in_course_stands_before_a_file_of_its_name(void **state)
{
	(void)state;
	put_text("blue", "users_file = other\nmailbox = m\n");
	loads("blue", "blue", "blue.txt");
	loads("./blue", "blue", "other");
}

static void unknown_course_lists_those_that_there_are(void **state)
{
	(void)state;
	fails("green", "no course \"green\": expected one of blue, grey, red, or the path of a course file");
	fails("green.conf", "cannot read the course file green.conf: No such file or directory");
	fails("/", "cannot read the course file /: Is a directory");
}

static void error_begins_with_the_file_as_it_was_named(void **state)
{
	(void)state;
	put_text("my.conf", "users_file = u\n\nmailbox = \"a/b\"\n");
	fails("./my.conf", "./my.conf:3: bad value \"a/b\" for mailbox: expected a plain file name, without / and not "
	                   "beginning with a full stop");
}

static void file_that_is_no_course_file_is_refused(void **state)
{
	(void)state;
	static char big[COURSE_FILE_MAX + 1];
	put("nul.conf", "users_file = u\0\n", 16);
	fails("nul.conf", "nul.conf: expected a text file, found NUL octets");
	memset(big, '\n', sizeof big);
	put("big.conf", big, sizeof big);
	fails("big.conf", "big.conf: expected a course file of at most 65536 octets");
	memcpy(big, "users_file = u\nmailbox = m\n", 27);
	put("full.conf", big, sizeof big - 1);
	loads("full.conf", "full", "u");
}

static void users_file_decides_which_course_it_is(void **state)
{
	struct place *place = *state;
	struct fault why;
	put_text("red.txt", "");
	struct course *c = course_detect(place->dir, ".", &why);
	assert_non_null(c);
	assert_string_equal(c->name, "red");
	course_free(c);
}

static void two_users_files_are_both_named(void **state)
{
	struct place *place = *state;
	struct fault why;
	put_text("red.txt", "");
	put_text("blue.txt", "");
	assert_null(course_detect(place->dir, "lab", &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_string_equal(why.text,
	                    "more than one users file in lab: blue.txt (course blue) and red.txt (course red); say "
	                    "--course NAME");
}

static void without_users_file_those_looked_for_are_named(void **state)
{
	struct place *place = *state;
	struct fault why;
	assert_null(course_detect(place->dir, "lab", &why));
	assert_int_equal(why.kind, FAULT_TEMPORARY);
	assert_string_equal(why.text,
	                    "no users file in lab: looked for blue.txt (course blue), red.txt (course red); create "
	                    "one, or say --dir DIR");
}

static void further_name_of_a_program_implies_its_course(void **state)
{
	(void)state;
	assert_string_equal(course_of_program("red_in"), "red");
	assert_string_equal(course_of_program("/usr/local/bin/red_out"), "red");
	assert_string_equal(course_of_program("./rain"), "grey");
	assert_null(course_of_program("build/smtpmail"));
	assert_null(course_of_program("red_in/smtpmail"));
	assert_null(course_of_program(""));
}

static void default_course_is_the_one_that_says_so(void **state)
{
	(void)state;
	assert_string_equal(course_default(), "red");
}

#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(course_is_loaded_by_its_name),
		IN_OWN_DIRECTORY(file_is_loaded_by_its_path),
		IN_OWN_DIRECTORY(built_in_course_stands_before_a_file_of_its_name),
		IN_OWN_DIRECTORY(unknown_course_lists_those_that_there_are),
		IN_OWN_DIRECTORY(error_begins_with_the_file_as_it_was_named),
		IN_OWN_DIRECTORY(file_that_is_no_course_file_is_refused),
		IN_OWN_DIRECTORY(users_file_decides_which_course_it_is),
		IN_OWN_DIRECTORY(two_users_files_are_both_named),
		IN_OWN_DIRECTORY(without_users_file_those_looked_for_are_named),
		cmocka_unit_test(further_name_of_a_program_implies_its_course),
		cmocka_unit_test(default_course_is_the_one_that_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
