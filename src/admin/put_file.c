/*
 * put_file: write aside, sync, then take the name. See put_file.h.
 */
#include "admin/put_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

enum { NAME_BUFFER = 300 };

static bool write_aside(int dir, const char *aside, struct slice octets, mode_t mode)
{
	int fd = file_open(dir, aside, O_WRONLY | O_CREAT | O_EXCL, mode);
	if (fd < 0)
		return false;
	bool ok = fchmod(fd, mode) == 0 && file_write(fd, octets.ptr, octets.len, 0) && file_sync(fd);
	file_close(fd);
	return ok;
}

static bool take_name(int dir, const char *aside, const char *name, enum put_file_where where)
{
	if (where == PUT_FILE_REPLACE)
		return renameat(dir, aside, dir, name) == 0;
	return linkat(dir, aside, dir, name, 0) == 0; /* unlike rename, never in place of another */
}

static void drop(int dir, const char *aside)
{
	int saved = errno;
	unlinkat(dir, aside, 0);
	errno = saved;
}

static void name_aside(char aside[NAME_BUFFER], const char *name)
{
	snprintf(aside, NAME_BUFFER, ".%.200s.%ld", name, (long)getpid());
}

static bool prepare(int dir, const char *name, struct slice octets, mode_t mode)
{
	char aside[NAME_BUFFER];
	name_aside(aside, name);
	unlinkat(dir, aside, 0); /* an earlier process of this number may have died with it */
	return write_aside(dir, aside, octets, mode);
}

static bool place(int dir, const char *name, enum put_file_where where)
{
	char aside[NAME_BUFFER];
	name_aside(aside, name);
	return take_name(dir, aside, name, where);
}

static void clean(int dir, const char *name)
{
	char aside[NAME_BUFFER];
	name_aside(aside, name);
	drop(dir, aside);
}

bool put_file(int dir, const char *name, struct slice octets, mode_t mode, enum put_file_where where, struct fault *why)
{
	bool ok = prepare(dir, name, octets, mode) && place(dir, name, where);
	clean(dir, name);
	ok = ok && file_sync_directory(dir);
	return ok || fault_errno(why, "cannot write %s", name);
}

bool put_files(int dir, const struct put_file_part parts[], size_t count, struct fault *why)
{
	const char *at = "";
	bool ok = true;
	for (size_t i = 0; ok && i < count; i++)
		ok = prepare(dir, at = parts[i].name, parts[i].octets, parts[i].mode);
	for (size_t i = 0; ok && i < count; i++)
		ok = place(dir, at = parts[i].name, PUT_FILE_REPLACE);
	for (size_t i = 0; i < count; i++)
		clean(dir, parts[i].name);
	ok = ok && file_sync_directory(dir);
	return ok || fault_errno(why, "cannot write %s", at);
}
