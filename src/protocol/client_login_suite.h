/*
 * client_login_suite: a login as the tests need it: its mechanisms, PLAIN, SCRAM-SHA-256 and LOGIN, answer a challenge C with <C> where BASE64 would stand, and it
 * says whether it has accepted the server.
 */
#ifndef POSTROOM_PROTOCOL_CLIENT_LOGIN_SUITE_H
#define POSTROOM_PROTOCOL_CLIENT_LOGIN_SUITE_H

#include "protocol/talk_auth.h"

struct client_login {
	struct talk_login login; /* first */
	const char *mechanism;   /* the last that was chosen */
	const char *senseless;   /* this challenge makes no sense */
	bool distrusts;          /* the server's yes counts for nothing */
};

void client_login_init(struct client_login *l, const char *name, const char *password);

#endif
