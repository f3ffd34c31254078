/*
 * delivery: the desk where mails for mailboxes are handed in. See delivery.h.
 *
 * A mailbox is known here only while mail waits for it or goes into it: then it has one job, which takes a batch, and
 * queues itself again behind other mailboxes' jobs while there is more.
 */
#include "server/delivery.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "server/retention.h"

enum {
	BUCKETS = 1024,
	/* A sync costs as much as writing some megabytes, so a bigger batch gains nothing more, but keeps the first of
	 * its senders waiting and the mailbox's write lock held. */
	BATCH_MAILS = 256,
	BATCH_OCTETS = 16 * 1024 * 1024,
};

/* The mails that wait for one mailbox. */
struct queue {
	struct job job;
	struct delivery_desk *desk;
	struct queue *next;     /* in its bucket */
	struct delivery *first; /* those that wait */
	struct delivery *last;
	char user[USERS_NAME_MAX + 1];
};

struct delivery_desk {
	struct store *store;
	struct jobs *jobs;
	struct retention *retention;
	pthread_mutex_t lock; /* guards the buckets and all that hangs from them */
	struct queue *buckets[BUCKETS];
};

struct batch {
	struct delivery *first;
	size_t count;
	struct draft *drafts[BATCH_MAILS];
};

struct delivery_desk *delivery_desk_new(struct store *store, struct jobs *jobs)
{
	struct delivery_desk *desk = calloc(1, sizeof *desk);
	if (!desk)
		return NULL;
	desk->store = store;
	desk->jobs = jobs;
	pthread_mutex_init(&desk->lock, NULL);
	return desk;
}

void delivery_desk_tell(struct delivery_desk *desk, struct retention *retention)
{
	desk->retention = retention;
}

void delivery_desk_free(struct delivery_desk *desk)
{
	if (!desk)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		assert(!desk->buckets[i]);
	pthread_mutex_destroy(&desk->lock);
	free(desk);
}

/* Where a mailbox's queue is linked in, or would be. Names come from the users file, so nobody can choose them to collide. */
static struct queue **find(struct delivery_desk *desk, const char *user)
{
	struct queue **link = &desk->buckets[slice_hash_nocase(slice_str(user)) % BUCKETS];
	while (*link && strcmp((*link)->user, user) != 0)
		link = &(*link)->next;
	return link;
}

/* The lock is held. At least one mail, and as many as a batch may have. */
static void take_batch(struct queue *q, struct batch *batch)
{
	uint64_t octets = 0;
	batch->first = q->first;
	batch->count = 0;
	while (q->first && batch->count < BATCH_MAILS) {
		octets += draft_size(q->first->draft);
		if (batch->count > 0 && octets > BATCH_OCTETS)
			break;
		batch->drafts[batch->count++] = q->first->draft;
		q->first = q->first->next;
	}
	if (!q->first)
		q->last = NULL;
}

static void run_done(struct task *t)
{
	struct delivery *d = (struct delivery *)((char *)t - offsetof(struct delivery, task));
	d->done(d);
}

/* Each loop that is woken costs more than all the rest of telling. A delivery that is not the last may be gone at once. */
static bool is_last(struct delivery *d)
{
	return !d->under_way || atomic_fetch_sub(d->under_way, 1) == 1;
}

static void tell(struct delivery_desk *desk, struct delivery *d)
{
	if (!is_last(d))
		return;
	d->task.run = run_done;
	if (desk->jobs)
		loop_post(d->home, &d->task);
	else
		d->done(d);
}

static void tell_batch(struct delivery_desk *desk, const struct batch *batch, const struct fault *why)
{
	struct delivery *next = batch->first;
	for (size_t i = 0; i < batch->count; i++) {
		struct delivery *d = next;
		next = d->next; /* told, it is its owner's again */
		d->stored = why->kind == FAULT_NONE;
		d->why = *why;
		tell(desk, d);
	}
}

/* The queue's next batch, or its end. */
static void go_on(struct queue *q)
{
	struct delivery_desk *desk = q->desk;
	pthread_mutex_lock(&desk->lock);
	bool more = q->first != NULL;
	if (!more) {
		struct queue **link = find(desk, q->user);
		assert(*link == q);
		*link = q->next;
	}
	pthread_mutex_unlock(&desk->lock);
	if (more)
		jobs_run_next(desk->jobs, &q->job);
	else
		free(q);
}

static void append(struct delivery_desk *desk, const struct queue *q, struct draft *const *drafts, size_t n,
                   struct fault *why)
{
	*why = (struct fault){ .kind = FAULT_NONE };
	if (desk->store->ops->append(desk->store, q->user, drafts, n, why))
		retention_note(desk->retention, q->user);
	else if (why->kind == FAULT_NONE)
		fault_set(why, FAULT_TEMPORARY, "%s: the mailbox takes no mail", q->user);
}

static void append_singly(struct delivery_desk *desk, const struct queue *q, const struct batch *batch)
{
	struct delivery *next = batch->first;
	for (size_t i = 0; i < batch->count; i++) {
		struct batch one = { .first = next, .count = 1 };
		struct fault why;
		next = next->next; /* told, it is its owner's again */
		append(desk, q, &batch->drafts[i], 1, &why);
		tell_batch(desk, &one, &why);
	}
}

static void append_batch(struct job *job)
{
	struct queue *q = (struct queue *)((char *)job - offsetof(struct queue, job));
	struct delivery_desk *desk = q->desk;
	struct fault why;
	struct batch batch;
	pthread_mutex_lock(&desk->lock);
	take_batch(q, &batch);
	pthread_mutex_unlock(&desk->lock);
	append(desk, q, batch.drafts, batch.count, &why);
	/* There is no room for all of them together: one large mail must not be what refuses small ones. */
	if ((why.kind == FAULT_FULL || why.kind == FAULT_QUOTA) && batch.count > 1)
		append_singly(desk, q, &batch);
	else
		tell_batch(desk, &batch, &why);
	go_on(q);
}

/* The lock is held. NULL: memory is out. */
static struct queue *queue_new(struct delivery_desk *desk, const char *user)
{
	struct queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	*q = (struct queue){ .job = { .work = append_batch }, .desk = desk };
	memcpy(q->user, user, strlen(user) + 1);
	return q;
}

void delivery_hand_in(struct delivery_desk *desk, struct delivery *d)
{
	d->next = NULL;
	pthread_mutex_lock(&desk->lock);
	struct queue **link = find(desk, d->user);
	bool idle = !*link;
	if (idle)
		*link = queue_new(desk, d->user);
	struct queue *q = *link;
	if (q && q->last)
		q->last->next = d;
	else if (q)
		q->first = d;
	if (q)
		q->last = d;
	pthread_mutex_unlock(&desk->lock);
	if (q && idle)
		jobs_run(desk->jobs, &q->job);
	if (q)
		return;
	d->stored = false;
	fault_set(&d->why, FAULT_FULL, "%s: memory is out", d->user);
	tell(desk, d);
}
