/*
 * window: mails read by one read of the file for many, and given out where they lie in it. Each is seen to stand where the index says, as fence_read()
 * sees it (docs/store.md, rule 8).
 */
#ifndef POSTROOM_STORE_WINDOW_H
#define POSTROOM_STORE_WINDOW_H

#include "store/index.h"

/* What is read. */
struct window_source {
	int fd;
	uint64_t serial; /* of the snapshot: never 0, and never given to another one */
	bool ahead;      /* what stands behind the piece will be wanted, too */
};

/* Finds the view's octets in its window, or reads them into it. STORE_FAULT: the mail cannot be read, or is not there. */
enum store_got window_view(const struct window_source *from, const struct index_record *r, struct store_view *view,
                           bool may_block);

#endif
