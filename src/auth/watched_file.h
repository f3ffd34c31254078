/*
 * watched_file: a small file of the operator's that is read whole, and again when it changes. Knows nothing of what stands in it.
 *
 * One thread at a time reads; asking whether it has changed is for any thread, and costs one stat().
 */
#ifndef POSTROOM_AUTH_WATCHED_FILE_H
#define POSTROOM_AUTH_WATCHED_FILE_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"
#include "base/stamp.h"

struct watched_file {
	int dir;
	char *file;
	char *path; /* with the directory's name, for messages */
	/* its own */
	struct stamp read;    /* of the last reading */
	size_t whole;         /* octets of the last text that was given out */
	pthread_mutex_t lock; /* guards what follows */
	struct stamp stamp;
	int64_t settles_at; /* clock_ms(); 0: settled */
};

/* The directory's descriptor stays the caller's. False with why. Release it in either case. */
bool watched_file_init(struct watched_file *w, int dir, const char *dir_name, const char *file, struct fault *why);
void watched_file_release(struct watched_file *w);

/* Its whole text (from malloc, a NUL behind it, to be wiped by whoever has secrets in it), at most `max` octets; NULL with why, whose error is ENOENT
 * where there is no such file. Where somebody is writing the file anew (it has been emptied a moment ago, and there is less in it than there was) it waits
 * until he is done, at most a second. Blocks. */
char *watched_file_read(struct watched_file *w, size_t max, size_t *size, struct fault *why);
/* What was read last, or could not be read, is what counts from now on: it has not changed since. */
void watched_file_taken(struct watched_file *w);
/* Whether it has changed since then. Never blocks for longer than a stat. */
bool watched_file_changed(struct watched_file *w);

#endif
