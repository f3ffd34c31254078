/*
 * talk_auth: the dialogue of a login, the same in SMTP (RFC 4954) and POP3 (RFC 5034): AUTH, challenges, responses. What they mean is the talk_login's.
 */
#ifndef POSTROOM_PROTOCOL_TALK_AUTH_H
#define POSTROOM_PROTOCOL_TALK_AUTH_H

#include "protocol/talk.h"

enum {
	TALK_AUTH_CHALLENGE_MAX = 12288, /* octets in BASE64, as RFC 4954 section 4 allows */
	TALK_AUTH_STEPS_MAX = 8,         /* of one login; no mechanism takes more than three */
	TALK_AUTH_OFFER_MAX = 512, /* octets of the names of a server's mechanisms; what is longer is passed over */
};

/* Whether somebody is to log in at all. */
bool talk_auth_wanted(const struct talk_login *l);
/* Queues AUTH with the mechanism, and with the initial response where it has one and `at_once` is set. A login that cannot begin breaks the talk. */
void talk_auth_begin(struct talk *t, struct talk_login *l, const char *mechanism, bool at_once);
/* Answers a challenge, in BASE64. One that makes no sense breaks the talk. */
void talk_auth_answer(struct talk *t, struct talk_login *l, struct slice challenge);
/* The server has said yes. False: it may not, and the talk is broken. */
bool talk_auth_accept(struct talk *t, struct talk_login *l);
/* There is no TLS, and the server is another machine: breaks the talk. */
void talk_auth_refuse_clear(struct talk *t);

#endif
