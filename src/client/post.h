/*
 * post: the screen "Send Mail": a mail is typed, checked, handed to the SMTP server, and its fate told.
 */
#ifndef POSTROOM_CLIENT_POST_H
#define POSTROOM_CLIENT_POST_H

#include "client/client.h"

/* False: the input ended. Blocks. */
bool post_mail(struct client *client);

/* Why the last call to the SMTP server was not done: its own words, or what became of the connection. */
void post_tell_trouble(struct client *client, const char *before);

#endif
