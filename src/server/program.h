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

/* A server, however it was asked for. */
struct program_server {
	const char *name; /* stands before its complaints */
	const struct options *options;
	/* Says where to listen, and by what sessions; the rest follows from the options. False: the course cannot be served so. */
	bool (*configure)(void *owner, const struct site *site, struct service_config *config, struct fault *why);
	void *owner;
};

/* The same, from the options on. */
int program_serve(const struct program_server *server);

#endif
