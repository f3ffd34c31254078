/*
 * account: what it takes to reach somebody's mail: the servers, how the connections are protected, name and password.
 *
 * Filled in by the program, shared by the menu and by the commands for scripts; smtp_link and inbox take all they need
 * from it. It asks nobody for anything and keeps no copy of the password.
 */
#ifndef POSTROOM_CLIENT_ACCOUNT_H
#define POSTROOM_CLIENT_ACCOUNT_H

#include "client/link.h"
#include "course/course.h"

enum { ACCOUNT_SMTPS = 465, ACCOUNT_POP3S = 995 }; /* TLS comes first there (RFC 8314 section 3) */

struct account {
	const struct course *
	        course; /* in whose manner it is talked to servers; NULL: in that of the RFCs, as for a `standard` course */
	const char *server;
	unsigned smtp_port;
	unsigned pop3_port;
	bool tls_first;    /* TLS before the first word on every port, not on 465 and 995 alone */
	bool plaintext;    /* the password may go unencrypted to another machine */
	struct slice name; /* the caller's, as the password is; empty: no login when a mail is sent */
	struct slice password;
	struct transcript *transcript;               /* the dialogues are shown there; NULL: they are not */
	void (*warn)(void *owner, const char *text); /* a line for the person; NULL: nobody is told */
	void *owner;

	struct link_trust trust; /* trust.ca_file is the caller's */
	unsigned connections;    /* opened so far; numbers them in the transcript */
	bool warned;
};

/* Reads the CAs now, where a file was named; without, they are read when the first handshake needs them. False: why. Blocks. */
bool account_check_trust(struct account *a, struct fault *why);
void account_release(struct account *a);

enum account_port { ACCOUNT_SMTP, ACCOUNT_POP3 };

/* Says once, in one line, that the password goes unencrypted, since the course has nothing else. */
void account_warn_clear(struct account *a);
/* A new connection's options. */
struct link_options account_link(struct account *a, enum account_port which);
/* Whether EHLO, CAPA, STARTTLS, STLS, AUTH and APOP are used on this port: always but in a course that is plain by its nature, where TLS does not come
 * first. */
bool account_is_extended(const struct account *a, enum account_port which);

#endif
