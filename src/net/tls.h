/*
 * tls: a server's certificate and its rules: TLS 1.2 and 1.3, forward secrecy and authenticated encryption alone (RFC 8996, RFC 9325).
 *
 * The files are read again when they change, or when the operator says so; sessions that run keep what they began with. What cannot be read leaves what
 * was. Thread-safe.
 */
#ifndef POSTROOM_NET_TLS_H
#define POSTROOM_NET_TLS_H

#include <stdbool.h>

#include "base/fault.h"

struct ssl_st;
struct tls_server;

/* `key_file` NULL: the key is in the certificate's file. `report` gets a line when a later reading succeeds or fails; NULL: nobody. NULL: why says which
 * file, what is wrong with it (not there, not to be read by this user, no PEM, under a password, key and certificate do not match) and what to do;
 * temporary where the system would not give the file. Blocks; asks nobody for a password. */
struct tls_server *tls_server_new(const char *cert_file, const char *key_file,
                                  void (*report)(bool in_use, const char *text), struct fault *why);
/* Only when none of its sessions is left. NULL is passed over. */
void tls_server_free(struct tls_server *t);

/* Whether a file has changed since it was last read; looks at the disk once a second at most. True is said once: whoever hears it owes a
 * tls_server_reload(). Never blocks for longer than a stat. */
bool tls_server_changed(struct tls_server *t);
/* Reads them again. Blocks. */
void tls_server_reload(struct tls_server *t);
/* A new session, the server's side; NULL: memory is out. */
struct ssl_st *tls_server_session(struct tls_server *t);

#endif
