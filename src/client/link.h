/*
 * link: a talk over a connection, in clear or through TLS. Dials, does the handshake, moves octets both ways with poll(),
 * keeps the time limits; what the octets mean is the talk's.
 *
 * Blocks until the talk is idle, calling `tick` a few times a second. A server that hangs up while it is written to
 * is still heard to the end and never raises SIGPIPE.
 */
#ifndef POSTROOM_CLIENT_LINK_H
#define POSTROOM_CLIENT_LINK_H

#include "base/fault.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "protocol/talk.h"

enum {
	LINK_DIAL_MS = 30 * 1000,
	/* Octets a second, either way, that a server has to come to from one reply to the next, once its limit of silence is over: an octet now and then
	 * does not hold anybody for ever. Modems were ten times as fast. */
	LINK_LEAST_RATE = 100,
};

/* Whose signatures on certificates are believed; a program's connections share it. */
struct link_trust {
	const char *ca_file;       /* NULL: the system's */
	struct tls_client *client; /* private: made when the first handshake needs it */
};

struct link_options {
	const char *server;
	unsigned port;
	bool tls_first;           /* the handshake comes before the first word; else when the talk asks for it */
	bool tls_asked;           /* … since the person said so, not the port's number */
	struct link_trust *trust; /* the caller's, must outlive the link; never NULL */
	unsigned connection;      /* number in the transcript */
	struct transcript *shown; /* the dialogue goes there; NULL: it is not shown */
};

struct link {
	struct stream stream;
	struct session_tls tls; /* where stream.ssl is there and the handshake is over */
	bool is_local;          /* the server is this machine, by the address that is connected */
	struct transcript_feed feed;
	void (*tick)(void *owner); /* may be NULL */
	void *owner;

	/* private */
	bool heard; /* an octet from the server */
	const char *server;
	struct link_trust *trust;
};

/* Gives l->feed for the talk, also where there is no connection. */
void link_init(struct link *l);
/* Where TLS comes first, the certificate has been verified when it gives true. */
bool link_open(struct link *l, const struct link_options *options, struct fault *why);
bool link_is_open(const struct link *l);
bool link_is_secure(const struct link *l);
/* Until the talk is idle; where it asks for TLS, the handshake is done on the way, and a failed one ends the session. False: hung up, silent or slow for too long, or no sense in what came. */
bool link_run(struct link *l, struct talk *t, struct fault *why);
/* Between two runs: false when the server hung up, or said something unasked, which it does before it hangs up. */
bool link_is_alive(struct link *l);
void link_close(struct link *l);
void link_trust_release(struct link_trust *t);

#endif
