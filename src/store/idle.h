/*
 * idle: mailboxes that wait for their next delivery. They keep their directory and lock open, and, while deliveries follow each other, the mailbox file and
 * its index as well: not for longer than a moment, as an open mailbox keeps the space of one that another process has rewritten since.
 *
 * Thread-safe. A mailbox that was taken is the taker's alone.
 */
#ifndef POSTROOM_STORE_IDLE_H
#define POSTROOM_STORE_IDLE_H

#include <pthread.h>

#include "store/mailbox.h"

enum {
	IDLE_MAX = 256,      /* mailboxes, with at most four descriptors each */
	IDLE_OPEN_MS = 1000, /* how long their files stay open while others are delivered to */
	IDLE_BUCKETS = 64
};

struct idle_box {
	struct mailbox box;
	int64_t since_ms;
	struct idle_box *next;  /* in its bucket */
	struct idle_box *older; /* in the order of use */
	struct idle_box *newer;
};

struct idle {
	pthread_mutex_t mutex; /* guards what follows */
	struct idle_box *buckets[IDLE_BUCKETS];
	struct idle_box *oldest;
	struct idle_box *newest;
	struct idle_box *open; /* it and all newer ones have their files open; NULL: none has */
	size_t count;
	size_t under_way; /* deliveries */
};

void idle_init(struct idle *i);
void idle_release(struct idle *i);

/* A delivery begins. The mailbox, or NULL: it is not among these. */
struct idle_box *idle_begin(struct idle *i, const char *user);
/* The delivery is over. The mailbox waits here for the next, or NULL: there is none to keep. With the last that is under way all files are closed. */
void idle_end(struct idle *i, struct idle_box *b);

/* Takes one that nothing is delivered to. NULL: it is not here. */
struct idle_box *idle_take(struct idle *i, const char *user);
void idle_close(struct idle_box *b);
void idle_close_all(struct idle *i);

#endif
