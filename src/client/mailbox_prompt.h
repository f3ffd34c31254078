/*
 * mailbox_prompt: the screen "Mail Management" of a course with a command prompt: login, greeting, list, and then STAT,
 * LIST, RETR, DELE, RSET and QUIT as they are typed, in one POP3 session.
 */
#ifndef POSTROOM_CLIENT_MAILBOX_PROMPT_H
#define POSTROOM_CLIENT_MAILBOX_PROMPT_H

#include "client/client.h"

/* False: QUIT, or the input ended (QUIT was said all the same). Blocks. */
bool mailbox_prompt(struct client *client);

#endif
