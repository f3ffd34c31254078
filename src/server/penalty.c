/*
 * penalty: a hash of sets, each with a few places: whoever is new takes a free or forgotten place of its set, else the oldest. See penalty.h.
 */
#include "server/penalty.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/network.h"

enum {
	SETS = 512,
	PLACES = 8,                   /* in each set: 4096 addresses in all */
	FORGOTTEN_MS = 5 * 60 * 1000, /* since the last failure */
};

static const int waits_ms[] = { 0, 2000, 4000, 8000, 15000 };
enum { WORST = sizeof waits_ms / sizeof waits_ms[0] - 1 };

struct place {
	unsigned char key[NETWORK_KEY];
	unsigned failures; /* 0: free */
	int64_t last_ms;
	int64_t booked_ms; /* when the attempt was begun that is under way; 0: none is */
};

struct penalty {
	bool loopback;
	int64_t (*now_ms)(void);
	uint32_t seed; /* nobody outside can choose who shares a set */
	pthread_mutex_t lock;
	struct place places[SETS][PLACES];
};

struct penalty *penalty_new(bool loopback)
{
	struct penalty *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->loopback = loopback;
	p->now_ms = clock_ms;
	pthread_mutex_init(&p->lock, NULL);
	p->seed = network_seed();
	return p;
}

void penalty_free(struct penalty *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void penalty_set_clock(struct penalty *p, int64_t (*now_ms)(void))
{
	p->now_ms = now_ms;
}

/* False: not slowed down. */
static bool key_of(const struct penalty *p, const char *address, unsigned char key[NETWORK_KEY])
{
	return network_key(address, key) && (p->loopback || !network_is_loopback(address));
}

static struct place *set_of(struct penalty *p, const unsigned char key[NETWORK_KEY])
{
	return p->places[network_hash(key, p->seed) % SETS];
}

/* NULL: nothing is known of it, or is forgotten. */
static struct place *find(struct penalty *p, const unsigned char key[NETWORK_KEY], int64_t now)
{
	struct place *set = set_of(p, key);
	for (size_t i = 0; i < PLACES; i++) {
		if (set[i].failures > 0 && memcmp(set[i].key, key, NETWORK_KEY) == 0)
			return now - set[i].last_ms < FORGOTTEN_MS ? &set[i] : NULL;
	}
	return NULL;
}

/* Where it is noted from now on; a place that was its own and is forgotten is taken again. */
static struct place *take(struct penalty *p, const unsigned char key[NETWORK_KEY])
{
	struct place *set = set_of(p, key);
	struct place *taken = &set[0];
	for (size_t i = 0; i < PLACES; i++) {
		bool own = set[i].failures > 0 && memcmp(set[i].key, key, NETWORK_KEY) == 0;
		if (own || set[i].failures == 0) {
			taken = &set[i];
			if (own)
				break;
		} else if (taken->failures > 0 && set[i].last_ms < taken->last_ms) {
			taken = &set[i];
		}
	}
	memcpy(taken->key, key, NETWORK_KEY);
	taken->failures = 0;
	taken->booked_ms = 0;
	return taken;
}

static int left_of(const struct place *place, int64_t now)
{
	int64_t since = place->booked_ms > place->last_ms ? place->booked_ms : place->last_ms;
	int64_t left = since + waits_ms[place->failures < WORST ? place->failures : WORST] - now;
	return left > 0 ? (int)left : 0;
}

/* `booked` NULL: it is only asked. */
static int ask(struct penalty *p, const char *address, bool *booked)
{
	unsigned char key[NETWORK_KEY];
	int left = 0;
	if (!p || !key_of(p, address, key))
		return 0;
	pthread_mutex_lock(&p->lock);
	int64_t now = p->now_ms();
	struct place *place = find(p, key, now);
	if (place)
		left = left_of(place, now);
	if (place && left == 0 && booked) {
		place->booked_ms = now;
		*booked = true;
	}
	pthread_mutex_unlock(&p->lock);
	return left;
}

int penalty_wait(struct penalty *p, const char *address)
{
	return ask(p, address, NULL);
}

int penalty_begin(struct penalty *p, const char *address, bool *booked)
{
	*booked = false;
	return ask(p, address, booked);
}

void penalty_note(struct penalty *p, const char *address, bool right)
{
	unsigned char key[NETWORK_KEY];
	if (!p || !key_of(p, address, key))
		return;
	pthread_mutex_lock(&p->lock);
	int64_t now = p->now_ms();
	struct place *place = find(p, key, now);
	if (place)
		place->booked_ms = 0;
	if (right && place) {
		place->failures--;
	} else if (!right) {
		if (!place)
			place = take(p, key);
		if (place->failures < WORST)
			place->failures++;
		place->last_ms = now;
	}
	pthread_mutex_unlock(&p->lock);
}
