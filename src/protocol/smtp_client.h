/*
 * smtp_client: one mail handed to an SMTP server (RFC 5321), from the greeting to QUIT, as a pure machine over talk.
 *
 * It says HELO, MAIL, RCPT, DATA, the text dot-stuffed, QUIT; per state a row says what is sent, which reply lets it
 * go on and how long the server may take. It opens no socket and knows nothing of who types or reads: client/link
 * drives it, client/post tells the outcome.
 */
#ifndef POSTROOM_PROTOCOL_SMTP_CLIENT_H
#define POSTROOM_PROTOCOL_SMTP_CLIENT_H

#include "protocol/talk.h"

struct smtp_client_mail {
	const char *client; /* the name for HELO */
	struct slice from;  /* X@Y */
	struct slice to;
	struct slice text; /* header lines and body, LF line ends, nothing stuffed */
};

enum smtp_client_state {
	SMTP_CLIENT_GREETING,
	SMTP_CLIENT_HELO,
	SMTP_CLIENT_MAIL,
	SMTP_CLIENT_RCPT,
	SMTP_CLIENT_DATA,
	SMTP_CLIENT_TEXT,
	SMTP_CLIENT_QUIT,
	SMTP_CLIENT_END,
};

enum smtp_client_outcome {
	SMTP_CLIENT_UNKNOWN, /* the dialogue broke off before the server said yes or no */
	SMTP_CLIENT_SENT,    /* 250 after the final full stop */
	SMTP_CLIENT_REFUSED, /* `refusal` has the server's words */
};

struct smtp_client {
	struct talk talk; /* first: the talk's role finds its client by it */
	const struct smtp_client_mail *mail;
	enum smtp_client_state state;
	enum smtp_client_outcome outcome;
	struct buf refusal; /* "550 No such user" */
	struct dot_encoder encoder;
	size_t text_given; /* octets of the text that are encoded */
	bool text_ended;
};

/* The mail and the feed stay the caller's and must outlive the client. The dialogue waits for the greeting from here
 * on; it is over when the talk is idle or broken. */
void smtp_client_init(struct smtp_client *c, const struct smtp_client_mail *mail, struct transcript_feed *feed);
void smtp_client_release(struct smtp_client *c);

#endif
