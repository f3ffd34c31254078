/*
 * store: the contract of the place where mail rests.
 *
 * Every back end keeps the same promises; store/store_suite.c shows them on each:
 *
 *   - append() returns true only when the mails are on disk, whole, behind all mails that were there. Where it returns false,
 *     none of them is there (after a failed sync one may be: then a retry doubles it, and nothing is lost).
 *   - What was appended is never rewritten, only removed.
 *   - One maildrop at a time is open on a mailbox, over all processes; mail appended meanwhile waits for the next.
 *   - remove() is all or nothing, and what it removed never comes back, unless somebody takes it back within the time that the store was given for that.
 *   - append() never makes a mailbox larger than the quota: then FAULT_QUOTA, and nothing of the batch is there.
 *   - Unique ids differ within a mailbox, stay the same for a mail's whole life, and are not given again.
 *
 * The stored form of a mail: LF line ends, a line's leading full stop doubled (as in SMTP and POP3), last line complete; the line
 * with only a full stop that ends it in the mailbox file is the store's, and in nobody's buffer.
 *
 * A store knows no event loop: everything here may block unless it says otherwise, and may be called from any thread. A draft
 * and a maildrop are used by one thread at a time.
 */
#ifndef POSTROOM_STORE_STORE_H
#define POSTROOM_STORE_STORE_H

#include "base/fault.h"
#include "base/slice.h"
#include "store/draft.h"

/* 32 hexadecimal digits of the mail's hash and, where mails are byte for byte equal, "-" and an ordinal: within the 70 characters of
 * RFC 1939 section 7. */
enum { STORE_UID_MAX = 48, STORE_HOLDER_MAX = 200 };

struct store;
struct maildrop;
struct mailbox_place;

struct mail_info {
	uint64_t octets;  /* on the wire: CRLF line ends, a doubled full stop counted once (RFC 1939 section 11) */
	uint64_t stored;  /* in the stored form */
	int64_t received; /* seconds since 1970; 0: not known */
	int64_t until;    /* of a removed mail: it can be taken back until then; else 0 */
	char uid[STORE_UID_MAX]; /* "" until numbered */
};

/* A piece of a mail to be read. */
struct store_span {
	uint64_t offset; /* in the stored form */
	void *octets;    /* the caller's, with room for size */
	size_t size;
	size_t got; /* the answer: 0 at the end of the mail */
};

/* Memory into which a store reads more than it was asked for, so that one read serves many mails that are asked for in their order. Zeroed but for the
 * first two; then the store's. Of one thread at a time; it may serve many maildrops in turn. */
enum { STORE_WINDOW_MIN = 16 };
struct store_window {
	char *octets; /* the caller's, with room for size: STORE_WINDOW_MIN at least */
	size_t size;
	uint64_t serial; /* whose octets they are; 0: nobody's */
	uint64_t at;     /* where they stand in the file */
	size_t got;
};

/* A piece of a mail to be looked at where it lies. */
struct store_view {
	uint64_t offset; /* in the stored form */
	size_t most;     /* octets that are wanted */
	struct store_window *window;
	struct slice octets; /* the answer: none at the end of the mail */
};

enum store_got {
	STORE_GOT,
	STORE_WOULD_BLOCK, /* only where may_block is false: ask again from a job */
	STORE_FAULT,
};

struct store_ops {
	const char *name;
	void (*free)(struct store *);
	/* Makes the user's place where it is missing (a directory, mode 0700). */
	bool (*prepare)(struct store *, const char *user, struct fault *why);
	/* An empty draft, or NULL: memory is out. Never blocks. */
	struct draft *(*draft)(struct store *);
	/* Appends n drafts to one mailbox, in order, under one lock and one sync. The drafts stay the caller's and may be appended
	 * elsewhere at the same time. */
	bool (*append)(struct store *, const char *user, struct draft *const *drafts, size_t n, struct fault *why);

	/* Whether the mailbox may take that many more octets. A look without a lock, for an early refusal; append() is what holds to the quota.
	 * FAULT_QUOTA, or why it is not known. */
	bool (*room)(struct store *, const char *user, uint64_t octets, struct fault *why);

	/* Locks the mailbox for this session and takes its snapshot. `holder` (who, from where) is shown to others that try: FAULT_BUSY
	 * with the holder's text and since when. NULL with why. */
	struct maildrop *(*open)(struct store *, const char *user, const char *holder, struct fault *why);
	/* Gives the lock up. */
	void (*close)(struct maildrop *);
	/* Mails and wire octets of the snapshot. Never block. */
	size_t (*count)(const struct maildrop *);
	uint64_t (*octets)(const struct maildrop *);
	/* Gives every mail of the snapshot its unique id; needed once before infos show one. */
	bool (*number)(struct maildrop *, struct fault *why);
	/* Mail i, from 0. */
	enum store_got (*info)(struct maildrop *, size_t i, bool may_block, struct mail_info *info, struct fault *why);
	/* Fills the span from mail i's stored form: at least one octet, none at its end. A mail that is no longer where the
	 * snapshot had it is a FAULT_TEMPORARY. */
	enum store_got (*read)(struct maildrop *, size_t i, struct store_span *span, bool may_block, struct fault *why);
	/* The same without a copy of their own: the octets live until the window is used again or the maildrop is closed. */
	enum store_got (*view)(struct maildrop *, size_t i, struct store_view *view, bool may_block, struct fault *why);
	/* Removes all mails whose bit is set in `marks` (bit i%8 of byte i/8), or none. At most once a maildrop; only close() after it. */
	bool (*remove)(struct maildrop *, const unsigned char *marks, struct fault *why);
	/* Gives space back where much of it is dead. For an idle moment; what it cannot do now it leaves. */
	void (*tidy)(struct store *, const char *user);
	/* Removes the mailbox and the user's place, with all that this store has made there. FAULT_BUSY while a session is at it; nobody of this process may deliver to it
	 * meanwhile. */
	bool (*discard)(struct store *, const char *user, struct fault *why);
};

/* The first member of every back end's store and maildrop. */
struct store {
	const struct store_ops *ops;
	/* Octets that a mailbox may hold, as its file has them, removed mails not counted; 0: no limit. May be changed at any time, as may the next. */
	_Atomic uint64_t quota;
	/* For so many seconds what remove() takes can be taken back, where the store can do that; 0: not at all. */
	_Atomic unsigned undelete;
};
struct maildrop {
	const struct store_ops *ops;
};

static inline bool store_marked(const unsigned char *marks, size_t i)
{
	return marks[i / 8] >> (i % 8) & 1;
}

/* The text file DIR/USER/MAILBOX (docs/store.md). `dir` stays the caller's and open. NULL with why. */
struct store *file_store_new(int dir, const char *mailbox, struct fault *why);
/* A snapshot for somebody who only reads, beside a session that goes on; its mails have their ids. A mail that the session removes may be there or a
 * FAULT_TEMPORARY when it is read. remove() is refused. NULL with why. */
struct maildrop *file_store_look(struct store *s, const char *user, struct fault *why);
/* The removed mails that can be taken back, as if they were a mailbox's, for who only reads. NULL with why. */
struct maildrop *file_store_look_removed(struct store *s, const char *user, struct fault *why);
/* Those of file_store_look_removed() whose bit is set are there again, all or none. FAULT_BUSY while a session is at the mailbox; FAULT_QUOTA; FAULT_PERMANENT where one is gone
 * by now. */
bool file_store_undelete(struct maildrop *removed, const unsigned char *marks, struct fault *why);
/* What a mailbox is to be rid of, and what came of it. */
struct store_expiry {
	int64_t now;     /* seconds since 1970 */
	unsigned age;    /* mails that came so many seconds ago go; 0: none */
	uint64_t size;   /* the oldest go until it holds no more than so many octets; 0: none */
	bool there;      /* the answer: there is such a place … */
	size_t removed;  /* … mails that went by these … */
	uint64_t octets; /* … on the wire */
	int64_t next;    /* when, by what is there now, the next will be due; INT64_MAX: none */
};
/* Those mails go for good, and so do removed ones whose time is over. Makes no mailbox where there is none. FAULT_BUSY while a session is at it. */
bool file_store_expire(struct store *s, const char *user, struct store_expiry *expiry, struct fault *why);
/* The names of its files, for store/inspect; they live as long as it does. */
const struct mailbox_place *file_store_place(struct store *s);
/* Reads what such stores need from elsewhere, for processes that will not be able to. */
void file_store_prepare(void);
/* Everything in memory; for tests and for courses without files. */
struct store *memory_store_new(struct fault *why);

#endif
