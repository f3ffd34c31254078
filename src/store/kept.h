/*
 * kept: of the removed mails that still stand in a mailbox file, which can be taken back, and until when (docs/store.md, rule 12).
 */
#ifndef POSTROOM_STORE_KEPT_H
#define POSTROOM_STORE_KEPT_H

#include "store/mailbox.h"
#include "store/marks.h"

struct kept {
	struct marks marks;
	const struct mark **of; /* of each dead mail of the index, in order; NULL: it has none */
	size_t count;
};

/* Under the write lock, of the index in force. False: nothing is held. */
bool kept_load(struct kept *k, const struct mailbox *m, struct fault *why);
void kept_release(struct kept *k);

/* The mark of the n-th dead mail where it can be taken back at this time; else NULL. */
static inline const struct mark *kept_mark(const struct kept *k, size_t n, int64_t now)
{
	const struct mark *mark = n < k->count ? k->of[n] : NULL;
	return mark && mark->until > now ? mark : NULL;
}

#endif
