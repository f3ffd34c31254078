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

/* Under the write lock; `marks` has a bit for each live mail, in order, up to `count`; later ones stay. Blocks. */
bool removal_commit(struct mailbox *m, const unsigned char *marks, size_t count, struct fault *why);

/* Under the write lock: rewrites the file without its dead mails where that is worth while. */
bool removal_tidy(struct mailbox *m, struct fault *why);

#endif
