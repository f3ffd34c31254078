/*
 * marks: `.mymailbox.deleted`: mails that are removed but still stand in the mailbox file, by hash and place (docs/store.md, rule 5). Some can be taken back for
 * a time (rule 12).
 *
 * Batches that are only added, each with a check: a torn one counts not at all. A rewrite of the mailbox names its successor here, for which the marks are void,
 * and brings the marks of what it has kept in a file of their own, `.deleted.new`, which takes this one's place. Batches of the first version of the format have no time.
 * The caller holds the mailbox's write lock.
 */
#ifndef POSTROOM_STORE_MARKS_H
#define POSTROOM_STORE_MARKS_H

#include "base/fault.h"
#include "base/file.h"
#include "store/draft.h"

enum { MARKS_HEAD = 40 }; /* octets of a file that holds no marks, at the most */

struct mark {
	uint64_t offset; /* where the mail stood when it was removed */
	int64_t until;   /* it can be taken back, seconds since 1970; 0: it is gone for good */
	uint32_t order;  /* of its being read: of equal marks the later one counts */
	bool back;       /* while reading: takes one back */
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
	bool old;       /* of the first version */
};

/* Adds a batch of marks, all with the same `until`. On false nothing is added. */
bool marks_add(int dir, const char *name, const struct mark *batch, size_t n, struct fault *why);
/* Takes marks back, which are in the file: from its sync on the mails are there again. */
bool marks_take_back(int dir, const char *name, const struct mark *batch, size_t n, struct fault *why);
/* Reads what holds for the mailbox `mail`: none where it is the named successor. Puts the files in order where a batch is torn, a successor was named in vain, or
 * the marks of a rewrite have not taken their place. */
bool marks_load(struct marks *m, int dir, const char *name, const struct file_look *mail, struct fault *why);
/* The same, and leaves the files as they are. */
bool marks_read(struct marks *m, struct marks_file *file, int dir, const char *name, const struct file_look *mail,
                struct fault *why);
void marks_release(struct marks *m);
/* The mark of a mail, or NULL; each mark hits one mail. First all mails are asked for by hash and place; when marks are left, because
 * somebody edited the file, mails that were not hit are asked for by hash alone. */
const struct mark *marks_hit(struct marks *m, const unsigned char *hash, uint64_t offset);
const struct mark *marks_hit_anywhere(struct marks *m, const unsigned char *hash);
/* Rewrites the file with only the marks that were hit. */
bool marks_keep_met(struct marks *m, int dir, const char *name, const struct file_look *mail, struct fault *why);

/* Names the file that will replace the mailbox; where there are no marks it does nothing. The n marks will hold for it, and are on the disk before it is named. */
bool marks_name_successor(int dir, const char *name, const struct file_look *successor, const struct mark *marks,
                          size_t n, struct fault *why);
/* The successor is the mailbox: the n marks that were given with its name hold from here on; none: the file is emptied. */
bool marks_succeed(int dir, const char *name, size_t n, struct fault *why);
/* No marks from here on. */
bool marks_drop(int dir, const char *name, struct fault *why);

#endif
