/*
 * file: durable writing, reading and locking. See file.h.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { VECTORS_AT_ONCE = 256 };

static int64_t nanoseconds(const struct statx_timestamp *t)
{
	return t->tv_sec * 1000000000 + t->tv_nsec;
}

static bool look(int dir, const char *name, int flags, struct file_look *out)
{
	struct statx x;
	if (statx(dir, name, flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0)
		return false;
	*out = (struct file_look){
		.inode = x.stx_ino,
		.birth = x.stx_mask & STATX_BTIME ? nanoseconds(&x.stx_btime) : 0,
		.modified = nanoseconds(&x.stx_mtime),
		.changed = nanoseconds(&x.stx_ctime),
		.size = x.stx_size,
		.owner = x.stx_uid,
		.links = x.stx_nlink,
		.mode = x.stx_mode,
	};
	return true;
}

bool file_look(int fd, struct file_look *out)
{
	return look(fd, "", AT_EMPTY_PATH, out);
}

bool file_look_at(int dir, const char *name, struct file_look *out)
{
	return look(dir, name, AT_SYMLINK_NOFOLLOW, out);
}

int file_open(int dir, const char *name, int flags, mode_t mode)
{
	int fd;
	do {
		fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

void file_close(int fd)
{
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
}

/* Moves the vectors on by what was written; returns how many are done with. */
static size_t advance(struct iovec *vectors, size_t count, size_t written)
{
	size_t done = 0;
	while (done < count && written >= vectors[done].iov_len)
		written -= vectors[done++].iov_len;
	if (done < count) {
		vectors[done].iov_base = (char *)vectors[done].iov_base + written;
		vectors[done].iov_len -= written;
	}
	return done;
}

bool file_write_vector(int fd, struct iovec *vectors, size_t count, off_t offset)
{
	while (count > 0) {
		int at_once = count < VECTORS_AT_ONCE ? (int)count : VECTORS_AT_ONCE;
		ssize_t n = pwritev(fd, vectors, at_once, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		offset += n;
		size_t done = advance(vectors, count, (size_t)n);
		if (n == 0 && done == 0) {
			errno = ENOSPC;
			return false;
		}
		vectors += done;
		count -= done;
	}
	return true;
}

bool file_write(int fd, const void *bytes, size_t n, off_t offset)
{
	struct iovec vector = { .iov_base = (void *)bytes, .iov_len = n };
	return file_write_vector(fd, &vector, 1, offset);
}

ssize_t file_read(int fd, void *bytes, size_t n, off_t offset)
{
	size_t got = 0;
	while (got < n) {
		ssize_t now = pread(fd, (char *)bytes + got, n - got, offset + (off_t)got);
		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return -1;
		if (now == 0)
			break;
		got += (size_t)now;
	}
	return (ssize_t)got;
}

ssize_t file_read_now(int fd, const struct iovec *vectors, int count, off_t offset)
{
	ssize_t n = preadv2(fd, vectors, count, offset, RWF_NOWAIT);
	/* File systems without RWF_NOWAIT say so, and are taken to have everything at hand. */
	if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
		n = preadv(fd, vectors, count, offset);
	return n;
}

static bool copy_by_hand(int from, off_t from_offset, int to, off_t to_offset, uint64_t n)
{
	char block[16384];
	while (n > 0) {
		size_t want = n < sizeof block ? (size_t)n : sizeof block;
		ssize_t got = file_read(from, block, want, from_offset);
		if (got <= 0) {
			errno = got == 0 ? EIO : errno;
			return false;
		}
		if (!file_write(to, block, (size_t)got, to_offset))
			return false;
		from_offset += got;
		to_offset += got;
		n -= (uint64_t)got;
	}
	return true;
}

bool file_copy(int from, off_t from_offset, int to, off_t to_offset, uint64_t n)
{
	while (n > 0) {
		size_t want = n < (1u << 30) ? (size_t)n : 1u << 30;
		ssize_t now = copy_file_range(from, &from_offset, to, &to_offset, want, 0);
		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
			return copy_by_hand(from, from_offset, to, to_offset, n);
		if (now <= 0) {
			errno = now == 0 ? EIO : errno;
			return false;
		}
		n -= (uint64_t)now;
	}
	return true;
}

static bool set_lock(int fd, off_t byte, short type, int command)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int result;
	do {
		result = fcntl(fd, command, &lock);
	} while (result < 0 && errno == EINTR);
	if (result < 0 && errno == EACCES)
		errno = EAGAIN;
	return result == 0;
}

static void wake_up(int signal_number)
{
	(void)signal_number; /* that it came ends the wait */
}

/* fcntl has no time limit of its own: a timer interrupts this very thread, again and again should the first time come too early. */
static int wake_signal(void)
{
	return SIGRTMIN + 1;
}

static void prepare_wake(void)
{
	const struct sigaction action = { .sa_handler = wake_up };
	sigaction(wake_signal(), &action, NULL);
}

static bool start_timer(timer_t *timer, int ms)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = wake_signal() };
	event._sigev_un._tid = gettid();
	const struct itimerspec when = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
		.it_interval = { .tv_nsec = 50 * 1000000L },
	};
	if (timer_create(CLOCK_MONOTONIC, &event, timer) != 0)
		return false;
	timer_settime(*timer, 0, &when, NULL);
	return true;
}

static bool wait_for_lock(int fd, off_t byte, int ms)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int64_t end = clock_ms() + ms;
	timer_t timer;
	sigset_t wake;
	sigset_t before;
	pthread_once(&once, prepare_wake);
	sigemptyset(&wake);
	sigaddset(&wake, wake_signal());
	pthread_sigmask(SIG_UNBLOCK, &wake, &before);
	bool timed = start_timer(&timer, ms);
	int result;
	do {
		result = fcntl(fd, F_OFD_SETLKW, &lock);
	} while (result < 0 && errno == EINTR && clock_ms() < end);
	int error = result < 0 && errno == EINTR ? EAGAIN : errno;
	if (timed)
		timer_delete(timer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return result == 0;
}

bool file_lock(int fd, off_t byte, int wait_ms)
{
	if (set_lock(fd, byte, F_WRLCK, F_OFD_SETLK))
		return true;
	return errno == EAGAIN && wait_ms > 0 && wait_for_lock(fd, byte, wait_ms);
}

bool file_unlock(int fd, off_t byte)
{
	return set_lock(fd, byte, F_UNLCK, F_OFD_SETLK);
}

bool file_lock_is_free(int fd, off_t byte)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* A sync that failed is not tried again: the kernel may have dropped the pages and would then say "done". */
bool file_sync(int fd)
{
	return fdatasync(fd) == 0;
}

/* fdatasync() need not bring to the disk whose the file is. */
bool file_sync_whole(int fd)
{
	return fsync(fd) == 0;
}

bool file_sync_directory(int dir)
{
	return fsync(dir) == 0;
}
