/*
 * client: what the screens of one mailclient share: whose mail it is, where the servers are, and the course whose
 * texts are shown.
 *
 * Made by programs/mailclient.c, lives as long as the program; the password is nowhere else, and client_run() wipes
 * it.
 */
#ifndef POSTROOM_CLIENT_CLIENT_H
#define POSTROOM_CLIENT_CLIENT_H

#include <stdbool.h>

#include "client/prompt.h"
#include "client/screen.h"
#include "course/course.h"

enum { CLIENT_WORD_MAX = 512 }; /* octets of a name and of a password */

struct client {
	const struct course *course;
	const char *server;
	unsigned smtp_port;
	unsigned pop3_port;
	bool transcript; /* the dialogue is shown on stdout */

	struct screen screen;
	struct prompt prompt;
	struct buf name;
	struct buf password;
	unsigned connections; /* opened so far; numbers them in the transcript */
};

/* Asks for name and password, then shows the menu until it is left or the input ends. Blocks. */
void client_run(struct client *client);

#endif
