/*
 * admin: postroom's subcommands: a table of them, how each one's options are read, and help that is printed from the same tables.
 *
 * A subcommand is a name, the options it takes, and a function that does its work and gives an exit status of sysexits.h. What goes wrong is one line on
 * stderr that says what to do.
 */
#ifndef POSTROOM_ADMIN_ADMIN_H
#define POSTROOM_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

struct admin_option {
	const char *name;     /* "dir"; a row without one ends a table */
	const char *argument; /* "DIR"; NULL: takes none */
	const char *help;
	size_t at; /* of the wishes: a const char * for the argument, a bool where there is none, or what set() wants */
	const char *expected; /* what to give, where set() can say no */
	/* NULL: the argument, or true, goes there as it is. */
	bool (*set)(void *at, const char *value);
};

struct admin_command {
	const char *name;
	const char *operands; /* "[NAME|ADDRESS …]" */
	const char *summary;  /* a line of `postroom help` */
	const char *about;    /* what `postroom NAME --help` says beside usage and options; ends in a line end */
	const struct admin_option *options;
	/* What options set, and run() gets: at least this many octets, all zero at first. */
	size_t wishes_size;
	int (*run)(void *wishes, int count, char **operands);
};

enum { ADMIN_WISHES_MAX = 256 };

/* What postroom says of itself, around the list of its subcommands. */
struct admin_program {
	const char *before;
	const char *after;
	const struct admin_command *const *commands; /* NULL at the end */
};

/* The whole command line, from argv to the exit status. Not thread-safe (getopt_long). */
int admin_run(const struct admin_program *program, int argc, char **argv);

/* For an option's set(): any argument but an empty one, to a const char *. */
bool admin_set_word(void *at, const char *value);

/* Says "postroom: …" on stderr; gives the status back, so that a caller can return it. */
int admin_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* EX_OK once all that was printed is out. */
int admin_done(void);

#endif
