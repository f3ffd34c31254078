/*
 * pump: drives one session with octets and collects what it says. Pure: no socket, no clock, no thread, so that
 * a test and a fuzzer drive a session exactly as a connection does.
 *
 * Replies are held back while input is left (a pipeline costs one write); input is held back while the session
 * waits or has more to say, and while the output is above its mark. At most one call's octets and a part of a line are
 * kept: a driver gives no more while pump_hungry() is false.
 */
#ifndef POSTROOM_NET_PUMP_H
#define POSTROOM_NET_PUMP_H

#include "net/session.h"

enum { PUMP_INPUT_MAX = 64 * 1024 };

struct pump {
	struct session *session; /* owned: freed by pump_release */
	enum session_next next;
	struct buf in;          /* octets not yet worked off: a part of a line, or what the session would not take */
	size_t taken;           /* the first of them, worked off already */
	struct buf out;         /* what the peer has not been sent yet: take from the front with buf_consume */
	struct buf *spare;      /* its driver's, for all its pumps: memory of an `out` that was sent, empty; or NULL */
	unsigned steps;         /* callbacks of the session so far */
	bool busy;              /* inside a callback of the session */
	bool awake;             /* the answer a waiting session waits for is in */
	bool secured;           /* the handshake it asked for is done, and it has not heard of it yet */
	bool unheard;           /* something came behind the end */
	bool stop_due;          /* `stop` has to be told when the session no longer waits */
	enum session_stop stop; /* … the strongest that came */
	void (*woken)(struct pump *); /* called after a wake has been worked off: there may be output */
	void *owner;                  /* whoever drives this pump */
};

/* Owns the session from here on. `woken` may be NULL. */
void pump_init(struct pump *p, struct session *session, void (*woken)(struct pump *), void *owner);
/* Frees the session and the buffers (idle ones hold none). Must not be called while pump_waiting(). */
void pump_release(struct pump *p);

void pump_start(struct pump *p);
/* Takes all n octets (at most PUMP_INPUT_MAX); works off as many as the session will, without a copy where nothing is
 * kept. After NEXT_TLS and NEXT_CLOSE they are thrown away. False: the peer is lost or memory is out, close. */
bool pump_input(struct pump *p, const char *octets, size_t n);
/* Call when output has been sent: goes on where the session had more to say. */
void pump_drained(struct pump *p);
/* After pump_wants_tls() and the handshake; `tls` must live as long as the session. Nothing of what came in clear is left. */
void pump_secured(struct pump *p, const struct session_tls *tls);
void pump_stop(struct pump *p, enum session_stop why);
/* The peer is gone: what is kept is thrown away, and the session ends as soon as it waits for nothing. */
void pump_lost(struct pump *p);

static inline bool pump_waiting(const struct pump *p)
{
	return p->next == NEXT_WAIT;
}
static inline bool pump_closing(const struct pump *p)
{
	return p->next == NEXT_CLOSE;
}
/* What was said is sent first, then a handshake is due. */
static inline bool pump_wants_tls(const struct pump *p)
{
	return p->next == NEXT_TLS;
}
/* Whether more input can be worked off now. */
static inline bool pump_hungry(const struct pump *p)
{
	return (p->next == NEXT_LINE || p->next == NEXT_BODY) && p->out.len < SESSION_OUT_MARK;
}

#endif
