/*
 * file_lab_suite: see file_lab_suite.h.
 */
#include "store/file_lab_suite.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
int file_lab_root = -1;
static struct fault why;

struct store *file_lab_reopen(void)
{
	return file_store_new(file_lab_root, "mymailbox", &why);
}

struct store *file_lab_make(void)
{
	snprintf(root, sizeof root, "/tmp/file-store-XXXXXX");
	assert_non_null(mkdtemp(root));
	file_lab_root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(file_lab_root >= 0);
	return file_lab_reopen();
}

int file_lab_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

void file_lab_wipe(void)
{
	close(file_lab_root);
	nftw(root, file_lab_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int file_lab_set_up(void **state)
{
	*state = file_lab_make();
	return 0;
}

int file_lab_tear_down(void **state)
{
	struct store *s = *state;
	s->ops->free(s);
	file_lab_wipe();
	return 0;
}

const char *file_lab_path(const char *name)
{
	static char paths[2][128];
	static size_t turn;
	char *path = paths[turn++ % 2];
	snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

void file_lab_write_octets(const char *name, const char *mode, const char *text, size_t n)
{
	FILE *f = fopen(file_lab_path(name), mode);
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

void file_lab_write(const char *name, const char *mode, const char *text)
{
	file_lab_write_octets(name, mode, text, strlen(text));
}

void file_lab_expect(const char *name, const char *text)
{
	char got[4096] = "";
	FILE *f = fopen(file_lab_path(name), "r");
	assert_non_null(f);
	size_t n = fread(got, 1, sizeof got - 1, f);
	fclose(f);
	got[n] = '\0';
	assert_string_equal(got, text);
}

bool file_lab_has(const char *name)
{
	return access(file_lab_path(name), F_OK) == 0;
}
