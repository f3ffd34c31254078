/*
 * post: the screen "Send Mail": a mail is typed, checked, handed to the SMTP server, and its fate told.
 */
#ifndef POSTROOM_CLIENT_POST_H
#define POSTROOM_CLIENT_POST_H

#include "client/client.h"

/* False: the input ended. Blocks. */
bool post_mail(struct client *client);

#endif
