/*
 * expiry: a mailbox's retention: mails that are too old or too much go, and removed ones whose time to be taken back is over (docs/store.md, rule 12).
 */
#ifndef POSTROOM_STORE_EXPIRY_H
#define POSTROOM_STORE_EXPIRY_H

#include "store/mailbox.h"
#include "store/store.h"

/* file_store_expire(). Holds the write lock while it works; a session that begins meanwhile waits for its snapshot. */
bool expiry_sweep(const struct mailbox_place *place, const char *user, struct store_expiry *e, struct fault *why);

#endif
