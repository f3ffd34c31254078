/*
 * authority: a certificate authority of this directory's own, in ca.pem and ca.key: it is made once, so that whoever trusts it goes on trusting it, and
 * signs certificates for servers.
 *
 * ECDSA on P-256 throughout, by OpenSSL. The authority signs server certificates alone (path length 0). Knows no options and prints nothing; blocks.
 */
#ifndef POSTROOM_ADMIN_AUTHORITY_H
#define POSTROOM_ADMIN_AUTHORITY_H

#include <time.h>

#include "base/buf.h"
#include "base/fault.h"

enum { AUTHORITY_DAYS = 3650, AUTHORITY_RENEW_DAYS = 60, AUTHORITY_PEM_MAX = 64 * 1024 };

/* What the servers get, in the same directory. */
#define AUTHORITY_PAIR_CERT "cert.pem"
#define AUTHORITY_PAIR_KEY  "key.pem"

enum authority_state {
	AUTHORITY_KEPT,
	AUTHORITY_MADE,
	AUTHORITY_MADE_ANEW, /* its certificate alone, for the key that was there */
	AUTHORITY_RENEWED, /* it would have ended soon: the same name and key with a new end, so what it has signed stays good */
};

struct authority;

/* The directory's authority; made where neither file is there, renewed when it ends within AUTHORITY_RENEW_DAYS. A file that is there is never replaced but
 * for that. Nor may a pair be there that this authority has not signed: whoever opens it is about to replace the pair. NULL: why. */
struct authority *authority_open(int dir, enum authority_state *state, struct fault *why);
void authority_free(struct authority *a);
time_t authority_end(const struct authority *a);

/* A server's certificate, with a key made for it. */
struct certificate {
	struct buf chain; /* PEM: the certificate, then the authority's */
	struct buf key;   /* PEM; wiped by certificate_release */
	time_t end;
};

/* `common_name`: the first of the names. `alt_names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1", of names that were checked. It ends with the
 * authority at the latest. The certificate is to be released in any case. */
bool authority_certify(const struct authority *a, const char *common_name, const char *alt_names, unsigned days,
                       struct certificate *c, struct fault *why);
void certificate_release(struct certificate *c);

#endif
