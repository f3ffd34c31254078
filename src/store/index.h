/*
 * index: where each mail of a mailbox file begins and what is known of it. A cache beside the file (docs/store.md, rule 7): nothing
 * is lost with it, and it is believed only where it describes the file as it is.
 *
 * A header, then fixed records in the file's order, in this machine's byte order. Records are added and their ordinal and flags
 * changed in place; everything else makes a new index that is renamed over the old one, so that an open one stays as it was.
 * The caller holds the mailbox's write lock for all that writes.
 */
#ifndef POSTROOM_STORE_INDEX_H
#define POSTROOM_STORE_INDEX_H

#include "base/fault.h"
#include "base/file.h"
#include "store/uid.h"

enum {
	INDEX_DEAD = 1,
	INDEX_DAMAGED = 2, /* never in a file: a walk's, see index_walk_next_any */
};

struct index_record {
	uint64_t offset;  /* of the mail in the file */
	uint64_t length;  /* of its text, without the dividing line */
	uint64_t octets;  /* on the wire */
	int64_t received; /* seconds since 1970 */
	struct uid id;
	uint32_t divider; /* octets of the dividing line */
	uint32_t flags;
	uint32_t check;
};

struct index_header {
	char magic[8];
	unsigned char boot[16]; /* of the boot in which it was last written */
	struct file_look mail;  /* the file it describes */
	uint64_t deleted_size;  /* of the file of deletion marks it knows */
	uint64_t count;         /* records */
	uint64_t dead;          /* of them */
	uint64_t numbered;      /* records from the front whose ids have ordinals */
	uint64_t end;           /* where the last mail's dividing line ends in the file */
	uint64_t live_octets;   /* on the wire */
	uint64_t dead_length;   /* octets of the file that belong to dead mails */
	struct uid_gone gone;
	uint32_t spare; /* 0 */
	uint64_t check;
};

struct index {
	int fd; /* -1: none */
	struct index_header head;
};

/* The end of a mail in the file, its dividing line included. */
static inline uint64_t index_end(const struct index_record *r)
{
	return r->offset + r->length + r->divider;
}

/* Opens and reads the header. False: there is none, or it is not whole. */
bool index_open(struct index *ix, int dir, const char *name);
/* … for a reader who holds no lock and has no right to write. */
bool index_open_to_read(struct index *ix, int dir, const char *name);
void index_close(struct index *ix);
/* Reads the header again; false as above, and where the file no longer has a name. */
bool index_refresh(struct index *ix);
/* Whether it describes this file and these marks. */
bool index_fits(const struct index *ix, const struct file_look *mail, uint64_t deleted_size);
/* Whether it was written in this boot: if not, only a check of every record (index_whole) makes it believable. */
/* 16 octets that are others in each boot. The first call reads a file of the kernel's. */
const unsigned char *index_boot(void);
bool index_of_this_boot(const struct index *ix);
bool index_whole(const struct index *ix);

/* n records from `first` on. With may_block false, errno EAGAIN says that they have to be fetched from a disk. */
bool index_read(int fd, uint64_t first, struct index_record *records, size_t n, bool may_block);
/* Writes records in place, at their numbers; fills in their checks. */
bool index_write(struct index *ix, uint64_t first, struct index_record *records, size_t n);
/* Adds records behind the last and counts them; the header is written by index_describe. */
bool index_add(struct index *ix, struct index_record *records, size_t n);
/* Writes the header: from here on the index describes this file and these marks. */
bool index_describe(struct index *ix, const struct file_look *mail, uint64_t deleted_size);

/* Counts a record into a header's sums, as the one behind all that were counted before. */
void index_count(struct index_header *h, const struct index_record *r);

/* Walks over all records in blocks. */
struct index_walk {
	int fd;
	uint64_t count;
	uint64_t next;
	size_t used; /* of the block */
	size_t have;
	struct index_record block[256];
};
void index_walk_init(struct index_walk *w, int fd, uint64_t count);
/* The next record, to be used before the next call; NULL at the end, or with `failed` set. */
struct index_record *index_walk_next(struct index_walk *w, bool *failed);
/* The same, but a record that is not whole does not end the walk: it comes as INDEX_DAMAGED, and says nothing. NULL: the end. */
struct index_record *index_walk_next_any(struct index_walk *w);

/* Makes a new index. Where the directory has no room for it, it is made in memory: then it serves its process alone. */
struct index_maker {
	struct index index;
	int dir;
	const char *name;
	bool in_memory;
	bool failed;
	size_t used;
	struct index_record block[256];
};
void index_maker_init(struct index_maker *k, int dir, const char *name);
void index_maker_add(struct index_maker *k, const struct index_record *r);
/* Puts it in place and gives the open index to the caller; false with why. */
bool index_maker_finish(struct index_maker *k, const struct file_look *mail, uint64_t deleted_size, struct index *ix,
                        struct fault *why);
void index_maker_abandon(struct index_maker *k);

#endif
