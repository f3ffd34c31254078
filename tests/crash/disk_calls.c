/*
 * disk_calls: the system's calls, on the disk in memory. Each __wrap_ function is one: it is counted, may fail or kill the process, and is recorded where it
 * changes something.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The linker alone calls them, by names of its own. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

enum { OPENED_MAX = 64, ROOT = 0 };

/* An open file description of this process. */
struct opened {
	bool used;
	int node;
	uint64_t description;
	bool boot_file; /* /proc's: reads the boot's name */
};

static struct disk *disk;
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

/* Counts a call. False: it fails, errno says how; *part is set where it does less than asked for. */
static bool begin_call(enum disk_call kind, unsigned *part)
{
	struct disk_plan *plan = &disk->plan;
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
	if (!now && !(disk->failing && plan->sticky && disk->failed_kind == kind))
		return true;
	if (plan->error == 0) {
		*part = plan->part;
		return true;
	}
	errno = plan->error;
	return false;
}

static void end_call(void)
{
	if (disk->plan.kill_after == disk->calls)
		_exit(DISK_KILLED);
}

static void touch(struct disk_node *n)
{
	disk->clock += 1000;
	n->modified = n->changed = disk->clock;
}

static struct disk_op *note(enum disk_what what, int node)
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

static void note_data(struct disk_op *op, const char *octets, size_t n)
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

static struct opened *of(int fd)
{
	int i = fd - DISK_FD;
	if (i < 0 || i >= OPENED_MAX || !opened[i].used)
		return NULL;
	return &opened[i];
}

static int give(int node, bool boot_file)
{
	for (int i = 0; i < OPENED_MAX; i++) {
		if (opened[i].used)
			continue;
		opened[i] = (struct opened){ true, node, disk->next_description++, boot_file };
		return DISK_FD + i;
	}
	disk_fatal("too many descriptors");
}

int disk_root(void)
{
	return give(ROOT, false);
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
		touch(d);
		struct disk_op *op = note(DISK_ENTER, directory);
		op->child = node;
		snprintf(op->name, DISK_NAME, "%s", name);
		return;
	}
	disk_fatal("too many names in a directory");
}

/* "." and USER/NAME are all that is used. */
static int directory_of(int dir, const char **name)
{
	struct opened *o = of(dir);
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
	if (!begin_call(CALL_OPEN, &part))
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
	int fd = give(node, false);
	end_call();
	return fd;
}

int __wrap_memfd_create(const char *name, unsigned flags)
{
	(void)name;
	(void)flags;
	return give(disk_new_node(disk, false, S_IFREG | 0600), false);
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (disk && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0)
		return give(ROOT, true);
	return __real_open(path, flags, 0600);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
	struct opened *o = of(fd);
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
	if (!begin_call(CALL_NAME, &part))
		return -1;
	int parent = directory_of(dir, &name);
	if (disk_find(disk, parent, name) >= 0) {
		errno = EEXIST;
		return -1;
	}
	enter(parent, name, disk_new_node(disk, true, S_IFDIR | (mode & 07777)));
	end_call();
	return 0;
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	unsigned part = 0;
	(void)flags;
	if (!begin_call(CALL_NAME, &part))
		return -1;
	int parent = directory_of(dir, &name);
	struct disk_entry *entry = parent < 0 ? NULL : entry_of(parent, name);
	if (!entry) {
		errno = ENOENT;
		return -1;
	}
	struct disk_op *op = note(DISK_LEAVE, parent);
	op->child = entry->node;
	snprintf(op->name, DISK_NAME, "%s", name);
	int node = entry->node;
	disk->nodes[node].links--;
	entry->node = -1;
	touch(&disk->nodes[parent]);
	forget_nameless(node);
	end_call();
	return 0;
}

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	unsigned part = 0;
	(void)flags;
	if (!begin_call(CALL_NAME, &part))
		return -1;
	int parent = directory_of(from_dir, &from), target = directory_of(to_dir, &to);
	int node = disk_find(disk, parent, from);
	if (node < 0 || disk_find(disk, target, to) >= 0) {
		errno = node < 0 ? ENOENT : EEXIST;
		return -1;
	}
	enter(target, to, node);
	end_call();
	return 0;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	unsigned part = 0;
	if (!begin_call(CALL_NAME, &part))
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
	struct disk_op *op = note(DISK_RENAME, parent);
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
	touch(&disk->nodes[parent]);
	end_call();
	return 0;
}

/* ---- looks ---- */

static void show(const struct disk_node *n, struct statx *x)
{
	memset(x, 0, sizeof *x);
	x->stx_mask = STATX_BASIC_STATS | STATX_BTIME;
	x->stx_mode = (uint16_t)n->mode;
	x->stx_nlink = n->links;
	x->stx_ino = n->inode;
	x->stx_size = n->size;
	x->stx_uid = geteuid();
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
	if (!begin_call(CALL_STAT, &part))
		return -1;
	struct opened *o = of(dir);
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
	st->st_mode = n->mode;
	st->st_ino = n->inode;
	st->st_size = (off_t)n->size;
	st->st_nlink = n->links;
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_mtim.tv_sec = n->modified / 1000000000;
	st->st_mtim.tv_nsec = n->modified % 1000000000;
	st->st_ctim.tv_sec = n->changed / 1000000000;
	st->st_ctim.tv_nsec = n->changed % 1000000000;
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
	unsigned part = 0;
	struct opened *o = of(fd);
	if (!o)
		return __real_fstat(fd, st);
	if (!begin_call(CALL_STAT, &part))
		return -1;
	show_old(&disk->nodes[o->node], st);
	return 0;
}

int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	unsigned part = 0;
	(void)flags;
	if (!begin_call(CALL_STAT, &part))
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

int __wrap_fchown(int fd, uid_t owner, gid_t group)
{
	(void)fd;
	(void)owner;
	(void)group;
	return 0;
}

int __wrap_fchmod(int fd, mode_t mode)
{
	struct opened *o = of(fd);
	if (!o)
		disk_fatal("fchmod");
	disk->nodes[o->node].mode = S_IFREG | (mode & 07777);
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
	touch(f);
	struct disk_op *op = note(DISK_WRITE, node);
	op->offset = (uint64_t)offset;
	note_data(op, octets, n);
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
	struct opened *o = of(fd);
	if (!o)
		return __real_read(fd, octets, n);
	if (!o->boot_file)
		disk_fatal("read()");
	return snprintf(octets, n, "boot-%d", disk->boot);
}

ssize_t __wrap_pread(int fd, void *octets, size_t n, off_t offset)
{
	unsigned part = 0;
	struct opened *o = of(fd);
	if (!o)
		disk_fatal("pread() of another file");
	if (!begin_call(CALL_READ, &part))
		return -1;
	return take(o->node, octets, shortened(n, part), offset);
}

static ssize_t read_vectors(int fd, const struct iovec *v, int count, off_t offset)
{
	unsigned part = 0;
	struct opened *o = of(fd);
	ssize_t all = 0;
	if (!o)
		disk_fatal("preadv() of another file");
	if (!begin_call(CALL_READ, &part))
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
	struct opened *o = of(fd);
	static char all[DISK_NODE_MAX];
	size_t n = 0;
	if (!o)
		disk_fatal("pwritev() of another file");
	if (!begin_call(CALL_WRITE, &part))
		return -1;
	for (int i = 0; i < count; i++) {
		if (n + v[i].iov_len > sizeof all)
			disk_fatal("a write too large");
		memcpy(all + n, v[i].iov_base, v[i].iov_len);
		n += v[i].iov_len;
	}
	n = shortened(n, part);
	put(o->node, all, n, offset);
	end_call();
	return (ssize_t)n;
}

ssize_t __wrap_copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t n, unsigned flags)
{
	unsigned part = 0;
	struct opened *a = of(from), *b = of(to);
	static char octets[DISK_NODE_MAX];
	(void)flags;
	if (!a || !b)
		disk_fatal("copy_file_range() of another file");
	if (!begin_call(CALL_COPY, &part))
		return -1;
	if (n > sizeof octets)
		n = sizeof octets;
	ssize_t got = take(a->node, octets, shortened(n, part), *from_at);
	if (got > 0)
		put(b->node, octets, (size_t)got, *to_at);
	*from_at += got;
	*to_at += got;
	end_call();
	return got;
}

int __wrap_ftruncate(int fd, off_t size)
{
	unsigned part = 0;
	struct opened *o = of(fd);
	if (!o)
		disk_fatal("ftruncate() of another file");
	if (!begin_call(CALL_TRUNCATE, &part))
		return -1;
	struct disk_node *f = &disk->nodes[o->node];
	if ((uint64_t)size > f->size)
		memset(disk->data[o->node] + f->size, 0, (size_t)size - f->size);
	f->size = (uint64_t)size;
	touch(f);
	note(DISK_TRUNCATE, o->node)->offset = (uint64_t)size;
	end_call();
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

static int sync_node(int fd)
{
	unsigned part = 0;
	struct opened *o = of(fd);
	if (!o)
		disk_fatal("a sync of another file");
	if (!begin_call(CALL_SYNC, &part))
		return -1;
	if (!disk->forgotten[0] || !has_name(o->node, disk->forgotten))
		note(DISK_SYNC, o->node);
	end_call();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return sync_node(fd);
}

int __wrap_fsync(int fd)
{
	return sync_node(fd);
}

/* ---- locks ---- */

static int lock(const struct opened *o, int64_t byte)
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

static void unlock(const struct opened *o, int64_t byte)
{
	for (int i = 0; i < DISK_LOCKS; i++) {
		if (disk->locks[i].used && disk->locks[i].node == o->node && disk->locks[i].byte == byte &&
		    disk->locks[i].description == o->description)
			disk->locks[i].used = false;
	}
}

int __wrap_fcntl(int fd, int command, ...)
{
	unsigned part = 0;
	struct opened *o = of(fd);
	va_list args;
	va_start(args, command);
	struct flock *l = va_arg(args, struct flock *);
	va_end(args);
	if (!o || (command != F_OFD_SETLK && command != F_OFD_SETLKW))
		disk_fatal("fcntl()");
	if (!begin_call(CALL_LOCK, &part))
		return -1;
	int result = 0;
	if (l->l_type == F_UNLCK)
		unlock(o, l->l_start);
	else
		result = lock(o, l->l_start);
	end_call();
	return result;
}
