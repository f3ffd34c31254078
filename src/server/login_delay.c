/*
 * login_delay: a hash of sets, each with a few places: whoever is new in a set takes the place of its oldest. See login_delay.h.
 */
#include "server/login_delay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/users.h"

enum { SETS = 1024, PLACES = 4 };

struct place {
	char user[USERS_NAME_MAX + 1]; /* "": free */
	int64_t until_ms;
};

struct login_delay {
	int64_t delay_ms;
	pthread_mutex_t lock;
	struct place places[SETS][PLACES];
};

struct login_delay *login_delay_new(unsigned seconds)
{
	struct login_delay *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->delay_ms = (int64_t)seconds * 1000;
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void login_delay_free(struct login_delay *d)
{
	if (!d)
		return;
	pthread_mutex_destroy(&d->lock);
	free(d);
}

/* The operator names the users, so that nobody else can choose who shares a set. */
static struct place *set_of(struct login_delay *d, const char *user)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *c = user; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return d->places[hash % SETS];
}

/* The user's place, or the one that may be taken. */
static struct place *place_of(struct place *set, const char *user)
{
	struct place *oldest = set;
	for (struct place *p = set; p < set + PLACES; p++) {
		if (strcmp(p->user, user) == 0)
			return p;
		if (p->until_ms < oldest->until_ms)
			oldest = p;
	}
	return oldest;
}

unsigned login_delay_left(struct login_delay *d, const char *user, int64_t now_ms)
{
	int64_t left_ms = 0;
	pthread_mutex_lock(&d->lock);
	const struct place *p = place_of(set_of(d, user), user);
	if (strcmp(p->user, user) == 0)
		left_ms = p->until_ms - now_ms;
	pthread_mutex_unlock(&d->lock);
	return left_ms > 0 ? (unsigned)((left_ms + 999) / 1000) : 0;
}

void login_delay_note(struct login_delay *d, const char *user, int64_t now_ms)
{
	pthread_mutex_lock(&d->lock);
	struct place *p = place_of(set_of(d, user), user);
	strncpy(p->user, user, USERS_NAME_MAX);
	p->until_ms = now_ms + d->delay_ms;
	pthread_mutex_unlock(&d->lock);
}
