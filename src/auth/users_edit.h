/*
 * users_edit: changes one user in a users file. All other lines, comments and bad ones included, stay byte for byte.
 *
 * A new file takes the old one's place at once, with its mode and owner; whoever reads sees the one or the other, also after a loss of power. Two edits at
 * the same time come one after the other. Where all is done but the disk does not say that it is there for good, that is a fault as well. Blocks.
 */
#ifndef POSTROOM_AUTH_USERS_EDIT_H
#define POSTROOM_AUTH_USERS_EDIT_H

#include "auth/users.h"

enum { USERS_EDIT_WAIT_MS = 10 * 1000 }; /* for another edit to end */

struct users_edit {
	const char *path; /* the users file's; a symbolic link is followed */
	struct users_form form;
	struct slice name;
	const char *secret; /* as password_make() gave it; to remove, it is passed over */
};

/* A user more, at the file's end; a file that is not there is made, for its owner alone to read. False with why: the name is there already, or can be none. */
bool users_edit_add(const struct users_edit *edit, struct fault *why);
/* Another secret for a user; the blanks around it stay, where the line does not grow too long with them. False with why: no such user. */
bool users_edit_change(const struct users_edit *edit, struct fault *why);
/* All lines with this name go (the first of several counts, and the next would come into its place). False with why: no such user. */
bool users_edit_remove(const struct users_edit *edit, struct fault *why);

#endif
