/*
 * password_input: a new password, from the person at the terminal or from a file; never from the command line, which others can see.
 */
#ifndef POSTROOM_ADMIN_PASSWORD_INPUT_H
#define POSTROOM_ADMIN_PASSWORD_INPUT_H

#include "base/buf.h"
#include "base/fault.h"

enum { PASSWORD_INPUT_MAX = 512 }; /* octets */

/* Fills `password`, which the caller has begun with at least PASSWORD_INPUT_MAX and wipes: asked for twice, not shown, where stdin is a terminal, else the
 * first line of stdin; with `file`, that file's first line ("-": stdin's). Blocks. False: why. */
bool password_input(const char *user, const char *file, struct buf *password, struct fault *why);

#endif
