/*
 * smtp_link: an SMTP session over a connection: opened (with TLS and a login, as the account says), used for a mail or for
 * many, left with QUIT.
 *
 * Every call but the two life-cycle ones blocks. What became of it is the client's outcome and words; where the dialogue
 * broke off, `why` says how, and there is no session any more. Prints nothing.
 */
#ifndef POSTROOM_CLIENT_SMTP_LINK_H
#define POSTROOM_CLIENT_SMTP_LINK_H

#include "client/account.h"
#include "client/sasl.h"
#include "protocol/smtp_client.h"

enum { SMTP_LINK_NAME_MAX = 256 };

struct smtp_link {
	struct smtp_client client;
	struct fault why; /* after SMTP_CLIENT_UNKNOWN */
	bool opened;      /* the last smtp_link_open() gave a session */

	/* private */
	struct account *account;
	struct link link;
	struct sasl sasl;
	struct smtp_client_manner manner;
	char name[SMTP_LINK_NAME_MAX]; /* for HELO */
};

/* The account must outlive the link. */
void smtp_link_init(struct smtp_link *l, struct account *account);
/* Ends the session without a word, if there is one. */
void smtp_link_release(struct smtp_link *l);

/* Connects, says EHLO, HELO or REGISTER, and logs in where that is to be. True: there is a session. */
bool smtp_link_open(struct smtp_link *l);
/* Whether there is a session, as far as one can see. */
bool smtp_link_is_open(struct smtp_link *l);
void smtp_link_send(struct smtp_link *l, const struct smtp_client_mail *mail);
void smtp_link_retrieve(struct smtp_link *l, const struct smtp_client_sink *sink);
/* QUIT, and the end of the session; the outcome of what was before stays. */
void smtp_link_close(struct smtp_link *l);

#endif
