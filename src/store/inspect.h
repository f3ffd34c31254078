/*
 * inspect: says what is not as it should be with a mailbox, and changes nothing: the files as they lie, compared with what store/recover would make of them.
 *
 * Never stops at the first finding. Holds the write lock while it reads, as a recovery does.
 */
#ifndef POSTROOM_STORE_INSPECT_H
#define POSTROOM_STORE_INSPECT_H

#include "store/mailbox.h"

enum inspect_kind {
	INSPECT_SESSION, /* somebody has the mailbox open: text */

	INSPECT_UNUSABLE,  /* no session may use the mailbox file: text */
	INSPECT_OPEN_MAIL, /* others may read or write the mailbox file: other is its mode */
	INSPECT_OPEN_HOME, /* … the directory */

	INSPECT_UNFINISHED, /* an append that never ended, offset and octets */
	INSPECT_UNSETTLED,  /* an append that is whole, and whose end was never noted */
	INSPECT_TAIL,       /* text behind the last dividing line */
	INSPECT_TAIL_DOT,   /* … whose dividing line lacks its line end */
	INSPECT_TAIL_BLANK, /* … of nothing but blanks */

	INSPECT_INDEX_NONE,
	INSPECT_INDEX_BAD,    /* its header is not whole, or the record of mail (0: the header) */
	INSPECT_INDEX_OLD,    /* it describes the file as it was: other is the size it had */
	INSPECT_INDEX_SUMS,   /* its header does not agree with its records */
	INSPECT_LOST_DIVIDER, /* offset is where the dividing line of mail stood; other: how many mails are one now */
	INSPECT_CHANGED,      /* mail at offset has octets; the index knows another, of other octets */
	INSPECT_MOVED,        /* … knows it at another offset: other */
	INSPECT_ADDED,        /* other mails from offset on are not in the index */
	INSPECT_GONE,         /* other mails of the index are not in the file */
	INSPECT_FLAG, /* the index has a mail as removed, and the marks have not, or the other way round: other is 1 or 0 */

	INSPECT_MARKS_BAD,  /* the file of marks: text */
	INSPECT_MARKS_TORN, /* other octets of it are of no batch */
	INSPECT_MARKS_VOID, /* they are for the file that stood here before a rewrite */
	INSPECT_MARKS_VAIN, /* they name a rewrite that never came */
	INSPECT_MARK_LOST,  /* a mark without its mail, which stood at offset */

	INSPECT_TORN,  /* other octets wait in the file of torn appends */
	INSPECT_FRESH, /* a rewrite that never became the mailbox, of other octets */
	INSPECT_KINDS,
};

struct inspect_finding {
	enum inspect_kind kind;
	bool placed;     /* line and offset count */
	uint64_t line;   /* of the mailbox file, from 1 */
	uint64_t offset; /* … octet, from 0 */
	uint64_t octets;
	uint64_t mail;  /* its place among all mails of the file, removed ones included, from 1 */
	uint64_t other; /* as the kind says */
	const char *text;
};

/* What it came to; of the file as a session would find it. */
struct inspect_sums {
	uint64_t size;
	uint64_t live;
	uint64_t dead; /* removed, and still in the file */
};

/* Gives each finding to found(). False with why: the mailbox could not be looked at to the end. */
bool inspect_mailbox(struct mailbox *m, void (*found)(void *owner, const struct inspect_finding *finding), void *owner,
                     struct inspect_sums *sums, struct fault *why);

/* What the next session or delivery would do, now: rule 6 of docs/store.md, marks without a mail dropped, the index made anew. */
bool inspect_repair(struct mailbox *m, struct fault *why);

#endif
