/*
 * listen: listening sockets, shared by all workers.
 *
 * Without an address one socket takes IPv6 and IPv4 (IPv4 alone where the machine has no IPv6). Not SO_REUSEPORT,
 * which would hide a port in use. An address with a / is the path of a UNIX socket; its peers' address is LISTEN_UNIX_PEER.
 */
#ifndef POSTROOM_NET_LISTEN_H
#define POSTROOM_NET_LISTEN_H

#include "base/fault.h"
#include "net/loop.h"

enum { LISTEN_ADDRESS_MAX = 108 }; /* octets of a UNIX socket's path, its end included (unix(7)) */
#define LISTEN_UNIX_PEER "unix"

struct listener {
	int fd;
	char address[LISTEN_ADDRESS_MAX]; /* as bound: numeric, or a path */
	unsigned port;                    /* as bound: the real one where 0 was asked for; 0: a UNIX socket */
};

/* `address` NULL: all. FAULT_BUSY where the port is in use, FAULT_PERMANENT for a bad address; the text says what to do. A UNIX socket that nobody listens at
 * any more makes room for this one; everybody may connect to whom the directory lets in. */
bool listener_open(struct listener *l, const char *address, unsigned port, struct fault *why);
/* A UNIX socket for this user alone. */
bool listener_open_private(struct listener *l, const char *path, struct fault *why);
/* A socket that whoever started the process has opened. FAULT_PERMANENT where it is none that listens; it is then still the caller's. */
bool listener_adopt(struct listener *l, int fd, struct fault *why);
void listener_close(struct listener *l);

/* Watches the socket from one loop: accepted() gets each new non-blocking, close-on-exec descriptor and the peer's
 * numeric address. Pauses for a moment when descriptors run out. */
struct accept_watch;
struct accept_watch *accept_watch_new(struct loop *loop, const struct listener *l,
                                      void (*accepted)(void *owner, int fd, const char *peer), void *owner);
void accept_watch_free(struct accept_watch *w);

#endif
