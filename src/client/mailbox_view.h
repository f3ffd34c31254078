/*
 * mailbox_view: the screen "Manage Mail": the list, a mail by its number, and keys that delete it, save its attachments where the
 * course has a key for that, or go back.
 */
#ifndef POSTROOM_CLIENT_MAILBOX_VIEW_H
#define POSTROOM_CLIENT_MAILBOX_VIEW_H

#include "client/client.h"

/* False: the input ended (QUIT was said all the same). Blocks. */
bool mailbox_view(struct client *client);

#endif
