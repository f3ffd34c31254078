/*
 * Aliases files of any octets: reading ends, whoever a name leads to is a user, each once, and no more than may be.
 */
#include "auth/aliases.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const spelled[] = { "alice", "Bob", "c" };

enum { USERS = sizeof spelled / sizeof spelled[0] };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void look_at_report(const char *text)
{
	check(text[0] >= '0' && text[0] <= '9' && strstr(text, ": "));
}

static void take(void *owner, const char *user)
{
	unsigned *seen = owner, bit = 0;
	while (bit < USERS && strcmp(spelled[bit], user) != 0)
		bit++;
	check(bit < USERS && !(*seen >> bit & 1));
	*seen |= 1U << bit;
}

/* A file in memory; it has a name in the directory `open_files` as long as it is open. */
static int file_of(const void *octets, size_t size, char name[16])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	check(fd >= 0 && write(fd, octets, size) == (ssize_t)size);
	snprintf(name, 16, "%d", fd);
	return fd;
}

static void look_up(struct aliases *a, struct slice name)
{
	unsigned seen = 0, count = 0;
	size_t said = aliases_resolve(a, name, take, &seen);
	for (unsigned bit = 0; bit < USERS; bit++)
		count += seen >> bit & 1;
	check(said == count);
}

static void look_up_all(struct aliases *a, struct slice text)
{
	while (!slice_empty(text)) {
		size_t end = slice_find(text, '\n');
		struct slice line = slice_make(text.ptr, end);
		struct slice name = slice_word(&line);
		look_up(a, name);
		if (!slice_empty(name))
			look_up(a, slice_make(name.ptr, name.len - 1));
		text = slice_skip(text, end < text.len ? end + 1 : end);
	}
}

static struct users *open_users(int open_files)
{
	static const char names[] = "alice pw\nBob pw\nc pw\n";
	const struct users_form form = { .separator = ' ' };
	struct fault why;
	char name[16];
	int fd = file_of(names, strlen(names), name);
	struct users *users = users_open(open_files, "open", name, &form, NULL, &why);
	check(users != NULL);
	close(fd);
	return users;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int open_files;
	static struct users *users;
	struct fault why;
	char name[16];
	if (!users) {
		open_files = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		check(open_files >= 0);
		users = open_users(open_files);
	}
	int fd = file_of(data, size, name);
	struct aliases *a = aliases_open(open_files, "open", name, users, look_at_report, &why);
	check(a != NULL);
	look_up_all(a, slice_make((const char *)data, size));
	aliases_free(a);
	close(fd);
	return 0;
}
