/*
 * tls_tickets: the keys under which a server's session tickets are sealed. They outlive a certificate, so that who comes
 * back is known again after a reload, and change twice a day, so that no key opens old sessions for long (RFC 9325 section 3.4).
 *
 * In memory alone. Thread-safe.
 */
#ifndef POSTROOM_NET_TLS_TICKETS_H
#define POSTROOM_NET_TLS_TICKETS_H

#include <stdint.h>

#include "base/fault.h"

struct ssl_ctx_st;
struct tls_tickets;

enum {
	TLS_TICKET_LIFE_S = 2 * 60 * 60,  /* how long a ticket is good */
	TLS_TICKET_TURN_S = 12 * 60 * 60, /* a key seals so long, and opens as long again */
};

struct tls_tickets *tls_tickets_new(struct fault *why);
/* Wipes the keys. Only when no session of the contexts below is left. NULL is passed over. */
void tls_tickets_free(struct tls_tickets *t);
/* Where it is time by clock_ms(), a new key: the last one opens from now on, the one before it is forgotten; after two such times both are new. Happens by
 * itself with each ticket. */
void tls_tickets_turn(struct tls_tickets *t, int64_t now);
/* Tickets of this context are sealed under these keys. */
bool tls_tickets_use(struct tls_tickets *t, struct ssl_ctx_st *ctx);

#endif
