/*
 * program: a server program from its command line to its exit status. The mains name what is theirs and call this.
 */
#ifndef POSTROOM_SERVER_PROGRAM_H
#define POSTROOM_SERVER_PROGRAM_H

#include "server/options.h"
#include "server/site.h"

typedef struct session *program_session_new(struct site *site, struct loop *loop, const struct peer *peer);

struct program {
	enum options_program which;
	program_session_new *session_new;
	program_session_new *member_session_new; /* in a course with registration; NULL: cannot serve such a course */
};

/* Serves until a signal. The exit status: 0, or one of sysexits.h after one line on stderr. */
int program_run(const struct program *program, int argc, char **argv);

#endif
