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

#include "client/credentials.h"
#include "client/prompt.h"
#include "client/screen.h"
#include "client/smtp_link.h"
#include "course/course.h"

struct client {
	const struct course *course;
	const char *server;
	unsigned smtp_port;
	unsigned pop3_port;
	struct transcript *transcript; /* the dialogue is shown there; NULL: it is not */

	struct screen screen;
	struct prompt prompt;
	struct credentials credentials; /* unused where clients register */
	struct smtp_link smtp;          /* a mail's, or kept open where clients register */
	unsigned connections;           /* opened so far; numbers them in the transcript */
};

/* Asks for name and password, or registers, then shows the menu until it is left or the input ends. Blocks. */
void client_run(struct client *client);

#endif
