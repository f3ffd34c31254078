/*
 * smtp_client: a session with an SMTP server (RFC 5321), from the greeting to QUIT, as a pure machine over talk.
 *
 * Each call below queues commands; client/link drives the talk until it is idle, and then `outcome` says what became of
 * it. It says HELO or EHLO, STARTTLS (RFC 3207), AUTH (RFC 4954), MAIL, RCPT, DATA, the text dot-stuffed, QUIT, and where a
 * course has them REGISTER and RETRIEVE. A password never crosses in clear unless the manner allows it. It opens no socket
 * and knows nothing of who types or reads.
 */
#ifndef POSTROOM_PROTOCOL_SMTP_CLIENT_H
#define POSTROOM_PROTOCOL_SMTP_CLIENT_H

#include "protocol/talk_auth.h"

/* How the client behaves; the texts are the caller's and must outlive the session. */
struct smtp_client_manner {
	const char *name;      /* for HELO */
	bool registers;        /* REGISTER in place of HELO, which is said where the server does not know that */
	const char *mail_verb; /* "MAIL_FROM:", said first; after 500 or 502 the standard verb. NULL: that alone */
	const char *rcpt_verb;

	bool extended; /* EHLO in place of HELO, which is said where the server does not know that, and all that follows from it */
	bool secured;             /* the connection has TLS already */
	bool clear_login;         /* a login may go without TLS */
	struct talk_login *login; /* where the server offers AUTH; NULL: nobody logs in */
	bool login_needed;        /* without it nothing is sent */
};

/* What follows a mail's text in memory, had piece by piece: LF line ends, nothing stuffed, seven bits. */
struct smtp_client_more {
	uint64_t octets; /* of all of it, and of the text's, as they travel (RFC 1870 section 5) */
	/* The next of it, cut anywhere, good until the next call; empty: that was all. False: it cannot be had, and the dialogue ends. */
	bool (*next)(void *owner, struct slice *octets, struct fault *why);
	void *owner;
};

struct smtp_client_mail {
	struct slice from;      /* X@Y */
	const struct slice *to; /* at least one */
	size_t to_count;
	struct slice text; /* header lines and body, LF line ends, nothing stuffed */
	/* A recipient that the server did not take, and its words. */
	void (*refused)(void *owner, size_t index, struct slice words);
	void *owner;
	const struct smtp_client_more *more; /* NULL: nothing */
};

/* Who takes what RETRIEVE brings: LF line ends, unstuffed, cut anywhere. */
struct smtp_client_sink {
	void (*text)(void *owner, const char *octets, size_t n);
	void *owner;
};

enum smtp_client_state {
	SMTP_CLIENT_GREETING,
	SMTP_CLIENT_REGISTER,
	SMTP_CLIENT_EHLO,
	SMTP_CLIENT_STARTTLS,
	SMTP_CLIENT_AUTH,
	SMTP_CLIENT_HELO,
	SMTP_CLIENT_READY, /* nothing under way */
	SMTP_CLIENT_RSET,
	SMTP_CLIENT_MAIL,
	SMTP_CLIENT_RCPT,
	SMTP_CLIENT_DATA,
	SMTP_CLIENT_TEXT,
	SMTP_CLIENT_RETRIEVE,
	SMTP_CLIENT_QUIT,
	SMTP_CLIENT_END, /* nothing more can be said: hang up */
};

enum smtp_client_outcome {
	SMTP_CLIENT_UNKNOWN, /* the dialogue broke off before the server said yes or no */
	SMTP_CLIENT_DONE,    /* a mail: 250 after the final full stop */
	SMTP_CLIENT_REFUSED, /* `words` are the server's */
	SMTP_CLIENT_NOBODY,  /* no recipient was taken; refused() was told of each */
	SMTP_CLIENT_UNFIT, /* the server says by itself that it takes no such mail: nothing was sent, `words` say what is wrong */
};

/* What the answer to EHLO offers. */
struct smtp_client_offer {
	bool starttls;
	bool eight_bit;        /* 8BITMIME, RFC 6152 */
	bool utf8;             /* SMTPUTF8, RFC 6531 */
	bool size;             /* SIZE, RFC 1870 */
	uint64_t size_max;     /* octets of a mail; 0: no limit is named */
	struct buf mechanisms; /* of AUTH, blanks between */
};

struct smtp_client {
	struct talk talk; /* first: the talk's role finds its client by it */
	enum smtp_client_state state;
	enum smtp_client_outcome outcome; /* of the last call */
	struct buf words;   /* "550 No such user"; after smtp_client_open() the answer to REGISTER or HELO */
	bool login_refused; /* it was AUTH that was refused */
	struct smtp_client_offer offer;

	/* private */
	const struct smtp_client_manner *manner;
	bool secured;
	bool plain; /* the server does not know the course's verbs */
	const struct smtp_client_mail *mail;
	size_t recipient; /* the one that is asked for */
	size_t taken;
	bool unfinished; /* a transaction that the next one has to reset */
	struct dot_encoder encoder;
	struct slice text;   /* what is to be encoded next */
	uint64_t text_given; /* octets that are encoded, as they travel */
	bool text_ended;
	const struct smtp_client_sink *sink;
};

/* The feed stays the caller's and must outlive the client. */
void smtp_client_init(struct smtp_client *c, struct transcript_feed *feed);
void smtp_client_release(struct smtp_client *c);

/* The greeting; HELO, REGISTER, or EHLO, TLS and the login. READY after it: there is a session, be the outcome REFUSED or DONE. */
void smtp_client_open(struct smtp_client *c, const struct smtp_client_manner *manner);
/* From READY: one mail, which must live until the talk is idle. */
void smtp_client_send(struct smtp_client *c, const struct smtp_client_mail *mail);
/* From READY: RETRIEVE, and the mails that have arrived. */
void smtp_client_retrieve(struct smtp_client *c, const struct smtp_client_sink *sink);
void smtp_client_quit(struct smtp_client *c);

/* Octets of the mail as it travels, the dots that are doubled not counted (RFC 1870 section 5). */
uint64_t smtp_client_size(const struct smtp_client_mail *mail);

#endif
