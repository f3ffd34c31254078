/*
 * fence: reading a mail where an index says that it stands, and seeing that it does: the dividing lines before and behind it are there
 * (docs/store.md, rule 8).
 */
#ifndef POSTROOM_STORE_FENCE_H
#define POSTROOM_STORE_FENCE_H

#include "store/index.h"

/* Fills the span from the record's mail in the open mailbox file. STORE_FAULT: it cannot be read, or the mail is not there. */
enum store_got fence_read(int mail, const struct index_record *r, struct store_span *span, bool may_block);

#endif
