/*
 * glance: a mailbox as it stands, seen without a lock and without writing anything: for a process that shows mail and may not change it.
 *
 * It sees what the last change left. A change under way may make it miss: then FAULT_TEMPORARY, and the next look will do. Mails have the unique ids
 * that a session would give them now; byte-identical mails that no session has numbered yet may swap theirs until one does.
 * The mailbox stays readable through an open glance whatever happens behind its path. Everything blocks; one thread at a time.
 */
#ifndef POSTROOM_STORE_GLANCE_H
#define POSTROOM_STORE_GLANCE_H

#include "base/file.h"
#include "store/store.h"

/* What tells one state of a mailbox from another. */
struct glance_stamp {
	struct file_look mail;    /* size 0 and inode 0: there is no mailbox */
	uint64_t deleted_size;    /* of its deletion marks */
	struct file_look lineage; /* of its index: while it is the same file, mails were only added or marked */
};

struct glance;

/* A look at the files alone; no index is read. False: FAULT_TEMPORARY. A user or mailbox that is not there is an empty one. */
bool glance_stamp(int root, const char *mailbox, const char *user, struct glance_stamp *stamp, struct fault *why);
/* Whether the second is the first, unchanged. */
bool glance_same(const struct glance_stamp *a, const struct glance_stamp *b);

/* `root` stays the caller's. NULL with why. */
struct glance *glance_open(int root, const char *mailbox, const char *user, struct fault *why);
void glance_close(struct glance *g);
const struct glance_stamp *glance_taken(const struct glance *g);
size_t glance_count(const struct glance *g);
/* Mail i, from 0, in the mailbox's order. */
void glance_info(const struct glance *g, size_t i, struct mail_info *info);
/* The mail with this unique id; glance_count() where there is none. */
size_t glance_find(const struct glance *g, const char *uid);
/* As store_ops.read. */
bool glance_read(const struct glance *g, size_t i, struct store_span *span, struct fault *why);

#endif
