/*
 * file: the few file operations that durable storage is made of, EINTR handled, faults as values.
 *
 * All of them may block and so run on job threads, never in a loop (file_read_now alone may run there).
 * Descriptors are opened O_CLOEXEC; symbolic links are never followed in the last component.
 */
#ifndef POSTROOM_BASE_FILE_H
#define POSTROOM_BASE_FILE_H

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/fault.h"
#include "base/slice.h"

/* What a file is and when it changed. A file is the same as another when inode and birth agree: an inode's number alone
 * is given again after a file is gone. */
struct file_look {
	uint64_t inode;
	int64_t birth;    /* ns since 1970; 0 where the file system does not tell */
	int64_t modified; /* ns */
	int64_t changed;  /* ns */
	uint64_t size;
	uint32_t owner;
	uint32_t links;
	uint32_t mode; /* S_IS… and permissions */
};

/* By descriptor, or by name in a directory without following a link. False and errno. */
bool file_look(int fd, struct file_look *look);
bool file_look_at(int dir, const char *name, struct file_look *look);
static inline bool file_same(const struct file_look *a, const struct file_look *b)
{
	return a->inode == b->inode && a->birth == b->birth;
}

/* openat() with O_CLOEXEC | O_NOFOLLOW added; -1 and errno. */
int file_open(int dir, const char *name, int flags, mode_t mode);
/* Closes and keeps errno. A negative descriptor is passed over. */
void file_close(int fd);

/* Writes all of the vectors at `offset`; they may be changed on the way. False and errno, ENOSPC included,
 * with any part written: the caller cuts the file back. */
bool file_write_vector(int fd, struct iovec *vectors, size_t count, off_t offset);
bool file_write(int fd, const void *bytes, size_t n, off_t offset);

/* Reads until n octets are there or the file ends; the count, or -1 and errno. */
ssize_t file_read(int fd, void *bytes, size_t n, off_t offset);
/* Scattered reading that gives -1 with errno EAGAIN instead of waiting for a disk. One system call. */
ssize_t file_read_now(int fd, const struct iovec *vectors, int count, off_t offset);

/* Copies n octets between files inside the kernel where it can. False and errno. */
bool file_copy(int from, off_t from_offset, int to, off_t to_offset, uint64_t n);

/* An OFD lock (fcntl) for this open file description on one byte. Where somebody else has it: waits up to wait_ms, then gives false
 * with errno EAGAIN (so at once with 0). There is always a limit: a process that was stopped while it held a lock must not stop all others.
 * Closing the description gives it up. */
bool file_lock(int fd, off_t byte, int wait_ms);
bool file_unlock(int fd, off_t byte);
/* Whether nobody else has it, at this moment; false also where that cannot be told. */
bool file_lock_is_free(int fd, off_t byte);

/* fdatasync / fsync of a file, for its mode and owner as well / fsync of a directory; false and errno. Never retried: a failed sync leaves the file
 * unknown. */
bool file_sync(int fd);
bool file_sync_whole(int fd);
bool file_sync_directory(int dir);

#endif
