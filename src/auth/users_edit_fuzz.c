/*
 * A users file of any octets, and an edit of any name: what was not meant stays octet for octet, and who was added, changed or removed is found, or is not.
 *
 * The first octet: the file's form and the edit; then the name up to a NUL, and the file.
 */
#include "auth/users_edit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/users_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

static char dir[] = "/dev/shm/users-fuzz-XXXXXX";
static char path[sizeof dir + sizeof "/users.txt"];
static const char secret[] = "n3w-secret";
static const char mark[] = "\xef\xbb\xbf"; /* the byte order mark of some editors */

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void clear(void)
{
	remove(path);
	rmdir(dir);
}

static void make_place(void)
{
	if (path[0])
		return;
	check(mkdtemp(dir) != NULL);
	snprintf(path, sizeof path, "%s/users.txt", dir);
	atexit(clear);
}

static void put(struct slice text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	check(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len);
	close(fd);
}

static struct slice get(void)
{
	static char text[TEXT_MAX];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
	check(n >= 0 && n < TEXT_MAX);
	close(fd);
	return slice_make(text, (size_t)n);
}

static void look_at_report(const char *text)
{
	check(text[0] != '\0');
}

/* Whether the name is there, and (may be NULL) with the new secret. */
static bool is_there(const struct users_edit *edit, struct slice text, bool *with_secret)
{
	struct users_entry e;
	char *copy = malloc(text.len + 1);
	check(copy != NULL);
	memcpy(copy, text.ptr, text.len);
	struct users_table *t = users_table_new(copy, text.len, &edit->form, "users", look_at_report);
	check(t != NULL);
	bool found = users_table_find(t, edit->name, &e);
	*with_secret = found && slice_equal_text(e.secret, secret);
	users_table_release(t);
	return found;
}

static bool next_line(struct slice *rest, struct slice *line)
{
	size_t end = slice_find(*rest, '\n');
	*line = slice_make(rest->ptr, end);
	bool any = rest->len > 0;
	*rest = slice_skip(*rest, end + 1);
	return any;
}

/* Removing takes whole lines away, and leaves the others in their order. A byte order mark is of no line. */
static void check_lines_left(struct slice before, struct slice after)
{
	struct slice old, left;
	if (slice_starts_nocase(before, mark)) {
		check(slice_starts_nocase(after, mark));
		before = slice_skip(before, strlen(mark));
		after = slice_skip(after, strlen(mark));
	}
	while (next_line(&after, &left)) {
		bool met = false;
		while (!met && next_line(&before, &old))
			met = slice_equal(old, left);
		check(met);
	}
}

static void check_done(const struct users_edit *edit, int what, struct slice before)
{
	struct slice after = get();
	bool with_secret, there = is_there(edit, after, &with_secret);
	check(there == (what != 2) && with_secret == there);
	if (what == 0)
		check(after.len > before.len && (before.len == 0 || memcmp(after.ptr, before.ptr, before.len) == 0));
	if (what == 2)
		check_lines_left(before, after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool (*const edits[])(const struct users_edit *, struct fault *) = { users_edit_add, users_edit_change,
		                                                                    users_edit_remove };
	struct fault why;
	if (size == 0 || size > TEXT_MAX / 2)
		return 0;
	make_place();
	struct slice rest = slice_make((const char *)data + 1, size - 1);
	struct slice name = slice_make(rest.ptr, slice_find(rest, '\0'));
	struct slice before = slice_skip(rest, name.len + 1);
	const struct users_edit edit = {
		.path = path,
		.form = { .separator = data[0] & 4 ? ',' : ' ', .schemes = data[0] & 8 },
		.name = name,
		.secret = secret,
	};
	put(before);
	if (edits[(data[0] & 3) % 3](&edit, &why))
		check_done(&edit, (data[0] & 3) % 3, before);
	else
		check(why.text[0] && slice_equal(get(), before));
	return 0;
}
