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

enum {
	BUCKETS = 1024,
	/* A sync costs as much as writing some megabytes, so a bigger batch gains nothing more, but keeps the first of
	 * its senders waiting and the mailbox's write lock held. */
	BATCH_MAILS = 256,
	BATCH_OCTETS = 16 * 1024 * 1024,
};

struct mailbox {
	struct job job;
	struct delivery_desk *desk;
	struct mailbox *next;   /* in its bucket */
	struct delivery *first; /* those that wait */
	struct delivery *last;
	char user[USERS_NAME_MAX + 1];
};

struct delivery_desk {
	struct store *store;
	struct jobs *jobs;
	pthread_mutex_t lock; /* guards the buckets and all that hangs from them */
	struct mailbox *buckets[BUCKETS];
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

void delivery_desk_free(struct delivery_desk *desk)
{
	if (!desk)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		assert(!desk->buckets[i]);
	pthread_mutex_destroy(&desk->lock);
	free(desk);
}

/* Where a user's mailbox is linked in, or would be. Names come from the users file, so nobody can choose them to collide. */
static struct mailbox **find(struct delivery_desk *desk, const char *user)
{
	struct mailbox **link = &desk->buckets[slice_hash_nocase(slice_str(user)) % BUCKETS];
	while (*link && strcmp((*link)->user, user) != 0)
		link = &(*link)->next;
	return link;
}

/* The lock is held. At least one mail, and as many as a batch may have. */
static void take_batch(struct mailbox *m, struct batch *batch)
{
	uint64_t octets = 0;
	batch->first = m->first;
	batch->count = 0;
	while (m->first && batch->count < BATCH_MAILS) {
		octets += draft_size(m->first->draft);
		if (batch->count > 0 && octets > BATCH_OCTETS)
			break;
		batch->drafts[batch->count++] = m->first->draft;
		m->first = m->first->next;
	}
	if (!m->first)
		m->last = NULL;
}

static void run_done(struct task *t)
{
	struct delivery *d = (struct delivery *)((char *)t - offsetof(struct delivery, task));
	d->done(d);
}

static void tell(struct delivery_desk *desk, struct delivery *d)
{
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

/* The mailbox's next batch, or its end. */
static void go_on(struct mailbox *m)
{
	struct delivery_desk *desk = m->desk;
	pthread_mutex_lock(&desk->lock);
	bool more = m->first != NULL;
	if (!more) {
		struct mailbox **link = find(desk, m->user);
		assert(*link == m);
		*link = m->next;
	}
	pthread_mutex_unlock(&desk->lock);
	if (more)
		jobs_run(desk->jobs, &m->job);
	else
		free(m);
}

static void append(struct delivery_desk *desk, const struct mailbox *m, struct draft *const *drafts, size_t n,
                   struct fault *why)
{
	*why = (struct fault){ .kind = FAULT_NONE };
	if (!desk->store->ops->append(desk->store, m->user, drafts, n, why) && why->kind == FAULT_NONE)
		fault_set(why, FAULT_TEMPORARY, "%s: the mailbox takes no mail", m->user);
}

static void append_singly(struct delivery_desk *desk, const struct mailbox *m, const struct batch *batch)
{
	struct delivery *next = batch->first;
	for (size_t i = 0; i < batch->count; i++) {
		struct batch one = { .first = next, .count = 1 };
		struct fault why;
		next = next->next; /* told, it is its owner's again */
		append(desk, m, &batch->drafts[i], 1, &why);
		tell_batch(desk, &one, &why);
	}
}

static void append_batch(struct job *job)
{
	struct mailbox *m = (struct mailbox *)((char *)job - offsetof(struct mailbox, job));
	struct delivery_desk *desk = m->desk;
	struct fault why;
	struct batch batch;
	pthread_mutex_lock(&desk->lock);
	take_batch(m, &batch);
	pthread_mutex_unlock(&desk->lock);
	append(desk, m, batch.drafts, batch.count, &why);
	/* There is no room for all of them together: one large mail must not be what refuses small ones. */
	if ((why.kind == FAULT_FULL || why.kind == FAULT_QUOTA) && batch.count > 1)
		append_singly(desk, m, &batch);
	else
		tell_batch(desk, &batch, &why);
	go_on(m);
}

/* The lock is held. NULL: memory is out. */
static struct mailbox *mailbox_new(struct delivery_desk *desk, const char *user)
{
	struct mailbox *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	*m = (struct mailbox){ .job = { .work = append_batch }, .desk = desk };
	memcpy(m->user, user, strlen(user) + 1);
	return m;
}

void delivery_hand_in(struct delivery_desk *desk, struct delivery *d)
{
	d->next = NULL;
	pthread_mutex_lock(&desk->lock);
	struct mailbox **link = find(desk, d->user);
	bool idle = !*link;
	if (idle)
		*link = mailbox_new(desk, d->user);
	struct mailbox *m = *link;
	if (m && m->last)
		m->last->next = d;
	else if (m)
		m->first = d;
	if (m)
		m->last = d;
	pthread_mutex_unlock(&desk->lock);
	if (m && idle)
		jobs_run(desk->jobs, &m->job);
	if (m)
		return;
	d->stored = false;
	fault_set(&d->why, FAULT_FULL, "%s: memory is out", d->user);
	tell(desk, d);
}
