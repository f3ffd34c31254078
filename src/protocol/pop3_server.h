/*
 * pop3_server: the server's side of a POP3 session (RFC 1939, 2449 CAPA with RESP-CODES, PIPELINING, UIDL, TOP).
 *
 * Speaks; opens nothing. The mailbox is its host's, reached through pop3_host_ops; marks of deletion are the session's, and go to the host whole
 * at QUIT. A long answer is written until the output passes its mark, and goes on from a cursor when it has drained.
 *
 * Lines may end in LF or CR LF: home-made clients are welcome, and nothing here can be smuggled.
 */
#ifndef POSTROOM_PROTOCOL_POP3_SERVER_H
#define POSTROOM_PROTOCOL_POP3_SERVER_H

#include "base/fault.h"
#include "course/replies.h"
#include "net/session.h"
#include "protocol/transcript.h"

enum {
	POP3_LINE_MAX = 1024,
	POP3_ERRORS_MAX = 10,
	POP3_LOGINS_MAX = 3,
	POP3_IDLE_MS = 10 * 60 * 1000, /* RFC 1939 section 3 */
	POP3_UID_MAX = 71,
};

struct pop3_config {
	const struct reply *replies;   /* a course's */
	struct transcript *transcript; /* or NULL */
};

enum pop3_got {
	POP3_GOT,
	POP3_LATER, /* the host fetches it and calls pop3_server_continue(); then it is asked again */
	POP3_FAULT, /* -ERR [SYS/TEMP] */
};

struct pop3_mail {
	uint64_t octets; /* RFC 1939 section 11 */
	char uid[POP3_UID_MAX];
};

enum pop3_login { POP3_LOGIN_OK, POP3_LOGIN_WRONG, POP3_LOGIN_IN_USE, POP3_LOGIN_FAULT };

struct pop3_host_ops {
	/* (answered by pop3_server_login, at once or later) The slices live until the call returns. */
	void (*login)(void *host, struct slice user, struct slice password);
	/* After POP3_LOGIN_OK. */
	size_t (*count)(void *host);
	uint64_t (*octets)(void *host);
	/* Mail i, from 0; its uid where want_uid. */
	enum pop3_got (*info)(void *host, size_t i, bool want_uid, struct pop3_mail *mail);
	/* Stored form from offset on, *got octets (0: the end). */
	enum pop3_got (*read)(void *host, size_t i, uint64_t offset, void *octets, size_t n, size_t *got);
	/* (answered by pop3_server_committed) QUIT: removes the marked mails (bit i%8 of byte i/8; NULL: none) or none, and gives the lock up
	 * in either case, before it answers. The marks live until the answer. */
	void (*commit)(void *host, const unsigned char *marks);
	/* The session is over, whatever was said: gives up the lock where it is still held. No call comes after it. */
	void (*free)(void *host);
};

/* NULL: memory is out (the host is then freed). */
struct session *pop3_server_new(const struct pop3_config *config, const struct pop3_host_ops *ops, void *host);

/* `detail` (may be NULL) goes behind the -ERR: who holds the mailbox, for instance. Not kept. */
void pop3_server_login(struct session *s, enum pop3_login result, const char *detail);
void pop3_server_continue(struct session *s);
void pop3_server_committed(struct session *s, bool removed);

#endif
