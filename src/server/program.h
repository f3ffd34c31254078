/*
 * program: a server program from its command line to its exit status. The mains name what is theirs and call this.
 */
#ifndef POSTROOM_SERVER_PROGRAM_H
#define POSTROOM_SERVER_PROGRAM_H

#include "server/options.h"
#include "server/site.h"

struct program {
	enum options_program which;
	struct session *(*session_new)(struct site *site, struct loop *loop, const char *peer);
};

/* Serves until a signal. The exit status: 0, or one of sysexits.h after one line on stderr. */
int program_run(const struct program *program, int argc, char **argv);

#endif
