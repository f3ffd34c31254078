/*
 * sasl: the user's side of a login: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN and LOGIN (RFC 7677, 9266, 4616) by GNU SASL, and APOP's digest
 * (RFC 1939 section 7).
 *
 * It is the talk_login of the two protocol machines: they carry its words, it knows what they mean. One mechanism is tried, the strongest that both
 * sides have; after a failure there is no weaker one. Keeps no copy of the password beyond the exchange.
 */
#ifndef POSTROOM_CLIENT_SASL_H
#define POSTROOM_CLIENT_SASL_H

#include "net/session.h"
#include "protocol/talk.h"

struct Gsasl;
struct Gsasl_session;

enum {
	SASL_ITERATIONS_MAX = 1000000
}; /* of SCRAM's hash: more than any server needs, and less than keeps a client busy for long */

struct sasl {
	struct talk_login login; /* for the machine; first: its functions find the exchange by it */

	/* private */
	const struct session_tls *tls;
	struct Gsasl *library;
	struct Gsasl_session *session;
	const char *mechanism;
	bool proven; /* the mechanism is satisfied: with SCRAM, the server knows the password too */
};

/* All three must live until sasl_release(); what `tls` says when a mechanism is chosen counts, without has_binding nothing is bound. */
void sasl_init(struct sasl *s, struct slice name, struct slice password, const struct session_tls *tls);
/* Wipes what the exchange knew. */
void sasl_release(struct sasl *s);

#endif
