/*
 * stamp: what stat() says of a file, to tell later whether it is another one or was written to.
 *
 * A file's times go by a coarse clock: one that was written just before it was read may be written again and look the same. A stamp that is young proves
 * nothing; who reads a file whose stamp is young looks once more after STAMP_SETTLE_MS.
 */
#ifndef POSTROOM_BASE_STAMP_H
#define POSTROOM_BASE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

enum { STAMP_SETTLE_MS = 50 }; /* some ticks of that clock, the slowest of which takes 10 ms */

/* All zero where there is no file. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

struct stamp stamp_of(const struct stat *st);
/* Of a name in a directory (or AT_FDCWD), through symbolic links. One stat(). */
struct stamp stamp_at(int dir, const char *name);
bool stamp_same(const struct stamp *a, const struct stamp *b);
/* Whether these are one file, whatever was written to it. */
bool stamp_same_file(const struct stamp *a, const struct stamp *b);
/* Whether the file changed so short a time ago that a further change may not show. */
bool stamp_young(const struct stamp *s);
/* Waits as long as a young stamp may be. */
void stamp_settle(void);

#endif
