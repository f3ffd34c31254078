/*
 * recover: brings a mailbox file, its marks and its index into agreement by one scan (docs/store.md, rules 5 to 7). Under the write lock.
 */
#ifndef POSTROOM_STORE_RECOVER_H
#define POSTROOM_STORE_RECOVER_H

#include "store/mailbox.h"
#include "store/marks.h"
#include "store/scan.h"

/* The mailbox file is open and looked at. Afterwards the index describes it, and its name and bytes are synced. */
bool recover_mailbox(struct mailbox *m, struct fault *why);
/* The same where a record of the index, which seemed to be good, is not whole. Says so in the log. */
bool recover_index(struct mailbox *m, struct fault *why);

/* Its steps that change nothing, for store/inspect. */

/* All mails of the file, in order; the records are the caller's to free. */
struct recover_found {
	struct index_record *records;
	size_t count;
	size_t cap;
	int64_t changed; /* when the file was last, in seconds: where nobody knows when a mail came, it counts as received then */
	bool stuck; /* there was no room to deal with what stands behind the last mail */
};

/* Adds the mails from s->from on. */
bool recover_scan(struct mailbox *m, struct recover_found *f, struct scan *s, struct fault *why);
/* Whether the append of an open note stands here, and not whole: from which mail on. */
bool recover_unfinished(const struct mailbox *m, const struct recover_found *f, const struct append_note *note,
                        size_t *first);
/* Flags the mails that are marked as removed, and in `marks` which ones were met. */
void recover_mark_dead(struct recover_found *f, struct marks *marks);

#endif
