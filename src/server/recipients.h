/*
 * recipients: whose mail a transaction's is. Reads each recipient's address by the course's rules, and keeps the users behind it, each once.
 *
 * In a course the name before the @ decides. In the standard mode the domain must be ours (RFC 5321 section 3.3: nothing is relayed), and user+tag is
 * the user. A name is a user's, else an alias (auth/aliases), else the postmaster's (section 4.5.1). Keeps no mail.
 */
#ifndef POSTROOM_SERVER_RECIPIENTS_H
#define POSTROOM_SERVER_RECIPIENTS_H

#include "auth/users.h"
#include "mail/address.h"
#include "server/site.h"

/* Users behind all RCPTs of a mail, where that is remembered; a user may be behind several. */
enum { RECIPIENTS_BEHIND_MAX = 16 * SMTP_RECIPIENTS_MAX };

struct recipients {
	char (*users)[USERS_NAME_MAX + 1]; /* as the users file spells them; at most SMTP_RECIPIENTS_MAX */
	size_t count;
	size_t room;
	size_t taken;         /* RCPT commands; several may name one user, and one several users */
	struct inboxes *held; /* where each of them is an inbox that must not go meanwhile; else NULL */
	bool remembers;       /* who is behind each RCPT that was taken: recipients_behind(). Set before the first */
	uint16_t *behind;     /* users' places, one RCPT's after the other's … */
	size_t behind_count;
	size_t *ends; /* … and where each RCPT's end */
	char *only;   /* the address of the first one taken, as it was given; NULL: none, or no memory for it */
};

/* One RCPT. */
struct recipients_question {
	const struct address *address;
	uint64_t size;    /* what MAIL said of the mail's size; 0: nothing */
	const char *here; /* the address that the peer is connected to, numeric; NULL: not known */
	bool outdated; /* users or aliases have changed and could not be read: who is not known may be a user by now */
};

/* Whether a question has to be asked from a job, behind site_refresh_users(): files have changed, or a quota has to be looked at. Never blocks. */
bool recipients_need_job(const struct site *site);
/* REPLY_RECIPIENT_OK, and the users are on the list; or why not, and the list is as it was. Blocks with a quota alone. */
enum reply_id recipients_take(struct recipients *r, struct site *site, const struct recipients_question *question);
/* The places in `users` of those behind the i-th RCPT that was taken, where that is remembered. */
const uint16_t *recipients_behind(const struct recipients *r, size_t i, size_t *count);
/* Empty again. */
void recipients_clear(struct recipients *r);

#endif
