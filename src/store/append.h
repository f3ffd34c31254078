/*
 * append: puts finished drafts behind the last mail of a mailbox (docs/store.md, rules 3 and 4).
 */
#ifndef POSTROOM_STORE_APPEND_H
#define POSTROOM_STORE_APPEND_H

#include "store/mailbox.h"

/* Takes the write lock, appends n drafts where the quota (octets; 0: none) allows them all, syncs, gives the lock up. True only when they are on disk. On false none of them is there, save perhaps after
 * a failed sync; the mailbox's files are closed and it has to be closed by the caller. Blocks. */
bool append_drafts(struct mailbox *m, struct draft *const *drafts, size_t n, uint64_t quota, struct fault *why);

#endif
