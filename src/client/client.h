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

#include "client/account.h"
#include "client/credentials.h"
#include "client/prompt.h"
#include "terminal/screen.h"
#include "client/smtp_link.h"
#include "course/course.h"

struct client {
	const struct course *course;
	struct account account; /* filled in before client_run(), but for name and password */

	struct screen screen;
	struct prompt prompt;
	struct credentials credentials; /* unused where clients register */
	struct smtp_link smtp;          /* a mail's, or kept open where clients register */
};

/* The account's name and password are those that were typed last. */
void client_use_credentials(struct client *client);

/* Asks for name and password, or registers, then shows the menu until it is left or the input ends. Blocks. */
void client_run(struct client *client);

#endif
