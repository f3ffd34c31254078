/*
 * inbox: the user's mailbox as the POP3 server shows it: a session, the list of mails, one mail, a deletion.
 *
 * A session stays open while the list is looked at. A mail is gone only with QUIT (RFC 1939 section 6): inbox_delete()
 * says that too, and the caller opens the next session; inbox_mark() leaves it to inbox_quit(). Prints nothing but a progress bar. Every call but the two life-cycle ones
 * blocks.
 */
#ifndef POSTROOM_CLIENT_INBOX_H
#define POSTROOM_CLIENT_INBOX_H

#include "client/account.h"
#include "terminal/progress.h"
#include "client/sasl.h"
#include "mail/summary.h"
#include "protocol/pop3_client.h"

struct inbox_mail {
	uint32_t number; /* the server's */
	uint64_t octets;
	bool marked;      /* deleted in this session */
	const char *from; /* in one block of memory with the next two; NULL after inbox_open_brief() */
	const char *received;
	const char *subject;
};

struct inbox {
	struct account *account;
	struct inbox_mail *mails;
	size_t count;
	struct buf words;        /* the server's answer to the last call; of INBOX_LOST the reason */
	enum fault_kind trouble; /* of INBOX_LOST */
	bool nonsense;           /* … what came was not POP3 */

	/* private */
	struct link link;
	struct sasl sasl;
	struct pop3_client pop3;
	struct summary summary;
	struct progress progress;
	const struct pop3_client_sink *reader;
	bool probing;  /* the connection broke off while the server was asked for something optional */
	bool no_offer; /* … which was CAPA before the login */
	bool out_of_memory;
};

enum inbox_result {
	INBOX_OK,
	INBOX_REFUSED, /* the server said no */
	INBOX_LOST,    /* the connection is gone, or never was there; the session is over */
};

/* The account must outlive the inbox; each inbox_open() logs in with the name and password that it has then. */
void inbox_init(struct inbox *m, struct account *account);
/* Ends the session without a word, if there is one. */
void inbox_release(struct inbox *m);

/* Connects, logs in and reads the list; anything but INBOX_OK leaves no session. */
enum inbox_result inbox_open(struct inbox *m);
/* The same for who has a number already: no header is read, and the list is numbers and octets. */
enum inbox_result inbox_open_brief(struct inbox *m);
bool inbox_is_open(const struct inbox *m);
/* The mail at `index`, whole; the reader's end() is not called. */
enum inbox_result inbox_read(struct inbox *m, size_t index, const struct pop3_client_sink *reader);
/* After INBOX_OK the mail is gone for good and the session is over. After INBOX_REFUSED it is still there. */
enum inbox_result inbox_delete(struct inbox *m, size_t index);

/* The server's first line in this session. */
struct slice inbox_greeting(const struct inbox *m);
/* STAT; where its answer has no number, the mails of the list that are not marked are counted. */
enum inbox_result inbox_count(struct inbox *m, uint64_t *mails);
/* LIST: marks the mails that the server does not list any more, and no others. */
enum inbox_result inbox_list(struct inbox *m);
/* DELE, and nothing more. */
enum inbox_result inbox_mark(struct inbox *m, size_t index);
/* RSET: no mail is marked. */
enum inbox_result inbox_unmark(struct inbox *m);
/* QUIT, with its answer in `words`; the session is over. */
enum inbox_result inbox_quit(struct inbox *m);
/* The same, if there is a session, without a word about it. */
void inbox_close(struct inbox *m);
/* Ends the session without QUIT, if there is one: what was marked stays (RFC 1939 section 6). */
void inbox_abandon(struct inbox *m);

#endif
