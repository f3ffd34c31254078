/*
 * talk: a client's side of a dialogue in lines, SMTP (RFC 5321 section 4.2) or POP3 (RFC 1939 section 3), as a pure
 * machine.
 *
 * Octets from the server go in through talk_push(), cut anywhere; octets for the server wait in `out`. Whole replies
 * go to the role that leads the dialogue (smtp_client, pop3_client), which answers with the next command. Lines that
 * end in LF alone and replies without a text are taken; everything a server sends has a limit. It never touches a
 * socket, nor TLS: client/link does that, where the role says that the handshake is due.
 */
#ifndef POSTROOM_PROTOCOL_TALK_H
#define POSTROOM_PROTOCOL_TALK_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/slice.h"
#include "protocol/dot.h"
#include "protocol/transcript.h"

enum talk_dialect { TALK_SMTP, TALK_POP3 };

enum {
	TALK_LINE_MAX = 64 * 1024,   /* octets of a reply line; RFC 5321 section 4.5.3.1.5 promises 512 */
	TALK_LINES_MAX = 1000,       /* lines of one SMTP reply */
	TALK_WORDS_MAX = 128 * 1024, /* octets of one reply in all */
	TALK_OUT_MAX = 256 * 1024,   /* octets that wait to be sent */
};
/* Octets of the text behind one reply: no mail is larger, and a server that sends on and on is left. */
#define TALK_TEXT_MAX (UINT64_C(4) << 30)

struct talk;

/* The dialogue's leader. */
struct talk_role {
	/* A reply is there: code, positive and words hold it. The role sends its next command or leaves the talk
	 * idle. */
	void (*reply)(struct talk *t);
	/* A line of an SMTP reply that is under way, without its code: the reply() that follows says what they were. May be NULL. */
	void (*line)(struct talk *t, struct slice text);
	/* Text behind a reply, unstuffed, LF line ends, cut anywhere; reply() follows when it is whole. May be NULL
	 * where multiline is never set. */
	void (*text)(struct talk *t, const char *octets, size_t n);
	/* The handshake that talk_secure() asked for is done: all is as at the beginning, and nothing of what was said in clear counts. NULL where it
	 * is never asked for. */
	void (*secured)(struct talk *t);
	/* Everything was sent and a reply is still expected: a role with more to say appends it to `out`. May be
	 * NULL. */
	void (*room)(struct talk *t);
};

/* Who proves to a server who the user is; the roles carry its words. client/sasl is one. */
struct talk_login {
	/* The strongest of the mechanisms' names, which have blanks between, that can be used, and the exchange begins; NULL: there is none. */
	const char *(*choose)(struct talk_login *l, struct slice offered);
	/* Whether the mechanism speaks first. */
	bool (*begins)(struct talk_login *l);
	/* Appends the answer to a challenge, both in BASE64; the first one's challenge is empty where the mechanism speaks first. False: it ends here, why
	 * says how. */
	bool (*step)(struct talk_login *l, struct slice challenge, struct buf *response, struct fault *why);
	/* The server says that all is well; false: it has not shown that it may say so. */
	bool (*accept)(struct talk_login *l, struct fault *why);
	/* APOP's digest (RFC 1939 section 7) of the greeting's time stamp, in hexadecimal digits. */
	bool (*digest)(struct talk_login *l, struct slice stamp, char hex[33]);
	struct slice name; /* empty: nobody logs in */
	struct slice password;
};

struct talk {
	enum talk_dialect dialect;
	const struct talk_role *role;
	struct transcript_feed *feed; /* the caller's, never NULL */

	struct buf out;   /* to be sent; whoever sends says talk_sent() */
	size_t expected;  /* replies that are still to come */
	uint64_t replies; /* that have come */
	bool multiline; /* a positive one of them is followed by text, as in POP3; the same for all expected at one time */
	bool challenges;   /* of POP3: a reply may be "+ …", and then the challenge is in `words` */
	uint64_t text_max; /* octets of the text behind a reply; TALK_TEXT_MAX, or what the role sets */
	int limit_ms;      /* how long the server may be silent now; set by the role */

	/* The last reply. */
	int code;         /* SMTP: 200 to 599; POP3: 0 */
	bool positive;    /* SMTP: below 400; POP3: +OK */
	bool challenge;   /* POP3: it was "+ …" */
	struct buf words; /* as it came, several lines joined by a blank */

	bool secures; /* the TLS handshake is due; whoever does it says talk_secured() */
	bool broken;  /* it goes on no further, in one of these ways or for a fault of this side */
	bool misread; /* what came was no reply, or passed a limit */
	bool unsafe;  /* it was no mistake: going on would not have been safe */
	struct fault why;

	/* private */
	struct buf line;
	size_t lines;
	unsigned auth_steps; /* talk_auth's */
	bool in_text;
	bool in_reply;
	bool secret_out;
	struct dot_decoder decoder;
	uint64_t text_octets;
};

void talk_init(struct talk *t, enum talk_dialect dialect, const struct talk_role *role, struct transcript_feed *feed);
/* Frees what it holds; octets that may be a password are wiped. */
void talk_release(struct talk *t);

/* A reply is expected though nothing was sent: the greeting, or the one that the final full stop brings. */
void talk_expect(struct talk *t);
/* Queues a command line (the CR LF is added) and expects its reply. A line with CR, LF or NUL in it, or no room in
 * `out`, breaks the talk. */
void talk_command(struct talk *t, struct slice line);
void talk_commandf(struct talk *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for `verb secret`, or the secret alone where verb is ""; the transcript does not see the secret, and it is wiped once it is sent. */
void talk_secret(struct talk *t, const char *verb, struct slice secret);
/* In a reply: the server waits for the TLS handshake. What it sends before that is done ends the dialogue: it would be taken for something that was said under
 * TLS (RFC 3207 section 4.2, RFC 2595 section 4). */
void talk_secure(struct talk *t);
/* The handshake is done. */
void talk_secured(struct talk *t);
/* Nothing more is to be sent or expected. */
void talk_stop(struct talk *t);
/* Ends the dialogue: what came makes no sense. */
void talk_break(struct talk *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends it for a fault of this side. */
void talk_fail(struct talk *t, enum fault_kind kind, const char *text);
/* Ends it since to go on would not be safe: the password is not sent, or the server is not who it should be. */
void talk_refuse(struct talk *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes what the server sent; false when the talk is broken (t->why says how). */
bool talk_push(struct talk *t, const char *octets, size_t n);
/* The first n octets of `out` are on their way. */
void talk_sent(struct talk *t, size_t n);

/* All is sent and every reply is there. */
static inline bool talk_idle(const struct talk *t)
{
	return t->expected == 0 && t->out.len == 0 && !t->secures;
}

#endif
