/*
 * undelete: removed mails are there again, at their places and with their ids, while they are kept (docs/store.md, rule 12).
 */
#ifndef POSTROOM_STORE_UNDELETE_H
#define POSTROOM_STORE_UNDELETE_H

#include "store/mailbox.h"

struct undelete {
	const struct uid *ids; /* in the order of the mailbox */
	size_t count;
	int64_t now;    /* seconds since 1970 */
	uint64_t quota; /* octets that the mailbox may hold; 0: no limit */
};

/* Under the write lock, and no session has a snapshot. All of them or none: FAULT_QUOTA where they would be too much, FAULT_PERMANENT where one is gone for good by
 * now. */
bool undelete_mails(struct mailbox *m, const struct undelete *wish, struct fault *why);

#endif
