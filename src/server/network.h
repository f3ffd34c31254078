/*
 * network: whom a peer's address belongs to, as a key for tables: an IPv4 address, or an IPv6 /64 network: less is nobody's alone.
 *
 * Pure. Addresses are numeric; an IPv4 address in its IPv6 form (RFC 4291 section 2.5.5.2) is the IPv4 address, and a link-local address's zone is passed over.
 */
#ifndef POSTROOM_SERVER_NETWORK_H
#define POSTROOM_SERVER_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

enum { NETWORK_KEY = 16 }; /* octets */

/* False: that is no address. */
bool network_key(const char *address, unsigned char key[NETWORK_KEY]);
/* Whether an address is this machine's own: 127/8, ::1, or a UNIX socket's peer. */
bool network_is_loopback(const char *address);
/* Whether both are the same address, however they are written; false where one is none. */
bool network_same(const char *a, const char *b);
/* Where a key belongs in a table. With a seed that nobody outside knows, nobody can choose who shares a place. */
uint32_t network_hash(const unsigned char key[NETWORK_KEY], uint32_t seed);
/* Such a seed. */
uint32_t network_seed(void);

#endif
