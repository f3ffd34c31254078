/*
 * command_options: the options of the script commands, one table for all; and what they have in common to say and to read.
 */
#ifndef POSTROOM_CLIENT_COMMAND_OPTIONS_H
#define POSTROOM_CLIENT_COMMAND_OPTIONS_H

#include "base/arena.h"
#include "client/link.h"
#include "terminal/local_set.h"
#include "client/people.h"

enum {
	COMMAND_FILES_MAX = 100,
	COMMAND_PASSWORD_MAX = 512, /* octets */
	COMMAND_SMTP_PORT = 2525,
	COMMAND_POP3_PORT = 2110,
};

struct command_options {
	const char *command;
	char *server;
	unsigned port;
	const char *user;
	const char *password_file;
	const char *ca;
	bool tls;
	bool plaintext;
	bool transcript;

	/* send */
	struct people from, to, cc, bcc;
	const char *subject;
	const char *files[COMMAND_FILES_MAX];
	size_t file_count;

	bool raw;         /* send, show */
	const char *save; /* show */

	char **operands;
	size_t operand_count;

	struct buf password;

	struct local_set *local; /* the locale's; what is typed is in it */
	struct arena recoded;    /* values that were made UTF-8 */
};

/* Reads all of them, the password too. EX_OK, or the exit status, the reason being told. */
int command_options_read(struct command_options *o, int argc, char **argv);
/* Wipes the password. */
void command_options_release(struct command_options *o);

/* "mailclient send: …" on standard error, foreign octets made visible. Returns the status. */
int command_fail(const struct command_options *o, int status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
