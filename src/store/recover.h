/*
 * recover: brings a mailbox file, its marks and its index into agreement by one scan (docs/store.md, rules 5 to 7). Under the write lock.
 */
#ifndef POSTROOM_STORE_RECOVER_H
#define POSTROOM_STORE_RECOVER_H

#include "store/mailbox.h"

/* The mailbox file is open and looked at. Afterwards the index describes it, and its name and bytes are synced. */
bool recover_mailbox(struct mailbox *m, struct fault *why);

#endif
