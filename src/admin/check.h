/*
 * check: `postroom check-mailbox`: says exactly what is wrong with a mailbox, and puts right what the store itself would.
 */
#ifndef POSTROOM_ADMIN_CHECK_H
#define POSTROOM_ADMIN_CHECK_H

#include "admin/admin.h"

extern const struct admin_command check_command;

#endif
