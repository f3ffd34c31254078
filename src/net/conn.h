/*
 * conn: one accepted connection: its socket, TLS, buffers, marks and time limits. Owns its session and frees it; nobody
 * else does. Lives on one loop.
 *
 * A peer that shuts down its sending side is answered to the end of what it sent. One that breaks off is forgotten at
 * once, but for a session that waits: it lives on without a socket until its answer is in. After the last reply the
 * peer's input is read for a moment more, so that no reset destroys the reply on its way (RFC 1122 section 4.2.2.13).
 *
 * A TLS handshake comes first, or when the session asks for it. One that fails, or is not over in time, ends the connection
 * without a word; so does any stop, for between two protocols there is nothing that could be said.
 */
#ifndef POSTROOM_NET_CONN_H
#define POSTROOM_NET_CONN_H

#include <sys/time.h>

#include "net/loop.h"
#include "net/pump.h"

struct conn;
struct ssl_st;

enum { CONN_HANDSHAKE_MS = 30 * 1000 };

/* The connections of one loop; all calls on the loop's thread. */
struct conn_set {
	struct loop *loop;
	struct conn *first;
	size_t count;
	char *scratch;              /* what is read goes here first, PUMP_INPUT_MAX octets */
	struct buf spare;           /* the pumps' */
	struct timeval last_moment; /* a second, as the loop's timer wants it */
	struct timeval handshake;   /* CONN_HANDSHAKE_MS, likewise */
	/* Gives a new TLS session, the server's side, or NULL. NULL: no session here asks for TLS. */
	struct ssl_st *(*tls_session)(struct conn_set *);
	/* Told after each connection's end, with what came with it; may be NULL. */
	void (*closed)(struct conn_set *, void *visit);
	void *owner;
};

bool conn_set_init(struct conn_set *set, struct loop *loop, struct fault *why);
/* Only when no connection is left. */
void conn_set_release(struct conn_set *set);
/* Says stop(why) to every session; with STOP_NOW connections that still cannot send are closed after at most one second. */
void conn_set_stop(struct conn_set *set, enum session_stop why);

/* How a connection begins. */
enum conn_start {
	CONN_GREETED, /* with the session's start() */
	CONN_REFUSED, /* the session is told to stop instead */
	CONN_TLS,     /* a handshake comes first */
};

/* One that was accepted. */
struct arrival {
	int fd;
	struct session *session;
	enum conn_start start;
	enum session_stop refusal; /* CONN_REFUSED: why */
	void *visit;               /* whoever accepted it gets this back from closed() */
};

/* Takes over the descriptor and the session in any case. False: closed at once, out of memory, and closed() is not called. */
bool conn_open(struct conn_set *set, const struct arrival *arrival);

#endif
