/*
 * command: the commands by their names. See command.h.
 */
#include "client/command.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const struct {
	const char *name;
	int (*run)(const struct command_options *o);
} commands[] = {
	{ "send", command_send },
	{ "list", command_list },
	{ "show", command_show },
	{ "delete", command_delete },
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static size_t find(const char *name)
{
	size_t i = 0;

	while (i < COMMANDS && strcmp(commands[i].name, name) != 0)
		i++;
	return i;
}

bool command_exists(const char *name)
{
	return find(name) < COMMANDS;
}

int command_run(int argc, char **argv)
{
	struct command_options *o = malloc(sizeof *o);

	if (!o)
		return EX_OSERR;
	int status = command_options_read(o, argc, argv);
	if (status == EX_OK)
		status = commands[find(argv[0])].run(o);
	command_options_release(o);
	free(o);
	return status;
}
