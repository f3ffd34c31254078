/*
 * users_line: one line of a users file: its name and its secret, or what is wrong with it. Pure. The rules stand in users.h.
 */
#ifndef POSTROOM_AUTH_USERS_LINE_H
#define POSTROOM_AUTH_USERS_LINE_H

#include "auth/password.h"
#include "auth/users.h"

struct users_line {
	struct slice name; /* empty: an empty line or a comment */
	struct slice secret;
	enum password_kind kind;
};

/* Parts of `text`, a line with or without its end. NULL, or what is wrong; never with a part of the line in it. */
const char *users_line_read(struct slice text, const struct users_form *form, struct users_line *line);

/* NULL: this may be a name, and a directory's. */
const char *users_line_fault_of_name(struct slice name);

#endif
