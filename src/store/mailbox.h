/*
 * mailbox: the files of one user's mailbox, open for one holder, and its two locks (docs/store.md, rules 1 and 2).
 *
 * Whoever holds the write lock through mailbox_hold() sees the files as they are: the mailbox behind its path, ended as it should be, and
 * an index that describes it. Used by one thread at a time. Everything here may block.
 */
#ifndef POSTROOM_STORE_MAILBOX_H
#define POSTROOM_STORE_MAILBOX_H

#include "store/index.h"

enum { MAILBOX_NAME_MAX = 100, MAILBOX_USER_MAX = 64 };

/* What all mailboxes of a store have in common. */
struct mailbox_place {
	int root;                          /* the directory of the users' directories */
	char mail[MAILBOX_NAME_MAX + 1];   /* "mymailbox" */
	char index[MAILBOX_NAME_MAX + 16]; /* ".mymailbox.index" */
	char deleted[MAILBOX_NAME_MAX + 16];
	char fresh[MAILBOX_NAME_MAX + 16]; /* ".mymailbox.new" */
	char torn[MAILBOX_NAME_MAX + 16];
};

struct mailbox {
	const struct mailbox_place *place;
	char user[MAILBOX_USER_MAX + 1];
	bool there; /* its directory is not made where it is missing */
	int dir;
	int lock;
	struct file_look lock_look;
	int mail;              /* -1: there is no mailbox file */
	struct file_look look; /* of the mailbox file, as of the last hold or change; size 0 where there is none */
	struct index index;
};

/* In the user's directory; what its bytes mean: mailbox.c. */
extern const char mailbox_lock_name[];

/* The append under way, written into `.lock` before it begins. */
struct append_note {
	char magic[4];
	uint32_t open;  /* 1 until the append is synced */
	uint64_t inode; /* the mailbox file */
	int64_t birth;
	uint64_t offset;
	uint64_t length;
	uint64_t chain; /* over the mails' hashes, in order */
	uint64_t check;
};

/* The user's directory is made where it is missing. */
bool mailbox_open(struct mailbox *m, const struct mailbox_place *place, const char *user, struct fault *why);
/* … or else it is not opened, with ENOENT. */
bool mailbox_open_there(struct mailbox *m, const struct mailbox_place *place, const char *user, struct fault *why);
void mailbox_close(struct mailbox *m);
/* Closes the mailbox file and its index; the next hold opens them again. */
void mailbox_close_mail(struct mailbox *m);

/* Takes the write lock and looks (rule 2). On false the lock is not held. */
bool mailbox_hold(struct mailbox *m, struct fault *why);
void mailbox_let(struct mailbox *m);
/* Takes the write lock and changes nothing: the mailbox file is open where there is one that may be, `looked` says whether it is, and why not. The index is as
 * it lies. */
bool mailbox_hold_as_found(struct mailbox *m, bool *looked, struct fault *why);

/* The session's lock: tries it; FAULT_BUSY with the holder's text. Given up by mailbox_close. */
bool mailbox_enter(struct mailbox *m, const char *holder, struct fault *why);
/* Whether no session has the mailbox; FAULT_BUSY with the holder's text. */
bool mailbox_is_free(const struct mailbox *m, struct fault *why);
/* mailbox_hold() where no session has a snapshot: one that begins waits for the write lock before it takes one. FAULT_BUSY: one has. */
bool mailbox_hold_alone(struct mailbox *m, struct fault *why);

/* Under the write lock: whether the file ends with its last mail. Where there was no room to deal with what stands behind it, it
 * does not, and nothing can be appended. */
static inline bool mailbox_ends_well(const struct mailbox *m)
{
	return m->mail < 0 || m->index.head.end == m->look.size;
}

/* Under the write lock: makes the mailbox file where there is none. */
bool mailbox_create(struct mailbox *m, struct fault *why);
/* Under the write lock: the size of the file of marks. */
bool mailbox_deleted_size(const struct mailbox *m, uint64_t *size, struct fault *why);
/* Under the write lock: the index describes the file as it is now. Where that cannot be written the index goes: it is a cache. */
void mailbox_describe(struct mailbox *m);
/* The index is not to be believed any more. */
void mailbox_drop_index(struct mailbox *m);

bool mailbox_write_note(struct mailbox *m, struct append_note *note, struct fault *why);
/* Closes the note, or sees to it that a closed one stays closed (mailbox_settle_note): if an open one came back with a power cut, it would claim what was
 * written in its place since, or what a removal has left of its mails. Before either can be acknowledged. Where it fails the note is open, and the next
 * holder's. */
bool mailbox_close_note(struct mailbox *m, struct append_note *note, struct fault *why);
bool mailbox_settle_note(struct mailbox *m, struct append_note *note, struct fault *why);
/* All zero where there is none, or none that is whole. */
bool mailbox_read_note(const struct mailbox *m, struct append_note *note, struct fault *why);
/* chain of the hashes so far, and one more. Begins with 0. */
uint64_t mailbox_chain(uint64_t chain, const unsigned char *hash);

#endif
