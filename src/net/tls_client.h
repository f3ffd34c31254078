/*
 * tls_client: how a client checks whom it talks to: the certificate must be signed by a CA that is trusted and be for the server's name or address
 * (RFC 6125, RFC 8314 section 5.1). There is no way to switch that off.
 */
#ifndef POSTROOM_NET_TLS_CLIENT_H
#define POSTROOM_NET_TLS_CLIENT_H

#include "base/fault.h"

struct ssl_st;
struct tls_client;

/* `ca_file` NULL: the system's CAs. NULL: why says what is wrong with the file. Blocks. */
struct tls_client *tls_client_new(const char *ca_file, struct fault *why);
void tls_client_free(struct tls_client *t);
/* A new session with this host: a name (then also sent as SNI) or a numeric address. NULL: why. */
struct ssl_st *tls_client_session(struct tls_client *t, const char *host, struct fault *why);

#endif
