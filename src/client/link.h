/*
 * link: a talk over a connection. Dials, moves octets both ways with poll(), keeps the time limits; what the octets
 * mean is the talk's.
 *
 * Blocks until the talk is idle, calling `tick` a few times a second. A server that hangs up while it is written to
 * is still heard to the end and never raises SIGPIPE.
 */
#ifndef POSTROOM_CLIENT_LINK_H
#define POSTROOM_CLIENT_LINK_H

#include "base/fault.h"
#include "protocol/talk.h"

enum { LINK_DIAL_MS = 30 * 1000 };

struct link {
	int fd; /* -1: closed */
	struct transcript_feed feed;
	void (*tick)(void *owner); /* may be NULL */
	void *owner;
};

struct link_options {
	const char *server;
	unsigned port;
	unsigned connection;      /* number in the transcript */
	struct transcript *shown; /* the dialogue goes there; NULL: it is not shown */
};

/* Gives l->feed for the talk, also where there is no connection. */
void link_init(struct link *l);
bool link_open(struct link *l, const struct link_options *options, struct fault *why);
/* Until the talk is idle. False: hung up, silent for too long, or no sense in what came. */
bool link_run(struct link *l, struct talk *t, struct fault *why);
/* Between two runs: false when the server hung up, or said something unasked, which it does before it hangs up. */
bool link_is_alive(const struct link *l);
void link_close(struct link *l);

#endif
