/*
 * marks: the mails that are removed but still stand in a big mailbox file (docs/store.md, rule 5). Data, not a cache.
 *
 * The file `.NAME.deleted` holds a header and then batches, one a removal; a batch counts whole or not at all. The header may name the
 * successor: the rewritten file that is about to be renamed over the mailbox; where the mailbox is that file, the marks are void.
 * The caller holds the mailbox's write lock. Every change is synced before the call returns.
 */
#ifndef POSTROOM_STORE_MARKS_H
#define POSTROOM_STORE_MARKS_H

#include "base/fault.h"
#include "base/file.h"
#include "store/draft.h"

struct mark {
	uint64_t offset; /* where the mail stood when it was removed */
	unsigned char hash[DRAFT_HASH];
};

struct marks {
	struct mark *list; /* sorted by hash, then offset */
	bool *met;         /* found by marks_hit */
	size_t *skip;      /* at the first mark of a hash: how many of that hash are met, from it on */
	size_t count;
	size_t met_count;
};

/* What stands in the file, beside the marks that count. */
struct marks_file {
	uint64_t size;
	uint64_t good;  /* octets of it that count; the rest is torn, void, or no file of marks at all */
	bool is_void;   /* the mailbox is the named successor: none counts */
	bool successor; /* one is named, and is not the mailbox */
};

/* Adds a batch. On false nothing is added. */
bool marks_add(int dir, const char *name, const struct mark *batch, size_t n, struct fault *why);
/* Reads what holds for the mailbox `mail`: none where it is the named successor. Puts the file in order where a batch is torn or a
 * successor was named in vain. */
bool marks_load(struct marks *m, int dir, const char *name, const struct file_look *mail, struct fault *why);
/* The same, and leaves the file as it is. */
bool marks_read(struct marks *m, struct marks_file *file, int dir, const char *name, const struct file_look *mail,
                struct fault *why);
void marks_release(struct marks *m);
/* Whether a mail is marked; each mark hits one mail. First all mails are asked for by hash and place; when marks are left, because
 * somebody edited the file, mails that were not hit are asked for by hash alone. */
bool marks_hit(struct marks *m, const unsigned char *hash, uint64_t offset);
bool marks_hit_anywhere(struct marks *m, const unsigned char *hash);
/* Rewrites the file with only the marks that were hit. */
bool marks_keep_met(struct marks *m, int dir, const char *name, struct fault *why);

/* Names the file that will replace the mailbox; where there are no marks it does nothing. */
bool marks_name_successor(int dir, const char *name, const struct file_look *successor, struct fault *why);
/* No marks from here on. */
bool marks_drop(int dir, const char *name, struct fault *why);

#endif
