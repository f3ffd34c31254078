/*
 * command: a line from a peer, made into a row of a protocol's table, or refused: the one gate before all handlers.
 *
 * Both servers have a static table, a row per verb. Adding a verb is adding a row: what a session must have been through (a greeting, a login,
 * TLS) is a bit of its state, and is asked for here and nowhere else.
 */
#ifndef POSTROOM_PROTOCOL_COMMAND_H
#define POSTROOM_PROTOCOL_COMMAND_H

#include "base/slice.h"
#include "course/course.h"
#include "net/session.h"

enum command_argument {
	ARGUMENT_NONE,
	ARGUMENT_OPTIONAL,
	ARGUMENT_NEEDED,
	ARGUMENT_VERBATIM, /* needed, and all that stands behind the verb and one blank: a password */
};

struct command {
	const char *verb; /* upper case */
	unsigned states;  /* the states in which it is legal, a bit mask */
	enum command_argument argument;
	const char *form; /* how it is typed, for people: "RCPT TO:<recipient>" */
	/* Called where the command is allowed; the argument is trimmed, and lives until the call returns. */
	enum session_next (*run)(struct session *s, struct slice argument);
};

enum command_verdict {
	COMMAND_ALLOWED,
	COMMAND_UNKNOWN,
	COMMAND_OUT_OF_ORDER, /* not in this state */
	COMMAND_BAD_ARGUMENT, /* one too many, none, or control characters in it */
};

enum { COMMAND_MEANING_MAX = 32 }; /* octets of what a further spelling stands for */

/* A line that begins with a course's further spelling of a verb, in any case, is written into `room`, line.len + COMMAND_MEANING_MAX octets, with what
 * it means in its place; any other line is returned as it is. A spelling ends at a colon of its own, at a blank or with the line. */
struct slice command_respell(const struct course_verb *verbs, size_t count, struct slice line, char *room);
/* The table's row for a verb in any case, or NULL. */
const struct command *command_find(const struct command *table, size_t rows, struct slice verb);
/* Finds the line's row (NULL where the verdict is COMMAND_UNKNOWN) and argument, and judges. Blanks at the line's end are passed over. */
enum command_verdict command_judge(const struct command *table, size_t rows, unsigned state, struct slice line,
                                   const struct command **row, struct slice *argument);

#endif
