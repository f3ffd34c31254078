/*
 * retention: how long mail is kept: which mailbox has to be looked at when, so that what is too old, too much, or was removed long enough ago goes (docs/store.md, rule 12).
 *
 * A mailbox is looked at once in the beginning, then when something in it is due; what comes after a look cannot be due before as long again. So nothing is done where nothing
 * can be due, and a sweep looks at a few. Thread-safe, but for one sweep at a time.
 */
#ifndef POSTROOM_SERVER_RETENTION_H
#define POSTROOM_SERVER_RETENTION_H

#include "store/store.h"

struct retention;
struct users;

struct retention_limits {
	unsigned age;      /* seconds from a mail's receipt on; 0: no limit */
	uint64_t size;     /* octets a mailbox; 0: no limit */
	unsigned undelete; /* seconds for which removed mail is kept; 0: none is */
};

/* The store and the users must outlive it; `dir` is where the mailboxes are. NULL: memory is out. */
struct retention *retention_new(struct store *store, int dir, struct users *users,
                                const struct retention_limits *limits);
/* NULL is passed over, as in retention_note(). */
void retention_free(struct retention *r);

/* From now on. */
void retention_set(struct retention *r, const struct retention_limits *limits);
/* Mail came for a user, or there is a new one. Never blocks. */
void retention_note(struct retention *r, const char *user);
/* Looks at those mailboxes that are due, for some seconds at the most. Blocks. */
void retention_sweep(struct retention *r);

#endif
