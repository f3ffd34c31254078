/*
 * proxy: what a balancer says in front of a connection: whose it is. The PROXY protocol of HAProxy, version 1 (a line) and 2 (octets). Pure.
 *
 * The caller reads as many octets as are wanted, and not one more: what is behind belongs to the session, or to TLS.
 */
#ifndef POSTROOM_NET_PROXY_H
#define POSTROOM_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>

enum {
	PROXY_MAX = 4096, /* octets of a header, further information (TLV) included */
	PROXY_ADDRESS_MAX = 46,
};

enum proxy_verdict { PROXY_MORE, PROXY_WHOLE, PROXY_WRONG };

struct proxy_header {
	size_t wanted; /* PROXY_MORE: octets in all, at least so many */
	/* PROXY_WHOLE: the client's, numeric; "": the balancer speaks for itself, or does not know. */
	char address[PROXY_ADDRESS_MAX];
};

/* Looks at the first n octets; with none it says how many to begin with. */
enum proxy_verdict proxy_parse(const char *octets, size_t n, struct proxy_header *h);

#endif
