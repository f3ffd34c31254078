/*
 * work: what is done on the disk in a workload, a ledger of what was promised while it was done, and the check that every promise is kept.
 *
 * A workload is a line of words, each one operation:
 *     +A +B      a process of smtpmail, A or B, delivers a mail; +3A: three that came together; +sA: one that rested in an unnamed file; +=2A: one that is
 *                octet for octet the second that was sent
 *     (C  )C     a popserver's session begins (and asks for the unique ids); ends without QUIT
 *     -C0,2      … removes those mails of its snapshot with QUIT
 *     kC0,2      … removes them so that they can be taken back
 *     <A0,2      takes back those of the removed mails that can be
 *     !A  !A3    what cannot be taken back any more goes, and mail 1 to 3 are too old
 *     ~A         gives space back
 *     xI         the index is deleted; xE: an editor adds a text without a full stop; xU: a delivery that was killed left its note and half a mail;
 *                xM: an operator opens the mailbox to its group; xO: mail 1 is marked in a file of the format's first version;
 *                xS: a process died before the marks that its rewrite had kept were in their place; xD: an operator deletes the mailbox
 *     u…         the users file: work_users.h
 *     +A|+B      two words at once, each a process: where they take turns, the plan says (disk.h)
 */
#ifndef POSTROOM_CRASH_WORK_H
#define POSTROOM_CRASH_WORK_H

#include "disk.h"
#include "work_users.h"

enum { WORK_MAILS = 40, WORK_TEXT = 700 };

struct work_mail {
	char text[WORK_TEXT];
	size_t batch;        /* the number of the first mail that came together with it */
	unsigned begun_at;   /* change number: from here on it may be there */
	unsigned acked_at;   /* from here on it must be */
	unsigned asked_at;   /* its removal: from here on it may be gone */
	unsigned removed_at; /* from here on it must be */
	unsigned kept_at;    /* its removal failed, and a session was shown it again: from here on it must be there */
	unsigned refused_at; /* from here on nothing of it is left in part */
	int removal;         /* which removal, 0: none */
	bool kept;           /* … which could be taken back … */
	unsigned back_asked_at; /* … and was: from here on it may be there … */
	unsigned back_at;       /* … and from here on it must be */
	int back;               /* with which others */
	unsigned cut_asked_at;  /* from here on it may be gone for good … */
	unsigned cut_at;        /* … and from here on it must be */
	bool typed;             /* by an editor: in no process's care until it was seen */
	char uid[64];
	unsigned told_at;
};
#define WORK_NEVER UINT32_MAX

struct ledger {
	size_t count;
	int removals;
	bool for_group; /* the mailbox is open to its group, and stays so */
	bool again;     /* a second cut amid repair */
	bool power_cut; /* what was never acknowledged may be there in part */
	struct work_mail mails[WORK_MAILS];
	struct users_ledger users;
};

struct workload {
	const char *name;
	const char *before; /* done, and on disk, when it begins */
	const char *run;
};

/* Does it, with everything it promises noted. In a process of its own, on the disk that is in use. */
void work_run(const char *script, struct ledger *ledger, struct disk *d);
/* Whether the promises hold that were made until change number `at`; what is wrong goes to `why`. In a process of its own. `thorough`: the mailbox is used once more. */
bool work_check(const struct ledger *ledger, unsigned at, struct disk *d, bool thorough, char *why, size_t size);

#endif
