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

enum { LOOKS_MAX = 20 };

/* What a process lacks for a moment is no property of the file. */
static enum fault_kind kind_of(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE ? FAULT_TEMPORARY : FAULT_PERMANENT;
}

static char *join(const char *dir_name, const char *file)
{
	char *path;
	size_t len = strlen(dir_name);
	if (file[0] == '/')
		return strdup(file);
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
	return stamp_same_file(&w->read, &w->stamp) && size < w->whole && stamp_young(&w->read);
}

static char *read_once(struct watched_file *w, size_t max, size_t *size, struct fault *why)
{
	w->read = stamp_at(w->dir, w->file);
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
		stamp_settle();
	}
	fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: it is being written all the time", w->path);
	return NULL;
}

void watched_file_taken(struct watched_file *w)
{
	pthread_mutex_lock(&w->lock);
	/* A young file is read once more when what becomes of it shows. */
	w->stamp = w->read;
	w->settles_at = stamp_young(&w->read) ? clock_ms() + STAMP_SETTLE_MS : 0;
	pthread_mutex_unlock(&w->lock);
}

bool watched_file_changed(struct watched_file *w)
{
	struct stamp now = stamp_at(w->dir, w->file);
	pthread_mutex_lock(&w->lock);
	bool unsettled = w->settles_at != 0 && clock_ms() >= w->settles_at;
	bool changed = unsettled || !stamp_same(&now, &w->stamp);
	pthread_mutex_unlock(&w->lock);
	return changed;
}
