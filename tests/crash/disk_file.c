/*
 * disk_file: the system's calls that look at, read, write, sync and lock a file, on the disk in memory. See disk_calls.c.
 */
#include "disk_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "turns.h"

/* The linker alone calls them, by names of its own. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* ---- looks ---- */

static void show(const struct disk_node *n, struct statx *x)
{
	memset(x, 0, sizeof *x);
	x->stx_mask = STATX_BASIC_STATS | STATX_BTIME;
	x->stx_mode = (uint16_t)n->access.mode;
	x->stx_nlink = n->links;
	x->stx_ino = n->inode;
	x->stx_size = n->size;
	x->stx_uid = n->access.owner;
	x->stx_gid = n->access.group;
	x->stx_btime.tv_sec = n->birth / 1000000000;
	x->stx_btime.tv_nsec = (uint32_t)(n->birth % 1000000000);
	x->stx_mtime.tv_sec = n->modified / 1000000000;
	x->stx_mtime.tv_nsec = (uint32_t)(n->modified % 1000000000);
	x->stx_ctime.tv_sec = n->changed / 1000000000;
	x->stx_ctime.tv_nsec = (uint32_t)(n->changed % 1000000000);
}

int __wrap_statx(int dir, const char *name, int flags, unsigned mask, struct statx *x)
{
	unsigned part = 0;
	(void)mask;
	if (!call_begin(CALL_STAT, &part))
		return -1;
	struct opened *o = opened_of(dir);
	int node = -1;
	if (o && (flags & AT_EMPTY_PATH) && !*name) {
		node = o->node;
	} else {
		int parent = directory_of(dir, &name);
		node = parent < 0 ? -1 : disk_find(disk, parent, name);
	}
	if (node < 0) {
		errno = ENOENT;
		return -1;
	}
	show(&disk->nodes[node], x);
	return 0;
}

static void show_old(const struct disk_node *n, struct stat *st)
{
	memset(st, 0, sizeof *st);
	st->st_mode = n->access.mode;
	st->st_ino = n->inode;
	st->st_size = (off_t)n->size;
	st->st_nlink = n->links;
	st->st_uid = n->access.owner;
	st->st_gid = n->access.group;
	st->st_mtim.tv_sec = n->modified / 1000000000;
	st->st_mtim.tv_nsec = n->modified % 1000000000;
	st->st_ctim.tv_sec = n->changed / 1000000000;
	st->st_ctim.tv_nsec = n->changed % 1000000000;
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	if (!o)
		return __real_fstat(fd, st);
	if (!call_begin(CALL_STAT, &part))
		return -1;
	show_old(&disk->nodes[o->node], st);
	return 0;
}

int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	unsigned part = 0;
	(void)flags;
	if (!call_begin(CALL_STAT, &part))
		return -1;
	int parent = directory_of(dir, &name);
	int node = parent < 0 ? -1 : disk_find(disk, parent, name);
	if (node < 0) {
		errno = ENOENT;
		return -1;
	}
	show_old(&disk->nodes[node], st);
	return 0;
}

/* ---- whose it is ---- */

static void note_access(int node)
{
	struct disk_node *n = &disk->nodes[node];
	disk->clock += 1000;
	n->changed = disk->clock;
	disk_note(DISK_ACCESS, node)->access = n->access;
	call_end();
}

int __wrap_fchown(int fd, uid_t owner, gid_t group)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	if (!o)
		disk_fatal("fchown() of another file");
	if (!call_begin(CALL_ACCESS, &part))
		return -1;
	disk->nodes[o->node].access.owner = owner;
	disk->nodes[o->node].access.group = group;
	note_access(o->node);
	return 0;
}

int __wrap_fchmod(int fd, mode_t mode)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	if (!o)
		disk_fatal("fchmod() of another file");
	if (!call_begin(CALL_ACCESS, &part))
		return -1;
	disk->nodes[o->node].access.mode = S_IFREG | (mode & 07777);
	note_access(o->node);
	return 0;
}

/* ---- octets ---- */

static ssize_t take(int node, char *octets, size_t n, off_t offset)
{
	const struct disk_node *f = &disk->nodes[node];
	if ((uint64_t)offset >= f->size)
		return 0;
	if (n > f->size - (uint64_t)offset)
		n = f->size - (uint64_t)offset;
	memcpy(octets, disk->data[node] + offset, n);
	return (ssize_t)n;
}

static size_t shortened(size_t n, unsigned part)
{
	if (part == 0 || n < 2)
		return n;
	return part == 1 ? 1 : n / 2;
}

static void put(int node, const char *octets, size_t n, off_t offset)
{
	struct disk_node *f = &disk->nodes[node];
	uint64_t end = (uint64_t)offset + n;
	if (end > DISK_NODE_MAX)
		disk_fatal("a file too large");
	if ((uint64_t)offset > f->size)
		memset(disk->data[node] + f->size, 0, (size_t)offset - f->size);
	memcpy(disk->data[node] + offset, octets, n);
	if (end > f->size)
		f->size = end;
	disk_touch(f);
	struct disk_op *op = disk_note(DISK_WRITE, node);
	op->offset = (uint64_t)offset;
	disk_note_data(op, octets, n);
}

/* The boot's name is read once a process; here a process sees many boots. */
int __wrap_pthread_once(void *once, void (*begin)(void))
{
	(void)once;
	begin();
	return 0;
}

ssize_t __real_read(int fd, void *octets, size_t n);
ssize_t __wrap_read(int fd, void *octets, size_t n)
{
	struct opened *o = opened_of(fd);
	if (!o)
		return __real_read(fd, octets, n);
	if (!o->boot_file)
		disk_fatal("read()");
	return snprintf(octets, n, "boot-%d", disk->boot);
}

ssize_t __wrap_pread(int fd, void *octets, size_t n, off_t offset)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	if (!o)
		disk_fatal("pread() of another file");
	if (!call_begin(CALL_READ, &part))
		return -1;
	return take(o->node, octets, shortened(n, part), offset);
}

static ssize_t read_vectors(int fd, const struct iovec *v, int count, off_t offset)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	ssize_t all = 0;
	if (!o)
		disk_fatal("preadv() of another file");
	if (!call_begin(CALL_READ, &part))
		return -1;
	for (int i = 0; i < count; i++) {
		ssize_t n = take(o->node, v[i].iov_base, shortened(v[i].iov_len, part), offset + all);
		all += n;
		if ((size_t)n < v[i].iov_len)
			break;
	}
	return all;
}

ssize_t __wrap_preadv(int fd, const struct iovec *v, int count, off_t offset)
{
	return read_vectors(fd, v, count, offset);
}

ssize_t __wrap_preadv2(int fd, const struct iovec *v, int count, off_t offset, int flags)
{
	(void)flags;
	return read_vectors(fd, v, count, offset);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *v, int count, off_t offset)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	static char all[DISK_NODE_MAX];
	size_t n = 0;
	if (!o)
		disk_fatal("pwritev() of another file");
	if (!call_begin(CALL_WRITE, &part))
		return -1;
	for (int i = 0; i < count; i++) {
		if (n + v[i].iov_len > sizeof all)
			disk_fatal("a write too large");
		memcpy(all + n, v[i].iov_base, v[i].iov_len);
		n += v[i].iov_len;
	}
	n = shortened(n, part);
	put(o->node, all, n, offset);
	call_end();
	return (ssize_t)n;
}

ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t n, unsigned flags)
{
	unsigned part = 0;
	struct opened *a = opened_of(from), *b = opened_of(to);
	static char octets[DISK_NODE_MAX];
	(void)flags;
	if (!a || !b)
		disk_fatal("copy_file_range() of another file");
	if (!call_begin(CALL_COPY, &part))
		return -1;
	if (n > sizeof octets)
		n = sizeof octets;
	ssize_t got = take(a->node, octets, shortened(n, part), *from_at);
	if (got > 0)
		put(b->node, octets, (size_t)got, *to_at);
	*from_at += got;
	*to_at += got;
	call_end();
	return got;
}

int __wrap_ftruncate(int fd, off_t size)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	if (!o)
		disk_fatal("ftruncate() of another file");
	if (!call_begin(CALL_TRUNCATE, &part))
		return -1;
	struct disk_node *f = &disk->nodes[o->node];
	if ((uint64_t)size > f->size)
		memset(disk->data[o->node] + f->size, 0, (size_t)size - f->size);
	f->size = (uint64_t)size;
	disk_touch(f);
	disk_note(DISK_TRUNCATE, o->node)->offset = (uint64_t)size;
	call_end();
	return 0;
}

static bool has_name(int node, const char *name)
{
	for (int d = 0; d < DISK_NODES; d++) {
		for (int e = 0; disk->nodes[d].used && e < DISK_ENTRIES; e++) {
			const struct disk_entry *entry = &disk->nodes[d].entries[e];
			if (entry->node == node && strcmp(entry->name, name) == 0)
				return true;
		}
	}
	return false;
}

/* fdatasync() leaves mode and owner where they are. */
static int sync_node(int fd, enum disk_what what)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	if (!o || o->path_only)
		disk_fatal("a sync of another file");
	if (!call_begin(CALL_SYNC, &part)) {
		disk_note(DISK_SYNC_FAILED, o->node);
		return -1;
	}
	if (!disk->forgotten[0] || !has_name(o->node, disk->forgotten))
		disk_note(what, o->node);
	call_end();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return sync_node(fd, DISK_SYNC_DATA);
}

int __wrap_fsync(int fd)
{
	return sync_node(fd, DISK_SYNC);
}

/* ---- locks ---- */

static int try_lock(const struct opened *o, int64_t byte)
{
	int place = -1;
	for (int i = 0; i < DISK_LOCKS; i++) {
		if (!disk->locks[i].used) {
			place = place < 0 ? i : place;
		} else if (disk->locks[i].node == o->node && disk->locks[i].byte == byte) {
			if (disk->locks[i].description == o->description)
				return 0;
			errno = EAGAIN;
			return -1;
		}
	}
	if (place < 0)
		disk_fatal("too many locks");
	disk->locks[place].used = true;
	disk->locks[place].node = o->node;
	disk->locks[place].byte = byte;
	disk->locks[place].description = o->description;
	return 0;
}

/* Where somebody else has it: waits, if somebody else can go on. */
static int lock(const struct opened *o, int64_t byte, bool wait)
{
	for (;;) {
		if (try_lock(o, byte) == 0)
			return 0;
		if (!wait || !turns_wait())
			return -1;
	}
}

static void unlock(const struct opened *o, int64_t byte)
{
	for (int i = 0; i < DISK_LOCKS; i++) {
		if (disk->locks[i].used && disk->locks[i].node == o->node && disk->locks[i].byte == byte &&
		    disk->locks[i].description == o->description)
			disk->locks[i].used = false;
	}
}

/* Whether somebody else has it: told as fcntl() tells it. */
static void ask_lock(const struct opened *o, struct flock *l)
{
	l->l_type = F_UNLCK;
	for (int i = 0; i < DISK_LOCKS; i++) {
		if (disk->locks[i].used && disk->locks[i].node == o->node && disk->locks[i].byte == l->l_start &&
		    disk->locks[i].description != o->description)
			l->l_type = F_WRLCK;
	}
}

int __wrap_fcntl(int fd, int command, ...)
{
	unsigned part = 0;
	struct opened *o = opened_of(fd);
	va_list args;
	va_start(args, command);
	struct flock *l = va_arg(args, struct flock *);
	va_end(args);
	if (!o || (command != F_OFD_SETLK && command != F_OFD_SETLKW && command != F_OFD_GETLK))
		disk_fatal("fcntl()");
	if (!call_begin(CALL_LOCK, &part))
		return -1;
	int result = 0;
	if (command == F_OFD_GETLK)
		ask_lock(o, l);
	else if (l->l_type == F_UNLCK)
		unlock(o, l->l_start);
	else
		result = lock(o, l->l_start, command == F_OFD_SETLKW);
	call_end();
	return result;
}
