/*
 * sasl: a server's side of PLAIN, LOGIN, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 4616, 5802, 7677, 9266), by GNU SASL, over a users file.
 *
 * Plain blocking code; no event loop. One exchange is one attempt, with a context of its own. An unknown name goes through the same work as a known one,
 * with another's kind of secret, and then fails. A mechanism is offered only where it works for every user: SCRAM where each secret is a plain password or
 * has SCRAM keys.
 */
#ifndef POSTROOM_AUTH_SASL_H
#define POSTROOM_AUTH_SASL_H

#include "auth/users.h"
#include "base/buf.h"

enum {
	SASL_LIST_MAX = 128,
	SASL_BINDING_MAX = 64,
	SASL_RESPONSE_MAX = 12288, /* octets of a response in BASE64 (RFC 4954 section 4) */
};

/* What a session permits. */
struct sasl_situation {
	bool plaintext;       /* PLAIN and LOGIN may be used: over TLS, from this machine, or by the operator's will */
	struct slice binding; /* tls-exporter of the TLS session; empty: none, and no -PLUS */
};

enum sasl_verdict {
	SASL_CHALLENGE, /* to be sent, and answered */
	SASL_OK,
	SASL_WRONG, /* wrong name, password, proof or binding, another's authorisation identity, or not what the mechanism asks for */
	SASL_MALFORMED,    /* no BASE64 */
	SASL_NO_MECHANISM, /* not offered */
	SASL_NEEDS_TLS,    /* offered, but not in clear */
	SASL_FAULT,        /* memory is out */
};

struct sasl_exchange;

/* The mechanisms' names, strongest first, with blanks between; "" where there are none. Never blocks. */
void sasl_list(struct users *u, const struct sasl_situation *situation, char list[SASL_LIST_MAX]);

/* A new exchange. SASL_CHALLENGE: it goes on with sasl_step(), else there is none. Never blocks. */
enum sasl_verdict sasl_begin(struct sasl_exchange **x, struct users *u, struct slice mechanism,
                             const struct sasl_situation *situation);
/* What the client said, in BASE64 (an empty response is an empty slice); `has` false: it gave no initial response. Appends the challenge in BASE64, maybe
 * empty. May take long (hashing). After anything but SASL_CHALLENGE the exchange is over. */
enum sasl_verdict sasl_step(struct sasl_exchange *x, struct slice response, bool has, struct buf *challenge);
/* Whether the next step may take long. Never blocks. */
bool sasl_is_slow(const struct sasl_exchange *x);
/* The mechanism's name, and the name that the client gave, "" before: for the log. */
const char *sasl_mechanism(const struct sasl_exchange *x);
const char *sasl_claimed(const struct sasl_exchange *x);
/* After SASL_OK: as the users file spells it. */
const char *sasl_user(const struct sasl_exchange *x);
/* Wipes and frees. NULL is passed over. */
void sasl_free(struct sasl_exchange *x);

#endif
