/*
 * delivery: mails on their way into mailboxes, one appender a mailbox.
 *
 * All mails that wait for a mailbox go in under one lock and one sync, up to a bound; while that runs, the next ones
 * gather. So a busy mailbox takes one job thread, however many sessions deliver to it, and many mailboxes sync in
 * parallel. A batch that fails fails for each of its mails; where it was for want of room, each is tried alone. Thread-safe.
 */
#ifndef POSTROOM_SERVER_DELIVERY_H
#define POSTROOM_SERVER_DELIVERY_H

#include <stdatomic.h>

#include "auth/users.h"
#include "net/jobs.h"
#include "store/store.h"

struct delivery_desk;
struct retention;

/* One mail to one mailbox. Its owner fills in the upper part and keeps it until done() was called. */
struct delivery {
	char user[USERS_NAME_MAX + 1]; /* as the users file spells it */
	struct draft *draft;           /* finished; the owner's */
	struct loop *home;
	void (*done)(
	        struct delivery *); /* on the home loop's thread (with jobs NULL: at once, inside delivery_hand_in) */
	bool stored;                /* the outcome: it is on disk */
	struct fault why;           /* where it is not */
	/* How many of a mail's deliveries are under way, this one among them: done() is called of the last alone, once all have their outcome.
	 * NULL: it is by itself. */
	atomic_size_t *under_way;
	/* the desk's own */
	struct delivery *next;
	struct task task;
};

struct delivery_desk *delivery_desk_new(struct store *store, struct jobs *jobs);
/* Only when nothing is under way. */
void delivery_desk_free(struct delivery_desk *desk);
/* Hears of each mailbox that got mail; NULL: nobody does. Before the first is handed in. */
void delivery_desk_tell(struct delivery_desk *desk, struct retention *retention);
void delivery_hand_in(struct delivery_desk *desk, struct delivery *d);

#endif
