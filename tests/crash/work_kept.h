/*
 * work_kept: removed mails that can be taken back, and mails that are too old: what is done of it in a workload, and what must hold.
 *
 * Wall time stands still: mail N comes in second N, and what is removed can be taken back for WORK_KEPT_S.
 */
#ifndef POSTROOM_CRASH_WORK_KEPT_H
#define POSTROOM_CRASH_WORK_KEPT_H

#include "work.h"

struct store;
struct maildrop;

enum { WORK_KEPT_S = 1000 };

/* Wall time is that of this mail, from 1. */
void work_kept_at_mail(size_t number);
/* What was done of it before the workload begins. */
void work_kept_settle(struct work_mail *m);
/* The word <: numbers among the removed mails, as in "0,2". */
void work_take_back(struct store *s, struct ledger *l, const struct disk *d, const char *numbers);
/* The word xO. */
void work_old_marks(struct ledger *l, const struct disk *d);
/* The word xS. */
void work_misplace_marks(void);
/* The word !: later than anything can be taken back; `oldest`: so many of the first mails are too old. */
void work_expire(struct store *s, struct ledger *l, const struct disk *d, size_t oldest);

/* `seen`: how often each mail of the ledger is in the mailbox. What is wrong goes to `why`. */
struct work_kept_check {
	const struct ledger *ledger;
	unsigned at;
	struct store *store;
	char *why;
	size_t size;
};
bool work_kept_check(const struct work_kept_check *c, const unsigned *seen);
/* All that can be taken back is, and then is there. */
bool work_kept_use(const struct work_kept_check *c);

/* work.c's: a mail's text as it is stored; false: it cannot be read. */
bool work_read_mail(struct maildrop *drop, size_t i, char text[WORK_TEXT]);

#endif
