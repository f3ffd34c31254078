/*
 * options: the command line of a load generator, by a table. What all of them take stands in struct plan.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan {
	const char *address;
	size_t port;
	size_t connections;
	double seconds;
	size_t users;
	bool tls, resume;
};

#define PLAN_DEFAULT                                                                \
	(struct plan)                                                               \
	{                                                                           \
		.address = "127.0.0.1", .connections = 1, .seconds = 10, .users = 1 \
	}

enum option_kind {
	OPTION_FLAG,    /* bool */
	OPTION_TEXT,    /* const char * */
	OPTION_SIZE,    /* size_t */
	OPTION_NUMBER,  /* uint64_t */
	OPTION_SECONDS, /* double */
};

struct option_row {
	const char *name;
	enum option_kind kind;
	void *value; /* of the kind's type; stays as it is where the option is not given */
};

enum { OPTIONS_MAX = 24 }; /* with those of the plan */

/* The plan's options, and `own`, which ends with a row without a name. Ends the program with `usage` where there is anything else, or no port, connection or
 * user. */
void options_take(int argc, char **argv, struct plan *plan, const struct option_row *own, const char *usage);

#endif
