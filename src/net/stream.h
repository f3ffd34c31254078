/*
 * stream: octets over a socket, in clear or through TLS. Knows OpenSSL; what is above it reads and writes, and waits for what it is told to wait for.
 *
 * Never blocks: its socket is non-blocking. A broken TLS record, an end without close_notify in the middle of a record and a peer that is gone are one:
 * STREAM_BROKEN. Used by net/conn (servers) and client/link.
 */
#ifndef POSTROOM_NET_STREAM_H
#define POSTROOM_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/fault.h"
#include "net/session.h"

struct ssl_st;

enum stream_got {
	STREAM_OK,
	STREAM_WAIT_READ, /* when the socket is readable, ask again (it may be so already: a record may be TLS's own) */
	STREAM_WAIT_WRITE, /* … writable */
	STREAM_END,        /* of reading: the peer has shut down its sending side */
	STREAM_BROKEN,
};

struct stream {
	int fd;             /* -1: closed */
	struct ssl_st *ssl; /* NULL: in clear */
};

/* Takes over the TLS session (tls_server_session, tls_client_session). The handshake is then due. */
void stream_secure(struct stream *s, struct ssl_st *ssl);
/* One more step of the handshake. STREAM_BROKEN with why (for the log; of a client: for the person, who learns what is wrong with a certificate). */
enum stream_got stream_handshake(struct stream *s, struct fault *why);
/* What the handshake agreed on. False: no TLS, or no memory. */
bool stream_tls(const struct stream *s, struct session_tls *tls);

/* STREAM_OK: *n octets (at least 1). */
enum stream_got stream_read(struct stream *s, void *octets, size_t size, size_t *n);
enum stream_got stream_write(struct stream *s, const void *octets, size_t size, size_t *n);
/* Octets that were decrypted and not read yet: poll() does not see them. */
bool stream_pending(const struct stream *s);
/* Nothing more will be sent (close_notify, then FIN). False: the peer is gone. */
bool stream_shutdown(struct stream *s);
void stream_close(struct stream *s);

#endif
