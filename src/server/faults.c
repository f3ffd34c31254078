/*
 * faults: see faults.h.
 */
#include "server/faults.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct set {
	char inbox[USERS_NAME_MAX + 1];
	struct faults_order order;
	uint64_t state; /* of its chances */
};

struct faults {
	atomic_size_t count; /* read without the lock: where there are none, nothing is waited for */
	pthread_mutex_t lock;
	struct set list[FAULTS_MAX];
};

struct faults *faults_new(void)
{
	struct faults *f = calloc(1, sizeof *f);
	if (f)
		pthread_mutex_init(&f->lock, NULL);
	return f;
}

void faults_free(struct faults *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* SplitMix64 (Steele, Lea, Flood 2014): any seed will do. */
static uint64_t next_number(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Under the lock. */
static struct set *find(struct faults *f, const char *inbox)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->list[i].inbox, inbox) == 0)
			return &f->list[i];
	}
	return NULL;
}

static bool is_sensible(const char *inbox, const struct faults_order *o)
{
	return *inbox && strlen(inbox) <= USERS_NAME_MAX && o->kind < MESSAGE_FAULTS && o->code >= 400 &&
	       o->code <= 599 && o->delay_ms >= 0 && o->delay_ms <= FAULTS_DELAY_MAX && o->chance <= FAULTS_CERTAIN;
}

static bool put(struct faults *f, const char *inbox, const struct faults_order *order)
{
	struct set *s = find(f, inbox);
	if (!s && f->count == FAULTS_MAX)
		return false;
	if (!s)
		s = &f->list[f->count++];
	*s = (struct set){ .order = *order, .state = order->seed };
	snprintf(s->inbox, sizeof s->inbox, "%s", inbox);
	return true;
}

bool faults_set(struct faults *f, const char *inbox, const struct faults_order *order)
{
	bool ok = true;
	if (order->kind != MESSAGE_FAULT_NONE && !is_sensible(inbox, order))
		return false;
	pthread_mutex_lock(&f->lock);
	struct set *s = find(f, inbox);
	if (order->kind != MESSAGE_FAULT_NONE)
		ok = put(f, inbox, order);
	else if (s)
		*s = f->list[--f->count];
	pthread_mutex_unlock(&f->lock);
	return ok;
}

bool faults_happen(struct faults *f, const char *inbox, unsigned kinds, struct faults_order *order)
{
	if (!f || f->count == 0)
		return false;
	pthread_mutex_lock(&f->lock);
	struct set *s = find(f, inbox);
	bool happens = s && (kinds & 1U << s->order.kind) && next_number(&s->state) % FAULTS_CERTAIN < s->order.chance;
	if (happens)
		*order = s->order;
	pthread_mutex_unlock(&f->lock);
	return happens;
}
