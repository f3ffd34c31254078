/*
 * status: `postroom status`: asks a running server at its socket.
 */
#ifndef POSTROOM_ADMIN_STATUS_H
#define POSTROOM_ADMIN_STATUS_H

#include "admin/admin.h"

extern const struct admin_command status_command;

#endif
