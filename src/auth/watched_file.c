/*
 * watched_file: see watched_file.h.
 */
#include "auth/watched_file.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETTLE_MS = 50, LOOKS_MAX = 20 };

static struct watched_stamp stamp_of(const struct stat *st)
{
	return (struct watched_stamp){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct watched_stamp *a, const struct watched_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static struct watched_stamp stamp_now(const struct watched_file *w)
{
	struct stat st;
	return fstatat(w->dir, w->file, &st, 0) == 0 ? stamp_of(&st) : (struct watched_stamp){ 0 };
}

/* A file's times go by a coarse clock: one that was written just before it was read may be written again and look
 * the same to stat(). Such a file is read once more after SETTLE_MS. */
static bool is_young(const struct watched_stamp *s)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age = (int64_t)(now.tv_sec - s->changed.tv_sec) * 1000 + (now.tv_nsec - s->changed.tv_nsec) / 1000000;
	return age >= 0 && age < SETTLE_MS;
}

/* What a process lacks for a moment is no property of the file. */
static enum fault_kind kind_of(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE ? FAULT_TEMPORARY : FAULT_PERMANENT;
}

static char *join(const char *dir_name, const char *file)
{
	char *path;
	size_t len = strlen(dir_name);
	const char *slash = len > 0 && dir_name[len - 1] == '/' ? "" : "/";
	return asprintf(&path, "%s%s%s", dir_name, slash, file) < 0 ? NULL : path;
}

bool watched_file_init(struct watched_file *w, int dir, const char *dir_name, const char *file, struct fault *why)
{
	*w = (struct watched_file){ .file = strdup(file), .path = join(dir_name, file) };
	pthread_mutex_init(&w->lock, NULL);
	/* An own descriptor: the caller may close his. */
	w->dir = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!w->file || !w->path)
		return fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", file);
	return w->dir >= 0 ||
	       fault_set(why, kind_of(errno), "cannot read the directory %.100s: %s", dir_name, strerror(errno));
}

void watched_file_release(struct watched_file *w)
{
	file_close(w->dir);
	pthread_mutex_destroy(&w->lock);
	free(w->file);
	free(w->path);
}

static char *read_text(struct watched_file *w, int fd, size_t max, size_t *size, struct fault *why)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		fault_set(why, FAULT_PERMANENT, "cannot read %.100s: it is not a regular file", w->path);
		return NULL;
	}
	w->read = stamp_of(&st);
	if (st.st_size > (off_t)max) {
		fault_set(why, FAULT_PERMANENT, "cannot read %.100s: it is larger than %zu octets", w->path, max);
		return NULL;
	}
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? file_read(fd, text, (size_t)st.st_size, 0) : -1;
	if (n < 0) {
		fault_set(why, kind_of(errno), "cannot read %.100s: %s", w->path, strerror(errno));
		if (text)
			explicit_bzero(text, (size_t)st.st_size);
		free(text);
		return NULL;
	}
	*size = (size_t)n;
	text[n] = '\0';
	return text;
}

/* An editor or cp that writes in place empties the file first: who is not there yet is not gone. A file that takes another's place is whole at once. */
static bool is_being_written(const struct watched_file *w, size_t size)
{
	bool same_file = w->read.device == w->stamp.device && w->read.inode == w->stamp.inode;
	return same_file && size < w->whole && is_young(&w->read);
}

static char *read_once(struct watched_file *w, size_t max, size_t *size, struct fault *why)
{
	w->read = stamp_now(w);
	/* Not file_open(): the file is the operator's own, and may well be a symbolic link. */
	int fd = openat(w->dir, w->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		int error = errno;
		fault_set(why, kind_of(error), "cannot read %.100s: %s", w->path, strerror(error));
		why->error = error;
		return NULL;
	}
	char *text = read_text(w, fd, max, size, why);
	file_close(fd);
	return text;
}

char *watched_file_read(struct watched_file *w, size_t max, size_t *size, struct fault *why)
{
	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		char *text = read_once(w, max, size, why);
		if (!text)
			return NULL;
		if (!is_being_written(w, *size)) {
			w->whole = *size;
			return text;
		}
		explicit_bzero(text, *size);
		free(text);
		nanosleep(&(struct timespec){ .tv_nsec = SETTLE_MS * 1000000L }, NULL);
	}
	fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: it is being written all the time", w->path);
	return NULL;
}

void watched_file_taken(struct watched_file *w)
{
	pthread_mutex_lock(&w->lock);
	w->stamp = w->read;
	w->settles_at = is_young(&w->read) ? clock_ms() + SETTLE_MS : 0;
	pthread_mutex_unlock(&w->lock);
}

bool watched_file_changed(struct watched_file *w)
{
	struct watched_stamp now = stamp_now(w);
	pthread_mutex_lock(&w->lock);
	bool unsettled = w->settles_at != 0 && clock_ms() >= w->settles_at;
	bool changed = unsettled || !same_stamp(&now, &w->stamp);
	pthread_mutex_unlock(&w->lock);
	return changed;
}
