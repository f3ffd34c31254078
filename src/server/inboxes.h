/*
 * inboxes: of a server that takes mail for anybody: which inboxes there are, who is at them, and which one goes when there are too many or one is too old. The one
 * that was not used for the longest time goes first, never one that somebody is at.
 *
 * Thread-safe. One process at a time has a directory's inboxes, and a directory that has other things than inboxes in it is refused: nobody else's mailboxes are
 * ever removed.
 */
#ifndef POSTROOM_SERVER_INBOXES_H
#define POSTROOM_SERVER_INBOXES_H

#include <stddef.h>

#include "store/store.h"

struct inboxes;

struct inboxes_limits {
	size_t most;
	unsigned age; /* seconds */
};

/* Looks for those that the directory has. The store must outlive it. FAULT_BUSY: another process is at them. FAULT_PERMANENT: the directory is for something
 * else. Blocks. */
struct inboxes *inboxes_new(struct store *store, int dir, const struct inboxes_limits *limits, struct fault *why);
/* NULL is passed over. */
void inboxes_free(struct inboxes *b);

/* Somebody is at an inbox, from now on, until as many releases; it need not be there yet. Where there are too many, another one goes first. False: all of them are in
 * use. Blocks. */
bool inboxes_hold(struct inboxes *b, const char *name, struct fault *why);
/* Never blocks. */
void inboxes_release(struct inboxes *b, const char *name);
/* Those that are too old go. Blocks. */
void inboxes_sweep(struct inboxes *b);
size_t inboxes_count(struct inboxes *b);

#endif
