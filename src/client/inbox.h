/*
 * inbox: the user's mailbox as the POP3 server shows it: a session, the list of mails, one mail, a deletion.
 *
 * A session stays open while the list is looked at. A deletion ends it, since a mail is gone only with QUIT (RFC 1939
 * section 6); the caller opens the next. Prints nothing but a progress bar. Every call but the two life-cycle ones
 * blocks.
 */
#ifndef POSTROOM_CLIENT_INBOX_H
#define POSTROOM_CLIENT_INBOX_H

#include "client/link.h"
#include "client/progress.h"
#include "mail/summary.h"
#include "protocol/pop3_client.h"

struct inbox_mail {
	uint32_t number; /* the server's */
	uint64_t octets;
	const char *from; /* in one block of memory with the next two */
	const char *received;
	const char *subject;
};

struct inbox {
	struct link_options options;
	struct slice name; /* the caller's */
	struct slice password;
	struct inbox_mail *mails;
	size_t count;
	struct buf words; /* why the last call was not INBOX_OK: the server's own words, or ours */

	/* private */
	struct link link;
	struct pop3_client pop3;
	struct summary summary;
	struct progress progress;
	const struct pop3_client_sink *reader;
	bool probing; /* the connection broke off while the server was asked for something optional */
	bool out_of_memory;
};

enum inbox_result {
	INBOX_OK,
	INBOX_REFUSED, /* the server said no */
	INBOX_LOST,    /* the connection is gone, or never was there; the session is over */
};

void inbox_init(struct inbox *m, const struct link_options *options, struct slice name, struct slice password);
/* Ends the session without a word, if there is one. */
void inbox_release(struct inbox *m);

/* Connects, logs in and reads the list; anything but INBOX_OK leaves no session. */
enum inbox_result inbox_open(struct inbox *m);
bool inbox_is_open(const struct inbox *m);
/* The mail at `index`, whole; the reader's end() is not called. */
enum inbox_result inbox_read(struct inbox *m, size_t index, const struct pop3_client_sink *reader);
/* After INBOX_OK the mail is gone for good and the session is over. After INBOX_REFUSED it is still there. */
enum inbox_result inbox_delete(struct inbox *m, size_t index);
/* QUIT, and the end of the session. */
void inbox_close(struct inbox *m);

#endif
