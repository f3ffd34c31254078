/*
 * command: any line, in any state: what is let through is a row's verb with an argument that has no control characters and stands in the line. The first octet is
 * the session's state.
 */
#include "protocol/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static const struct command table[] = {
	{ "HELO", 1, ARGUMENT_NEEDED, "HELO you", NULL },      { "MAIL", 2, ARGUMENT_NEEDED, "MAIL FROM:<you>", NULL },
	{ "NOOP", 3, ARGUMENT_OPTIONAL, "NOOP", NULL },        { "QUIT", 7, ARGUMENT_NONE, "QUIT", NULL },
	{ "PASS", 4, ARGUMENT_VERBATIM, "PASS secret", NULL },
};
static const struct course_verb spellings[] = { { "MAIL_FROM:", "MAIL FROM:" }, { "HI", "HELO" } };

enum { ROWS = sizeof table / sizeof table[0], SPELLINGS = sizeof spellings / sizeof spellings[0] };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_allowed(struct slice line, const struct command *row, struct slice argument, unsigned state)
{
	check(row->states & state);
	check((row->argument == ARGUMENT_NONE) <= slice_empty(argument));
	check((row->argument >= ARGUMENT_NEEDED) <= !slice_empty(argument));
	check(argument.ptr >= line.ptr && argument.ptr + argument.len <= line.ptr + line.len);
	for (size_t i = 0; i < argument.len; i++)
		check((unsigned char)argument.ptr[i] >= ' ' || argument.ptr[i] == '\t');
	struct slice rest = line;
	check(slice_equal_text_nocase(slice_word(&rest), row->verb));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	const struct command *row;
	struct slice argument;
	if (n == 0)
		return 0;
	struct slice typed = slice_make((const char *)octets + 1, n - 1);
	/* Just the octets that the contract asks for, so that the sanitizer sees one too many. */
	char *room = malloc(typed.len + COMMAND_MEANING_MAX);
	check(room != NULL);
	struct slice line = command_respell(spellings, SPELLINGS, typed, room);
	check(line.ptr == typed.ptr || line.ptr == room);
	switch (command_judge(table, ROWS, octets[0], line, &row, &argument)) {
	case COMMAND_ALLOWED:
		check_allowed(line, row, argument, octets[0]);
		break;
	case COMMAND_UNKNOWN:
		check(!row);
		break;
	default:
		check(row);
	}
	free(room);
	return 0;
}
