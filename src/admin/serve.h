/*
 * serve: the subcommands around the server of all protocols: `postroom serve` and `postroom config`. Options alone; server/serve does the work.
 */
#ifndef POSTROOM_ADMIN_SERVE_H
#define POSTROOM_ADMIN_SERVE_H

#include "admin/admin.h"

extern const struct admin_command serve_command;
extern const struct admin_command config_command;

#endif
