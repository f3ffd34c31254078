/*
 * catalogue: what is known of all mails and past sessions, in SQLite: DIR/.web/index.db. Derived and to be thrown away: the mailboxes are the truth, and
 * where it is missing, of another shape or broken it is made anew (dialogues of past sessions are then gone).
 *
 * One thread. Blocks on the disk.
 */
#ifndef POSTROOM_WEB_CATALOGUE_H
#define POSTROOM_WEB_CATALOGUE_H

#include "base/fault.h"
#include "store/glance.h"
#include "web/digest.h"
#include "web/query.h"

enum {
	CATALOGUE_ID_MAX = 80, /* octets of a mail's id */
	CATALOGUE_SESSIONS_KEPT = 2000,
};

struct catalogue;

/* A row, in memory that lives until the callback returns. Texts are UTF-8. */
struct catalogue_mail {
	int64_t row;
	const char *id; /* the same in every index: made of inbox and unique id */
	const char *inbox;
	const char *uid;
	const char *from;
	const char *to;
	const char *subject;
	const char *snippet;
	int64_t when;
	int64_t octets;
	int64_t attachments;
	/* What the mail process told; "" and 0 for mails that came while nobody listened. */
	int64_t session;
	const char *login;
	const char *sender;
	const char *recipients; /* a list: a line end behind each */
};

/* A past session. */
struct catalogue_session {
	int64_t row; /* 0: it is new */
	const char *protocol;
	const char *peer;
	const char *why;   /* it ended */
	const char *users; /* whom it concerns: a list */
	const char *recipients;
	int64_t began;
	int64_t ended;
	int64_t mails;
	int64_t errors;
	struct slice dialogue; /* web/dialogue's */
};

/* `path` is "DIR/.web/index.db"; its directory is made. NULL with why. */
struct catalogue *catalogue_open(const char *path, struct fault *why);
void catalogue_close(struct catalogue *c);
/* Whether the file broke while it was used: then the process ends, and the next one begins anew. */
bool catalogue_broken(const struct catalogue *c);

/* Everything between these two is one transaction. */
void catalogue_begin(struct catalogue *c);
void catalogue_commit(struct catalogue *c);

/* ---- mailboxes ---- */

/* The stamp of the state that is in the catalogue, and how many mails; false: the inbox is not known. */
bool catalogue_inbox(struct catalogue *c, const char *inbox, struct glance_stamp *stamp, size_t *count);
void catalogue_set_inbox(struct catalogue *c, const char *inbox, const struct glance_stamp *stamp, size_t count);
void catalogue_forget_inbox(struct catalogue *c, const char *inbox);
void catalogue_inboxes(struct catalogue *c, void (*each)(void *owner, const char *inbox, size_t count), void *owner);

struct catalogue_entry {
	const char *inbox;
	const char *uid;
	uint64_t octets;
	const struct digest *digest;
};
/* Adds a mail, with what catalogue_note_origin knows of it. Its row, 0: it was there. */
int64_t catalogue_add(struct catalogue *c, const struct catalogue_entry *entry);
void catalogue_remove(struct catalogue *c, const char *inbox, const char *uid);
/* The inbox's unique ids, in no order. */
void catalogue_uids(struct catalogue *c, const char *inbox, void (*each)(void *owner, const char *uid), void *owner);
/* Who brought a mail; it may come before the mail or after it. */
void catalogue_note_origin(struct catalogue *c, const struct catalogue_mail *origin);

bool catalogue_has_origin(struct catalogue *c, const char *inbox, const char *uid);

/* ---- asking ---- */

typedef void catalogue_each(void *owner, const struct catalogue_mail *mail);
/* Newest first. False: the search text cannot be understood. */
bool catalogue_find(struct catalogue *c, const struct query *q, catalogue_each *each, void *owner);
/* How many; at most q->limit are counted unless it is 0. */
size_t catalogue_count(struct catalogue *c, const struct query *q);
/* False: there is none. */
bool catalogue_mail(struct catalogue *c, const char *id, catalogue_each *each, void *owner);
/* The mails of a session. */
void catalogue_mails_of(struct catalogue *c, int64_t session, catalogue_each *each, void *owner);

/* ---- sessions ---- */

/* Gives the session its number. */
int64_t catalogue_new_session(struct catalogue *c);
void catalogue_save_session(struct catalogue *c, const struct catalogue_session *s);
typedef void catalogue_each_session(void *owner, const struct catalogue_session *s);
/* Newest first, `user` NULL: everybody's; before 0: from the newest on. Without dialogues. */
void catalogue_sessions(struct catalogue *c, const char *user, int64_t before, size_t limit,
                        catalogue_each_session *each, void *owner);
bool catalogue_session(struct catalogue *c, int64_t row, catalogue_each_session *each, void *owner);

#endif
