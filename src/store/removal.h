/*
 * removal: takes marked mails out of a mailbox file, all or none (docs/store.md, rule 5): by a cut where a tail or everything goes, by
 * a rewrite where little remains, by deletion marks otherwise.
 */
#ifndef POSTROOM_STORE_REMOVAL_H
#define POSTROOM_STORE_REMOVAL_H

#include "store/mailbox.h"

#ifndef POSTROOM_REWRITE_MAX /* a test makes it small */
#define POSTROOM_REWRITE_MAX (16 * 1024 * 1024)
#endif
enum { REMOVAL_REWRITE_MAX = POSTROOM_REWRITE_MAX };

/* What holds for a removal. */
struct removal_terms {
	int64_t now;       /* seconds since 1970: marks whose time is over by then count as gone for good */
	unsigned undelete; /* for so many seconds what is removed can be taken back … */
	uint64_t most;     /* … where no more octets of the file than these are then dead; 0: no limit */
};

/* Under the write lock; `marks` has a bit for each live mail, in order, up to `count`; later ones stay. Blocks. */
bool removal_commit(struct mailbox *m, const unsigned char *marks, size_t count, const struct removal_terms *terms,
                    struct fault *why);

/* Under the write lock: rewrites the file without the mails that are gone for good, where little remains or much is gone. */
bool removal_tidy(struct mailbox *m, int64_t now, struct fault *why);

#endif
