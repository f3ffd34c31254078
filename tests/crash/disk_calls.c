/*
 * disk_calls: the system's calls that name files, on the disk in memory. Each __wrap_ function is one: it is counted, may fail or kill the process, and is
 * recorded where it changes something. What is done with an open file stands in disk_file.c.
 */
#include "disk_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "turns.h"

/* The linker alone calls them, by names of its own. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

struct disk *disk;
static struct opened opened[OPENED_MAX];

void disk_use(struct disk *d)
{
	disk = d;
	disk_forget_descriptors();
}

void disk_forget_descriptors(void)
{
	memset(opened, 0, sizeof opened);
}

/* ---- calls ---- */

bool call_begin(enum disk_call kind, unsigned *part)
{
	struct disk_plan *plan = &disk->plan;
	turns_call(plan->turn_each || plan->turn_at == disk->calls + 1);
	disk->calls++;
	if (disk->calls < sizeof disk->kinds)
		disk->kinds[disk->calls] = (unsigned char)kind;
	if (plan->kill_before == disk->calls)
		_exit(DISK_KILLED);
	bool now = plan->fail_at == disk->calls;
	if (now) {
		disk->failing = true;
		disk->failed_kind = kind;
	}
	bool again = disk->failing && disk->failed_kind == kind && (plan->sticky || disk->half_failed);
	if (!now && !again)
		return true;
	disk->half_failed = now && plan->part > 0;
	if (plan->error == 0 || disk->half_failed) {
		*part = plan->part;
		return true;
	}
	errno = plan->error;
	return false;
}

void call_end(void)
{
	if (disk->plan.kill_after == disk->calls)
		_exit(DISK_KILLED);
}

void disk_touch(struct disk_node *n)
{
	disk->clock += 1000;
	n->modified = n->changed = disk->clock;
}

struct disk_op *disk_note(enum disk_what what, int node)
{
	static struct disk_op nowhere;
	if (!disk->recording)
		return &nowhere;
	if (disk->ops_count == DISK_OPS)
		disk_fatal("too many changes to record");
	struct disk_op *op = &disk->ops[disk->ops_count++];
	*op = (struct disk_op){ .what = what, .node = node };
	op->modified = disk->nodes[node].modified;
	op->changed = disk->nodes[node].changed;
	return op;
}

void disk_note_data(struct disk_op *op, const char *octets, size_t n)
{
	if (!disk->recording)
		return;
	if (disk->ops_data_len + n > DISK_OPS_DATA)
		disk_fatal("too much to record");
	op->at = disk->ops_data_len;
	op->len = n;
	memcpy(disk->ops_data + op->at, octets, n);
	disk->ops_data_len += n;
}

/* ---- descriptors ---- */

struct opened *opened_of(int fd)
{
	int i = fd - DISK_FD;
	if (i < 0 || i >= OPENED_MAX || !opened[i].used)
		return NULL;
	return &opened[i];
}

static int opened_give(int node)
{
	for (int i = 0; i < OPENED_MAX; i++) {
		if (opened[i].used)
			continue;
		opened[i] = (struct opened){ .used = true, .node = node, .description = disk->next_description++ };
		return DISK_FD + i;
	}
	disk_fatal("too many descriptors");
}

int disk_root(void)
{
	return opened_give(ROOT);
}

/* A file without a name and without a descriptor is gone; while changes are recorded its number is not given again. */
static void forget_nameless(int node)
{
	if (disk->recording || disk->nodes[node].directory || disk->nodes[node].links > 0)
		return;
	for (int i = 0; i < OPENED_MAX; i++) {
		if (opened[i].used && opened[i].node == node)
			return;
	}
	disk->nodes[node].used = false;
}

/* ---- names ---- */

static struct disk_entry *entry_of(int directory, const char *name)
{
	struct disk_node *d = &disk->nodes[directory];
	for (int e = 0; e < DISK_ENTRIES; e++) {
		if (d->entries[e].node >= 0 && strcmp(d->entries[e].name, name) == 0)
			return &d->entries[e];
	}
	return NULL;
}

static void enter(int directory, const char *name, int node)
{
	struct disk_node *d = &disk->nodes[directory];
	for (int e = 0; e < DISK_ENTRIES; e++) {
		if (d->entries[e].node >= 0)
			continue;
		snprintf(d->entries[e].name, DISK_NAME, "%s", name);
		d->entries[e].node = node;
		disk->nodes[node].links++;
		disk_touch(d);
		struct disk_op *op = disk_note(DISK_ENTER, directory);
		op->child = node;
		snprintf(op->name, DISK_NAME, "%s", name);
		return;
	}
	disk_fatal("too many names in a directory");
}

int directory_of(int dir, const char **name)
{
	struct opened *o = opened_of(dir);
	const char *slash = strchr(*name, '/');
	if (!o)
		disk_fatal("a name outside of the disk");
	if (!slash)
		return o->node;
	char first[DISK_NAME];
	snprintf(first, sizeof first, "%.*s", (int)(slash - *name), *name);
	*name = slash + 1;
	return disk_find(disk, o->node, first);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	unsigned part = 0;
	mode_t mode = 0;
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_list args;
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (!call_begin(CALL_OPEN, &part))
		return -1;
	const char *name = path;
	int parent = directory_of(dir, &name);
	if (parent < 0) {
		errno = ENOENT;
		return -1;
	}
	int node = strcmp(name, ".") == 0 ? parent : disk_find(disk, parent, name);
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		node = disk_new_node(disk, false, S_IFREG | (mode & 07777));
	} else if (node < 0 && (flags & O_CREAT)) {
		node = disk_new_node(disk, false, S_IFREG | (mode & 07777));
		enter(parent, name, node);
	} else if (node < 0) {
		errno = ENOENT;
		return -1;
	} else if ((flags & O_CREAT) && (flags & O_EXCL)) {
		errno = EEXIST;
		return -1;
	}
	if ((flags & O_TRUNC) && disk->nodes[node].size > 0)
		disk_fatal("O_TRUNC");
	if ((flags & O_DIRECTORY) && (flags & O_TMPFILE) != O_TMPFILE && !disk->nodes[node].directory) {
		errno = ENOTDIR;
		return -1;
	}
	int fd = opened_give(node);
	opened_of(fd)->path_only = flags & O_PATH;
	call_end();
	return fd;
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
	unsigned part = 0;
	(void)name;
	(void)flags;
	return call_begin(CALL_OPEN, &part) ? opened_give(disk_new_node(disk, false, S_IFREG | 0600)) : -1;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	unsigned part = 0;
	if (disk && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) {
		int fd = opened_give(ROOT);
		opened_of(fd)->boot_file = true;
		return fd;
	}
	if (!disk || strcmp(path, DISK_PATH) != 0)
		return __real_open(path, flags, 0600);
	return call_begin(CALL_OPEN, &part) ? opened_give(ROOT) : -1;
}

/* There are no links. */
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved)
{
	unsigned part = 0;
	size_t root = strlen(DISK_PATH);
	if (!disk || strncmp(path, DISK_PATH "/", root + 1) != 0)
		return __real_realpath(path, resolved);
	if (!call_begin(CALL_STAT, &part))
		return NULL;
	if (disk_find(disk, ROOT, path + root + 1) >= 0)
		return strdup(path);
	errno = ENOENT;
	return NULL;
}

int __real_close(int fd);
int __wrap_close(int fd)
{
	struct opened *o = opened_of(fd);
	if (!o)
		return __real_close(fd);
	for (int i = 0; i < DISK_LOCKS; i++) {
		if (disk->locks[i].used && disk->locks[i].description == o->description)
			disk->locks[i].used = false;
	}
	o->used = false;
	forget_nameless(o->node);
	return 0;
}

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	unsigned part = 0;
	if (!call_begin(CALL_NAME, &part))
		return -1;
	int parent = directory_of(dir, &name);
	if (disk_find(disk, parent, name) >= 0) {
		errno = EEXIST;
		return -1;
	}
	enter(parent, name, disk_new_node(disk, true, S_IFDIR | (mode & 07777)));
	call_end();
	return 0;
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	unsigned part = 0;
	(void)flags;
	if (!call_begin(CALL_NAME, &part))
		return -1;
	int parent = directory_of(dir, &name);
	struct disk_entry *entry = parent < 0 ? NULL : entry_of(parent, name);
	if (!entry) {
		errno = ENOENT;
		return -1;
	}
	struct disk_op *op = disk_note(DISK_LEAVE, parent);
	op->child = entry->node;
	snprintf(op->name, DISK_NAME, "%s", name);
	int node = entry->node;
	disk->nodes[node].links--;
	entry->node = -1;
	disk_touch(&disk->nodes[parent]);
	forget_nameless(node);
	call_end();
	return 0;
}

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	unsigned part = 0;
	(void)flags;
	if (!call_begin(CALL_NAME, &part))
		return -1;
	int parent = directory_of(from_dir, &from), target = directory_of(to_dir, &to);
	int node = disk_find(disk, parent, from);
	if (node < 0 || disk_find(disk, target, to) >= 0) {
		errno = node < 0 ? ENOENT : EEXIST;
		return -1;
	}
	enter(target, to, node);
	call_end();
	return 0;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	unsigned part = 0;
	if (!call_begin(CALL_NAME, &part))
		return -1;
	int parent = directory_of(from_dir, &from);
	if (parent != directory_of(to_dir, &to))
		disk_fatal("a rename into another directory");
	struct disk_entry *entry = entry_of(parent, from);
	if (!entry) {
		errno = ENOENT;
		return -1;
	}
	struct disk_entry *old = entry_of(parent, to);
	struct disk_op *op = disk_note(DISK_RENAME, parent);
	op->child = entry->node;
	snprintf(op->name, DISK_NAME, "%s", from);
	snprintf(op->to, DISK_NAME, "%s", to);
	if (old) {
		int replaced = old->node;
		disk->nodes[replaced].links--;
		old->node = entry->node;
		entry->node = -1;
		forget_nameless(replaced);
	} else {
		snprintf(entry->name, DISK_NAME, "%s", to);
	}
	disk_touch(&disk->nodes[parent]);
	call_end();
	return 0;
}
