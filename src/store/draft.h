/*
 * draft: a mail on its way in, in its stored form, before it belongs to any mailbox.
 *
 * It rests in memory, up to DRAFT_MEMORY_MAX a mail and DRAFT_MEMORY_ALL in all of the process, and beyond that in an unnamed
 * file (O_TMPFILE) of the mailboxes' file system: a mail of any size takes bounded memory, and one that never ends leaves
 * nothing behind.
 *
 * draft_write never blocks. When draft_full() says so, draft_spill() has to be called (from a job: it writes to the file) before
 * the next read of input is written; what one read brings (at most 64 KiB) still fits. One session uses a draft until
 * draft_finish(); from then on it is constant, and may be read by several threads.
 */
#ifndef POSTROOM_STORE_DRAFT_H
#define POSTROOM_STORE_DRAFT_H

#include <sys/types.h>

#include "base/fault.h"
#include "base/slice.h"

enum {
	DRAFT_MEMORY_MAX = 1024 * 1024,
	DRAFT_MEMORY_ALL = 16 * 1024 * 1024,
	DRAFT_HASH = 16, /* octets of a mail's hash: the first half of SHA-256 over its stored form */
};

struct draft;

/* `spill_dir` is where the unnamed file goes; -1: the draft may not leave memory, and is refused (FAULT_FULL) beyond its
 * bound. NULL: memory is out. */
struct draft *draft_new(int spill_dir);
/* NULL is passed over. */
void draft_free(struct draft *d);

/* False: memory is out (then the mail has to be given up). */
bool draft_write(struct draft *d, const char *octets, size_t n);
bool draft_full(const struct draft *d);
/* Blocks. False with why: the mail has to be given up. */
bool draft_spill(struct draft *d, struct fault *why);
/* The mail is complete: closes an incomplete last line. Blocks only where draft_in_file(). */
bool draft_finish(struct draft *d, struct fault *why);
bool draft_in_file(const struct draft *d);

/* After draft_finish(), for back ends. */
uint64_t draft_size(const struct draft *d);             /* octets of the stored form */
uint64_t draft_octets(const struct draft *d);           /* octets on the wire */
const unsigned char *draft_hash(const struct draft *d); /* DRAFT_HASH octets */
struct slice draft_text(const struct draft *d);         /* the stored form, where it is in memory */
int draft_file(const struct draft *d);                  /* … where it is in a file, from its offset 0; else -1 */

#endif
