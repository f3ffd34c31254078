/*
 * privileges: a server that was started as root goes on as somebody else, once it has its ports and its key.
 *
 * Who: the user that was named, else the owner of the mail directory. Where that is root itself, the process keeps root's name and of its powers those over
 * files alone, which the sandbox then confines to the mail directory. Started by anybody else, it stays who it is.
 */
#ifndef POSTROOM_SERVER_PRIVILEGES_H
#define POSTROOM_SERVER_PRIVILEGES_H

#include <stdbool.h>

#include "base/fault.h"

enum { PRIVILEGES_NAME_MAX = 64 };

/* `user` NULL: the owner of the directory `dir`, a descriptor. `name` gets who the process is afterwards. False: FAULT_PERMANENT (there is no such user, or only
 * root can become another), FAULT_TEMPORARY (the kernel refused); the process may then have lost a part, and must end. Before there are threads. */
bool privileges_drop(const char *user, int dir, char name[PRIVILEGES_NAME_MAX], struct fault *why);

#endif
