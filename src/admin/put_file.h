/*
 * put_file: a whole file put in its place at once: whoever looks finds the old one or the new one, and after a crash, too.
 *
 * Blocks. For files that people give a name, not for mail.
 */
#ifndef POSTROOM_ADMIN_PUT_FILE_H
#define POSTROOM_ADMIN_PUT_FILE_H

#include <sys/types.h>

#include "base/fault.h"
#include "base/slice.h"

enum put_file_where { PUT_FILE_NEW, PUT_FILE_REPLACE };

/* Writes `name` in the directory with these permissions, and syncs both. PUT_FILE_NEW: never in place of one that is there (errno EEXIST in why->error).
 * False: why; what was there is there. */
bool put_file(int dir, const char *name, struct slice octets, mode_t mode, enum put_file_where where,
              struct fault *why);

/* One of several that belong together. */
struct put_file_part {
	const char *name;
	struct slice octets;
	mode_t mode;
};

/* In place of what is there: all are written and synced before the first takes its name, so that a full disk leaves all the old ones. False: why. */
bool put_files(int dir, const struct put_file_part parts[], size_t count, struct fault *why);

#endif
