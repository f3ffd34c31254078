/*
 * program: a server program from its command line to its exit status. The mains name what is theirs and call this.
 */
#ifndef POSTROOM_SERVER_PROGRAM_H
#define POSTROOM_SERVER_PROGRAM_H

#include "server/options.h"
#include "server/service.h"

struct program {
	enum options_program which;
	service_session_new *session_new;
	service_session_new *member_session_new; /* in a course with registration; NULL: cannot serve such a course */
};

/* Serves until a signal. The exit status: 0, or one of sysexits.h after one line on stderr. */
int program_run(const struct program *program, int argc, char **argv);

#endif
