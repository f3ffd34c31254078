/*
 * serve: `postroom serve`: all protocols in one process, as postroom.conf says; without a file a catch-all server for this machine alone. Wiring: from the
 * configuration to a service's listeners.
 */
#ifndef POSTROOM_SERVER_SERVE_H
#define POSTROOM_SERVER_SERVE_H

#include <stdbool.h>
#include <stdint.h>

/* What the command line says; it has the last word. */
struct serve_port {
	bool said;
	unsigned port; /* 0: pick one */
};
struct serve_wishes {
	const char *config;                               /* NULL: without a file … */
	struct serve_port smtp_port, pop3_port, web_port; /* … where these may be others than the usual ones */
	const char *dir;                                  /* NULL: the configuration's */
	bool transcript;
	bool explain;
	bool verbose;
};

/* Serves until a signal. The exit status: 0, or one of sysexits.h after a line on stderr for all that is wrong. */
int serve_run(const struct serve_wishes *wishes);
enum { SERVE_DIRECTORY_MAX = 1024 };
/* Where a file's server has its mail; NULL: the usual place. EX_OK, or as serve_check(). */
int serve_directory(const char *path, char dir[SERVE_DIRECTORY_MAX]);
/* What a file says of its mailboxes, for who works beside its server. */
struct serve_mailboxes {
	char dir[SERVE_DIRECTORY_MAX];
	uint64_t quota;       /* octets; 0: no limit */
	uint64_t retain_size; /* likewise */
	unsigned retain_age;  /* seconds; 0: for ever */
	unsigned undelete;    /* seconds; 0: not at all */
};
int serve_mailboxes(const char *path, struct serve_mailboxes *to);
/* Says all that is wrong with a file. EX_OK, EX_CONFIG, or EX_NOINPUT. */
int serve_check(const char *path);

#endif
