/*
 * pop3_server: the server's side of a POP3 session (RFC 1939; RFC 2449 CAPA; RFC 2595 STLS; RFC 3206 response codes; RFC 5034 AUTH; RFC 6856 UTF8).
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
	POP3_LINE_MAX = 12 * 1024 + 2, /* for AUTH's answers, as in SMTP (RFC 4954 section 4) */
	POP3_COMMAND_MAX = 1024,       /* of all other commands; RFC 2449 section 4 asks for 255 */
	POP3_MECHANISMS_MAX = 128,
	POP3_ERRORS_MAX = 10,
	POP3_LOGINS_MAX = 3,
	POP3_IDLE_MS = 10 * 60 * 1000, /* RFC 1939 section 3 */
	POP3_UID_MAX = 71,
};

struct pop3_config {
	const struct reply *replies;        /* a course's */
	struct transcript *transcript;      /* or NULL */
	const struct transcript_sink *sink; /* or NULL */
	const char *domain;                 /* for APOP's time stamp */
	bool apop; /* the greeting has a time stamp (RFC 1939 section 7), where the host's apop_offered says so */
	bool tls;  /* STLS is offered on connections in clear */
	bool utf8; /* UTF8 is offered (RFC 6856) */
	bool pass_trimmed; /* blanks around PASS's password are passed over: in a course none has any */
	bool auth_codes; /* a wrong password is answered with [AUTH] (RFC 3206); the courses' texts have no such code */
	int64_t idle_ms; /* how long the peer may be silent; 0: POP3_IDLE_MS */
	unsigned login_delay; /* seconds; 0: LOGIN-DELAY is not announced (RFC 2449 section 6.7) */
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

/* Of a mail's stored form. */
struct pop3_piece {
	uint64_t offset;
	size_t most;         /* octets that are wanted */
	struct slice octets; /* the answer; none: the end */
};

enum pop3_login {
	POP3_LOGIN_OK,
	POP3_LOGIN_WRONG,        /* [AUTH] (RFC 3206) */
	POP3_LOGIN_IN_USE,       /* [IN-USE] */
	POP3_LOGIN_FAULT,        /* [SYS/TEMP] */
	POP3_LOGIN_DELAY,        /* [LOGIN-DELAY]: too soon after the last one */
	POP3_LOGIN_MALFORMED,    /* AUTH: no BASE64, or not what the mechanism asks for */
	POP3_LOGIN_NO_MECHANISM, /* AUTH: the mechanism is not offered */
	POP3_LOGIN_NEEDS_TLS,    /* … not in clear */
};

struct pop3_host_ops {
	/* (answered by pop3_server_login, at once or later) The slices live until the call returns. */
	void (*login)(void *host, struct slice user, struct slice password);
	/* (answered by pop3_server_login) `stamp` is the greeting's, with its angle brackets. */
	void (*apop)(void *host, struct slice user, struct slice stamp, struct slice digest);
	/* (answered by pop3_server_continue) Before it is told how users can log in: whatever that depends on is looked at again where it has changed. */
	void (*refresh)(void *host);
	/* Whether every user can log in by APOP. */
	bool (*apop_offered)(void *host);
	/* Whether USER and PASS may be used now: in clear over this connection. */
	bool (*plaintext_allowed)(void *host);
	/* The SASL mechanisms that this session may use now, with blanks between; "": none. */
	void (*mechanisms)(void *host, char list[POP3_MECHANISMS_MAX]);
	/* (answered by pop3_server_login or pop3_server_challenge) AUTH (RFC 5034): as in smtp_server.h. */
	void (*auth)(void *host, struct slice mechanism, const struct slice *initial);
	void (*auth_step)(void *host, struct slice response);
	/* The client has cancelled. Not answered. */
	void (*auth_cancel)(void *host);
	/* After POP3_LOGIN_OK. */
	size_t (*count)(void *host);
	uint64_t (*octets)(void *host);
	/* Mail i, from 0; its uid where want_uid. */
	enum pop3_got (*info)(void *host, size_t i, bool want_uid, struct pop3_mail *mail);
	/* What mail i has from an offset on; the octets live until the host is asked again, or the session's callback returns. */
	enum pop3_got (*read)(void *host, size_t i, struct pop3_piece *piece);
	/* (answered by pop3_server_committed) QUIT: removes the marked mails (bit i%8 of byte i/8; NULL: none) or none, and gives the lock up
	 * in either case, before it answers. The marks live until the answer. */
	void (*commit)(void *host, const unsigned char *marks);
	/* The session is over, whatever was said: gives up the lock where it is still held. No call comes after it. */
	void (*free)(void *host);
};

/* NULL: memory is out (the host is then freed). */
struct session *pop3_server_new(const struct pop3_config *config, const struct pop3_host_ops *ops, void *host);
/* What the sink made of the session at its beginning; NULL: nothing. */
void *pop3_server_heard(const struct session *s);

/* `detail` (may be NULL) goes behind the -ERR: who holds the mailbox, for instance. Not kept. */
void pop3_server_login(struct session *s, enum pop3_login result, const char *detail);
/* AUTH goes on: `challenge` is sent, in BASE64. Not kept. */
void pop3_server_challenge(struct session *s, const char *challenge);
void pop3_server_continue(struct session *s);
void pop3_server_committed(struct session *s, bool removed);

#endif
