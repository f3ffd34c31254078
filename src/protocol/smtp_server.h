/*
 * smtp_server: the server's side of an SMTP session (RFC 5321; 1870 SIZE, 2034 enhanced codes, 2920 PIPELINING, 3030 CHUNKING, 3207 STARTTLS,
 * 4954 AUTH, 6152 8BITMIME, 6531 SMTPUTF8, 9422 LIMITS).
 *
 * Speaks; opens and stores nothing. What it wants to know or to have done it asks of its host, through smtp_host_ops, and the host answers by
 * calling smtp_server_answer(): at once, inside the call, or later from an event of the same loop (the session waits meanwhile, as a value).
 *
 * With `lmtp` it is LMTP (RFC 2033): LHLO in place of HELO and EHLO, and behind a mail's text a reply for each recipient.
 *
 * Line ends: a peer that ends its first command with a bare LF is read by LF throughout, all others are held to CR LF. With `strict` there is
 * CR LF alone.
 */
#ifndef POSTROOM_PROTOCOL_SMTP_SERVER_H
#define POSTROOM_PROTOCOL_SMTP_SERVER_H

#include "course/course.h"
#include "mail/address.h"
#include "net/session.h"
#include "protocol/transcript.h"

enum {
	SMTP_LINE_MAX = 12 * 1024 + 2, /* RFC 4954 section 4 asks for it, in an AUTH exchange */
	SMTP_COMMAND_MAX = 2048,       /* of all other commands; RFC 5321 section 4.5.3.1.4 asks for 512 */
	SMTP_MECHANISMS_MAX = 128,
	SMTP_RECIPIENTS_MAX = 1000, /* section 4.5.3.1.8 asks for 100 */
	SMTP_ERRORS_MAX = 10,
	/* Recipients who are not here, until a mail is accepted: more than one mail may have, far fewer than a list of guesses. */
	SMTP_STRANGERS_MAX = 200,
	SMTP_RETRIEVE_PIECE = 16 * 1024, /* so that one more passes the output's mark, not its maximum */
	SMTP_IDLE_MS = 5 * 60 * 1000,    /* section 4.5.3.2.7 */
	/* Where clients register: their address lives as long as the connection, on which they wait for mail. */
	SMTP_MEMBER_IDLE_MS = 60 * 60 * 1000,
};
#define SMTP_SIZE_DEFAULT ((uint64_t)50 * 1024 * 1024)

struct smtp_server;

/* What all sessions of a server have in common; constant while sessions live. */
struct smtp_config {
	const struct reply *replies;     /* REPLY_COUNT rows, a course's */
	const struct course_verb *verbs; /* a course's further spellings of the verbs */
	size_t verbs_count;
	const char *domain;
	uint64_t max_size;                  /* octets of a mail as SIZE counts them */
	bool tls;                           /* STARTTLS is offered on connections in clear */
	bool auth_required;                 /* MAIL needs a login first */
	bool lmtp;                          /* RFC 2033 */
	bool strict;                        /* lines end in CR LF alone, in commands and in mails */
	int64_t idle_ms;                    /* how long the peer may be silent; 0: SMTP_IDLE_MS, SMTP_MEMBER_IDLE_MS */
	struct transcript *transcript;      /* or NULL */
	const struct transcript_sink *sink; /* or NULL */
};

/* The host's side. `host` is what was given to smtp_server_new. Calls marked (answer) are answered by exactly one smtp_server_answer().
 * No call is made while an answer is owed. */
struct smtp_host_ops {
	/* (answer) Is this recipient ours? REPLY_RECIPIENT_OK, REPLY_NO_SUCH_USER, REPLY_TRY_LATER … The host remembers whom it accepted.
	 * The address lives until the answer. */
	void (*recipient)(void *host, const struct address *recipient);
	/* A login (RFC 4954); NULL, all five, where there is none.

	 * (answered by smtp_server_continue) Before EHLO lists the mechanisms: whatever they depend on is looked at again where it has changed. */
	void (*refresh)(void *host);
	/* The SASL mechanisms that this session may use now, with blanks between; "": none, and AUTH is not offered. */
	void (*mechanisms)(void *host, char list[SMTP_MECHANISMS_MAX]);
	/* (answered by smtp_server_auth) AUTH: a new exchange. What the client says is passed on as it came, in BASE64; `initial` NULL: no initial
	 * response ("=" is one that is empty: it comes as an empty slice). */
	void (*auth)(void *host, struct slice mechanism, const struct slice *initial);
	/* (answered by smtp_server_auth) The client's answer to a challenge. */
	void (*auth_step)(void *host, struct slice response);
	/* The client has cancelled the exchange. Not answered. */
	void (*auth_cancel)(void *host);
	/* A mail begins: everything is at hand for its text. REPLY_DATA_START, or why not. */
	enum reply_id (*data_begin)(void *host);
	/* Text of the mail in its stored form. False: no more until smtp_server_continue() (which the host may call inside). */
	bool (*data)(void *host, const char *octets, size_t n);
	/* (answer) The mail is complete: REPLY_ACCEPTED only when it is on disk. */
	void (*data_end)(void *host);
	/* What became of the mail for the i-th recipient that was accepted, from 0, between data_end's answer and reset. Needed with `lmtp` alone. */
	enum reply_id (*outcome)(void *host, size_t i);
	/* The mail is given up: too big, a bare CR, the connection broke, RSET. What was accepted of it, recipients included, is forgotten.
	 * Also called after each data_end's answer: the transaction is over. */
	void (*reset)(void *host);
	/* The session is over; no call comes after it. */
	void (*free)(void *host);

	/* Where clients register by HELO, EHLO or REGISTER, and fetch their mail by RETRIEVE; elsewhere NULL, all five. */

	/* The client's address from now on, the host's, the same each time; NULL: not now. */
	const char *(*enroll)(void *host);
	/* May a mail have this sender? REPLY_SENDER_OK, or why not. */
	enum reply_id (*sender)(void *host, const struct address *sender);
	/* An answer to RETRIEVE begins: how many mails it has. */
	size_t (*retrieve)(void *host);
	/* The answer's next octets in their stored form, at most SMTP_RETRIEVE_PIECE, which live until the next call; none: that was all. */
	struct slice (*retrieve_next)(void *host);
	/* The answer is written to its end: its mails are the client's now. */
	void (*retrieved)(void *host);
};

/* NULL: memory is out (the host is then freed). */
struct session *smtp_server_new(const struct smtp_config *config, const struct smtp_host_ops *ops, void *host);
/* What the sink made of the session at its beginning; NULL: nothing. */
void *smtp_server_heard(const struct session *s);

/* `number` goes where the reply's text has %n. */
void smtp_server_answer(struct session *s, enum reply_id reply, uint64_t number);
void smtp_server_continue(struct session *s);
/* In place of smtp_server_answer() to a recipient, or to a mail's end (not in LMTP): something that goes wrong on purpose. It lives until it is said. */
struct smtp_fault {
	unsigned code;    /* 0: the connection ends, with nothing said */
	const char *text; /* of one line */
};
void smtp_server_fault(struct session *s, const struct smtp_fault *fault);

/* REPLY_AUTH_OK, REPLY_AUTH_CHALLENGE with what is to be sent in BASE64 (not kept), or why the exchange is over: REPLY_AUTH_WRONG, REPLY_AUTH_MALFORMED,
 * REPLY_AUTH_MECHANISM, REPLY_AUTH_NEEDS_TLS, REPLY_AUTH_LATER. */
void smtp_server_auth(struct session *s, enum reply_id reply, const char *challenge);

/* For the host's log and trace. */
bool smtp_server_extended(const struct session *s);           /* EHLO, not HELO */
bool smtp_server_authenticated(const struct session *s);      /* … and then 235 */
bool smtp_server_utf8(const struct session *s);               /* this mail came with SMTPUTF8 (RFC 6531) */
uint64_t smtp_server_size(const struct session *s);           /* what MAIL's SIZE said of this mail; 0: nothing */
const char *smtp_server_client_name(const struct session *s); /* HELO's or EHLO's argument, "" before */
const struct address *smtp_server_sender(const struct session *s);

#endif
