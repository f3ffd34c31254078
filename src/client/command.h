/*
 * command: what a script calls: send, list, show and delete, each one session, no question, an exit status from sysexits(3).
 *
 * Standard output holds what was asked for, standard error why it is not there. A password is read from a file or from
 * standard input, never from the command line, which everybody on the machine can see.
 */
#ifndef POSTROOM_CLIENT_COMMAND_H
#define POSTROOM_CLIENT_COMMAND_H

#include "client/command_options.h"

/* Whether the program's first argument is one of them. */
bool command_exists(const char *name);
/* argv[0] is the command. Returns the exit status. Blocks. */
int command_run(int argc, char **argv);

/* The commands themselves. */
int command_send(const struct command_options *o);
int command_list(const struct command_options *o);
int command_show(const struct command_options *o);
int command_delete(const struct command_options *o);

#endif
