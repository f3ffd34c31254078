/*
 * user: `postroom user`: adds, changes, removes and lists the users of a directory's users file.
 */
#ifndef POSTROOM_ADMIN_USER_H
#define POSTROOM_ADMIN_USER_H

#include "admin/admin.h"

extern const struct admin_command user_command;

#endif
