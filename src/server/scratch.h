/*
 * scratch: a directory for as long as this process lives, however it ends: a child, which waits for nothing else, removes it. Before there are threads.
 */
#ifndef POSTROOM_SERVER_SCRATCH_H
#define POSTROOM_SERVER_SCRATCH_H

#include <limits.h>
#include <stdbool.h>

#include "base/fault.h"

struct scratch {
	char path[PATH_MAX]; /* "": there is none */
	int life;            /* its end is this process's */
};

/* In $TMPDIR, else in /tmp. */
bool scratch_make(struct scratch *s, struct fault *why);
/* Returns when the directory is gone. */
void scratch_remove(struct scratch *s);

#endif
