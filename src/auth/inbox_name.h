/*
 * inbox_name: the inbox of an address, as the name of a directory. Pure.
 *
 * Letters are made small; digits and @ . _ - + = stay; any other octet, and a full stop at the beginning, is %XX. So addresses that differ in more than case have
 * inboxes that differ, and no name leads anywhere else. What would be longer than USERS_NAME_MAX is its beginning, a ~, and a hash of all of it.
 */
#ifndef POSTROOM_AUTH_INBOX_NAME_H
#define POSTROOM_AUTH_INBOX_NAME_H

#include "auth/users.h"

/* False: the address is empty, or memory is out. */
bool inbox_name(struct slice address, char name[USERS_NAME_MAX + 1]);

#endif
