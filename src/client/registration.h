/*
 * registration: where a course has no users, a client registers when it connects, and its address lives as long as
 * that connection. Opens it, tells the address, and shows the mails that have arrived.
 */
#ifndef POSTROOM_CLIENT_REGISTRATION_H
#define POSTROOM_CLIENT_REGISTRATION_H

#include "client/client.h"

/* Sees to it that there is a session; a new one's address is told. False: there is none, and the user knows why. */
bool registration_renew(struct client *client);
/* The screen "Retrieve Mail". */
void registration_retrieve(struct client *client);

/* "5@mymailserver" out of "250 OK You are 5@mymailserver": the last word with an @ in it, or all behind the code. */
struct slice registration_address(struct slice words);

#endif
