/*
 * admin: subcommands by their table. See admin.h.
 */
#include "admin/admin.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

enum { OPTIONS_MAX = 16, FIRST_OPTION = 256, HELP = 512 };

int admin_fail(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("postroom: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}

int admin_done(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EX_OK;
	return admin_fail(EX_IOERR, "cannot write to stdout: %s", strerror(errno));
}

/* ---- help ---- */

static int print_help(const struct admin_program *program)
{
	fputs(program->before, stdout);
	for (const struct admin_command *const *c = program->commands; *c; c++)
		printf("  postroom %-14s %s\n", (*c)->name, (*c)->summary);
	fputs(program->after, stdout);
	return admin_done();
}

static int print_command_help(const struct admin_command *c)
{
	printf("usage: postroom %s [options] %s\n%s\n", c->name, c->operands, c->about);
	for (const struct admin_option *o = c->options; o->name; o++) {
		char left[40];
		snprintf(left, sizeof left, "--%s %s", o->name, o->argument ? o->argument : "");
		printf("  %-24s %s\n", left, o->help);
	}
	printf("  %-24s %s\n", "--help", "print this text");
	return admin_done();
}

/* ---- one subcommand ---- */

static void make_known(const struct admin_command *c, struct option known[OPTIONS_MAX + 2])
{
	size_t n = 0;
	for (const struct admin_option *o = c->options; o->name; o++) {
		assert(n < OPTIONS_MAX);
		known[n] = (struct option){ .name = o->name,
			                    .has_arg = o->argument ? required_argument : no_argument,
			                    .val = FIRST_OPTION + (int)n };
		n++;
	}
	known[n] = (struct option){ .name = "help", .has_arg = no_argument, .val = HELP };
	known[n + 1] = (struct option){ 0 };
}

static int not_understood(const struct admin_command *c, int answer, const char *argument)
{
	if (answer == ':') {
		const struct admin_option *o = &c->options[optopt - FIRST_OPTION];
		return admin_fail(EX_USAGE, "--%s needs a value: give --%s %s", o->name, o->name, o->argument);
	}
	if (optopt >= FIRST_OPTION) {
		const char *name = optopt == HELP ? "help" : c->options[optopt - FIRST_OPTION].name;
		return admin_fail(EX_USAGE, "--%s takes no value: give --%s alone", name, name);
	}
	if (optopt)
		return admin_fail(EX_USAGE, "unknown option '-%c': postroom %s --help shows what there is", optopt,
		                  c->name);
	return admin_fail(EX_USAGE, "unknown option '%s': postroom %s --help shows what there is", argument, c->name);
}

bool admin_set_word(void *at, const char *value)
{
	*(const char **)at = value;
	return *value != '\0';
}

static bool set(const struct admin_option *o, char *wishes, const char *value)
{
	if (o->set)
		return o->set(wishes + o->at, value);
	if (o->argument)
		*(const char **)(void *)(wishes + o->at) = value;
	else
		*(bool *)(wishes + o->at) = true;
	return true;
}

/* argv[0] is the subcommand's name. */
static int run_command(const struct admin_command *c, int argc, char **argv)
{
	_Alignas(max_align_t) char wishes[ADMIN_WISHES_MAX] = { 0 };
	struct option known[OPTIONS_MAX + 2];
	int answer;
	assert(c->wishes_size <= sizeof wishes);
	make_known(c, known);
	opterr = 0;
	optind = 0; /* from the start, and what getopt keeps is reset */
	while ((answer = getopt_long(argc, argv, ":h", known, NULL)) >= 0) {
		if (answer == HELP || answer == 'h')
			return print_command_help(c);
		if (answer < FIRST_OPTION)
			return not_understood(c, answer, argv[optind - 1]);
		const struct admin_option *o = &c->options[answer - FIRST_OPTION];
		if (!set(o, wishes, optarg))
			return admin_fail(EX_USAGE, "--%s '%s': %s", o->name, optarg, o->expected);
	}
	return c->run(wishes, argc - optind, argv + optind);
}

/* ---- all of them ---- */

static const struct admin_command *find(const struct admin_program *program, const char *name)
{
	for (const struct admin_command *const *c = program->commands; *c; c++) {
		if (strcmp((*c)->name, name) == 0)
			return *c;
	}
	return NULL;
}

static int not_known(const char *word)
{
	return admin_fail(EX_USAGE, "'%s' is not known: postroom --help shows what there is", word);
}

static int help_on(const struct admin_program *program, const char *word)
{
	if (!word)
		return print_help(program);
	const struct admin_command *c = find(program, word);
	return c ? print_command_help(c) : not_known(word);
}

int admin_run(const struct admin_program *program, int argc, char **argv)
{
	if (argc < 2)
		return admin_fail(EX_USAGE, "say what to do: postroom --help shows what there is");
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
		return help_on(program, argv[2]);
	if (strcmp(word, "--version") == 0) {
		puts("postroom " POSTROOM_VERSION);
		return admin_done();
	}
	const struct admin_command *c = find(program, word);
	return c ? run_command(c, argc - 1, argv + 1) : not_known(word);
}
