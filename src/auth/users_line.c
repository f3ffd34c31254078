/*
 * users_line: see users_line.h.
 */
#include "auth/users_line.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_control(s.ptr[i]))
			return true;
	}
	return false;
}

static bool has_blank(struct slice s)
{
	return slice_has(s, ' ') || slice_has(s, '\t');
}

/* UTF-8 beyond ASCII is taken as it is. */
const char *users_line_fault_of_name(struct slice name)
{
	if (slice_empty(name))
		return "no name before the comma";
	if (name.len > USERS_NAME_MAX)
		return "the name is longer than 64 octets";
	if (name.ptr[0] == '.')
		return "a name may not begin with a full stop";
	if (slice_has(name, '/'))
		return "a name may not hold a slash";
	if (has_control(name))
		return "a name may not hold control characters";
	if (has_blank(name))
		return "a name may not hold blanks";
	return NULL;
}

static const char *fault_of_secret(struct slice secret, char separator)
{
	if (slice_empty(secret))
		return separator == ',' ? "no password: expected name,password"
		                        : "no password: expected name and password, blanks between";
	if (has_blank(secret))
		return separator == ',' ? "a password may not hold blanks"
		                        : "more than two words: expected name and password";
	if (has_control(secret))
		return "a password may not hold control characters";
	return NULL;
}

static void split(struct slice text, char separator, struct users_line *line)
{
	if (separator == ',') {
		size_t comma = slice_find(text, ',');
		line->name = slice_trim(slice_make(text.ptr, comma));
		line->secret = slice_trim(slice_skip(text, comma + 1));
	} else {
		line->secret = text;
		line->name = slice_word(&line->secret);
	}
}

static struct slice without_end(struct slice text)
{
	if (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	if (text.len > 0 && text.ptr[text.len - 1] == '\r')
		text.len--;
	return text;
}

const char *users_line_read(struct slice text, const struct users_form *form, struct users_line *line)
{
	*line = (struct users_line){ .kind = PASSWORD_PLAIN };
	text = without_end(text);
	bool too_long = text.len > USERS_LINE_MAX;
	text = slice_trim(text);
	if (slice_empty(text) || text.ptr[0] == '#')
		return NULL;
	if (too_long)
		return "longer than 1024 octets";
	split(text, form->separator, line);
	const char *bad = users_line_fault_of_name(line->name);
	if (!bad)
		bad = fault_of_secret(line->secret, form->separator);
	if (!bad && form->schemes)
		bad = password_kind_of(line->secret, &line->kind);
	return bad;
}
