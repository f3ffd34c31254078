/*
 * course: finds a course, among those compiled in or in a teacher's file, and has it read (course_file.c).
 */
#include "course/course.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/slice.h"
#include "course/course_file.h"
#include "course/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIST_MAX = 160 }; /* octets of a list of courses in an error; what is more is left out */

const char *const *course_names(void)
{
	return embedded_course_names;
}

void course_free(struct course *c)
{
	if (!c)
		return;
	arena_release(&c->memory);
	free(c);
}

static struct course *load_embedded(const struct embedded_course *e, struct fault *why)
{
	char file[64];
	snprintf(file, sizeof file, "courses/%s.conf", e->name);
	return course_file_parse(e->name, file, e->text, why);
}

static const struct embedded_course *find_embedded(const char *name)
{
	for (const struct embedded_course *e = embedded_courses; e->name; e++) {
		if (strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}

/* The file's text with a NUL behind it, in `text`. */
static bool read_text(int fd, const char *path, struct buf *text, struct fault *why)
{
	if (!buf_reserve(text, COURSE_FILE_MAX + 1))
		return fault_set(why, FAULT_TEMPORARY, "%s: out of memory", path);
	ssize_t n = file_read(fd, text->data, COURSE_FILE_MAX + 1, 0);
	if (n < 0)
		return fault_set(why, FAULT_PERMANENT, "cannot read the course file %s: %s", path, strerror(errno));
	if (n > COURSE_FILE_MAX)
		return fault_set(why, FAULT_PERMANENT, "%s: expected a course file of at most %d octets", path,
		                 COURSE_FILE_MAX);
	buf_grew(text, (size_t)n);
	if (slice_has(buf_slice(text), '\0'))
		return fault_set(why, FAULT_PERMANENT, "%s: expected a text file, found NUL octets", path);
	return buf_append_char(text, '\0');
}

/* A path's last part, without ".conf", as the course's name. */
static struct slice name_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct slice name = slice_str(slash ? slash + 1 : path);
	size_t ending = strlen(".conf");
	if (name.len > ending && memcmp(name.ptr + name.len - ending, ".conf", ending) == 0)
		name.len -= ending;
	return name;
}

static struct course *load_file(const char *path, struct fault *why)
{
	/* Not file_open(): the file is the operator's own, and may well be a symbolic link. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		fault_set(why, FAULT_PERMANENT, "cannot read the course file %s: %s", path, strerror(errno));
		return NULL;
	}
	struct buf text;
	buf_init(&text, COURSE_FILE_MAX + 2);
	char *name = slice_dup(name_of(path));
	struct course *c = NULL;
	if (!name)
		fault_set(why, FAULT_TEMPORARY, "%s: out of memory", path);
	else if (read_text(fd, path, &text, why))
		c = course_file_parse(name, path, text.data, why);
	free(name);
	buf_release(&text);
	file_close(fd);
	return c;
}

static void no_such_course(const char *name, struct fault *why)
{
	struct buf list;
	buf_init(&list, LIST_MAX);
	for (const char *const *n = embedded_course_names; *n; n++)
		buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", *n);
	fault_set(why, FAULT_PERMANENT, "no course \"%.40s\": expected one of %.*s, or the path of a course file", name,
	          SLICE_FMT(buf_slice(&list)));
	buf_release(&list);
}

struct course *course_load(const char *name, struct fault *why)
{
	if (strpbrk(name, "/."))
		return load_file(name, why);
	const struct embedded_course *e = find_embedded(name);
	if (e)
		return load_embedded(e, why);
	if (access(name, F_OK) == 0)
		return load_file(name, why);
	no_such_course(name, why);
	return NULL;
}

/* What course_detect() sees in a directory. */
struct sight {
	struct course *first; /* the first course whose users file is there */
	size_t count;         /* how many there are */
	struct buf present;   /* their users files, as text */
	struct buf all;       /* every course's users file, as text */
};

static void describe(struct buf *list, const char *joint, const struct course *c)
{
	buf_printf(list, "%s%s (course %s)", list->len > 0 ? joint : "", c->users_file, c->name);
}

/* False: a course could not be read. */
static bool look(int dir, struct sight *sight, struct fault *why)
{
	for (const struct embedded_course *e = embedded_courses; e->name; e++) {
		struct course *c = load_embedded(e, why);
		struct stat st;
		if (!c)
			return false;
		if (c->users_file)
			describe(&sight->all, ", ", c);
		bool present = c->users_file && fstatat(dir, c->users_file, &st, 0) == 0;
		if (present)
			describe(&sight->present, " and ", c);
		if (present && sight->count++ == 0)
			sight->first = c;
		else
			course_free(c);
	}
	return true;
}

struct course *course_detect(int dir, const char *dir_name, struct fault *why)
{
	struct sight sight = { .first = NULL };
	buf_init(&sight.present, LIST_MAX);
	buf_init(&sight.all, LIST_MAX);
	bool ok = look(dir, &sight, why);
	if (ok && sight.count == 0)
		ok = fault_set(why, FAULT_TEMPORARY,
		               "no users file in %.60s: looked for %.*s; create one, or say --dir DIR", dir_name,
		               SLICE_FMT(buf_slice(&sight.all)));
	else if (ok && sight.count > 1)
		ok = fault_set(why, FAULT_PERMANENT, "more than one users file in %.60s: %.*s; say --course NAME",
		               dir_name, SLICE_FMT(buf_slice(&sight.present)));
	if (!ok) {
		course_free(sight.first);
		sight.first = NULL;
	}
	buf_release(&sight.present);
	buf_release(&sight.all);
	return sight.first;
}

/* The name of the first built-in course of which `fits` holds, or NULL. */
static const char *first_that(bool (*fits)(const struct course *c, const char *argument), const char *argument)
{
	for (const struct embedded_course *e = embedded_courses; e->name; e++) {
		struct fault why;
		struct course *c = load_embedded(e, &why);
		bool found = c && fits(c, argument);
		course_free(c);
		if (found)
			return e->name;
	}
	return NULL;
}

static bool has_program(const struct course *c, const char *name)
{
	for (size_t i = 0; i < c->programs_len; i++) {
		if (strcmp(c->programs[i].name, name) == 0)
			return true;
	}
	return false;
}

const char *course_of_program(const char *path)
{
	const char *slash = strrchr(path, '/');
	return first_that(has_program, slash ? slash + 1 : path);
}

static bool says_default(const struct course *c, const char *argument)
{
	(void)argument;
	return c->is_default;
}

const char *course_default(void)
{
	const char *name = first_that(says_default, NULL);
	return name ? name : embedded_courses[0].name;
}
