/*
 * listen: listening sockets, shared by all workers.
 *
 * Without an address one socket takes IPv6 and IPv4 (IPv4 alone where the machine has no IPv6). Not SO_REUSEPORT,
 * which would hide a port in use.
 */
#ifndef POSTROOM_NET_LISTEN_H
#define POSTROOM_NET_LISTEN_H

#include "base/fault.h"
#include "net/loop.h"

struct listener {
	int fd;
	char address[64]; /* as bound, numeric */
	unsigned port;    /* as bound: the real one where 0 was asked for */
};

/* `address` NULL: all. FAULT_BUSY where the port is in use, FAULT_PERMANENT for a bad address; the text says what to do. */
bool listener_open(struct listener *l, const char *address, unsigned port, struct fault *why);
void listener_close(struct listener *l);

/* Watches the socket from one loop: accepted() gets each new non-blocking, close-on-exec descriptor and the peer's
 * numeric address. Pauses for a moment when descriptors run out. */
struct accept_watch;
struct accept_watch *accept_watch_new(struct loop *loop, const struct listener *l,
                                      void (*accepted)(void *owner, int fd, const char *peer), void *owner);
void accept_watch_free(struct accept_watch *w);

#endif
