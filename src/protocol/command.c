/*
 * command: see command.h.
 */
#include "protocol/command.h"

const struct command *command_find(const struct command *table, size_t rows, struct slice verb)
{
	for (size_t i = 0; i < rows; i++) {
		if (slice_equal_text_nocase(verb, table[i].verb))
			return &table[i];
	}
	return NULL;
}

/* A NUL, or a CR or LF that ends no line: what one server reads as two commands must not be one argument here. */
static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool argument_fits(enum command_argument wanted, struct slice argument)
{
	if (wanted == ARGUMENT_NONE && !slice_empty(argument))
		return false;
	if (wanted >= ARGUMENT_NEEDED && slice_empty(argument))
		return false;
	return !has_control(argument);
}

/* RFC 1939 section 7: a password may begin and end with blanks. */
static struct slice behind_verb(struct slice line, const char *verb)
{
	while (line.len > 0 && slice_is_blank(line.ptr[0]))
		line = slice_skip(line, 1);
	size_t len = strlen(verb) + 1;
	return slice_skip(line, len < line.len ? len : line.len);
}

enum command_verdict command_judge(const struct command *table, size_t rows, unsigned state, struct slice line,
                                   const struct command **row, struct slice *argument)
{
	*argument = line;
	*row = command_find(table, rows,
	                    slice_word(argument)); /* RFC 5321 section 2.4, RFC 1939 section 3: in any case */
	if (!*row)
		return COMMAND_UNKNOWN;
	if ((*row)->argument == ARGUMENT_VERBATIM)
		*argument = behind_verb(line, (*row)->verb);
	if (!((*row)->states & state))
		return COMMAND_OUT_OF_ORDER;
	if (!argument_fits((*row)->argument, *argument))
		return COMMAND_BAD_ARGUMENT;
	return COMMAND_ALLOWED;
}

static bool is_spelled(struct slice line, const char *spelling)
{
	size_t len = strlen(spelling);
	if (len == 0 || !slice_starts_nocase(line, spelling))
		return false;
	return spelling[len - 1] == ':' || line.len == len || slice_is_blank(line.ptr[len]);
}

struct slice command_respell(const struct course_verb *verbs, size_t count, struct slice line, char *room)
{
	struct slice trimmed = slice_trim(line);
	for (size_t i = 0; i < count; i++) {
		size_t means = strlen(verbs[i].means);
		if (!is_spelled(trimmed, verbs[i].spelling) || means > COMMAND_MEANING_MAX)
			continue;
		struct slice rest = slice_skip(trimmed, strlen(verbs[i].spelling));
		memcpy(room, verbs[i].means, means);
		memcpy(room + means, rest.ptr, rest.len);
		return slice_make(room, means + rest.len);
	}
	return line;
}
