/*
 * visitors: a hash of sets, each with a few places. A place is free when its network has no connection and its last ones are worked off. See visitors.h.
 */
#include "server/visitors.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/network.h"

enum {
	SETS = 4096,
	PLACES = 8, /* in each set: 32768 networks in all, 1.25 MiB, of which the system gives what is used */
	MINUTE_US = 60 * 1000 * 1000,
	LINE_EVERY_MS = 10 * 1000,
	LINE_MAX_OCTETS = 256,
};

struct visitor {
	unsigned char key[NETWORK_KEY];
	size_t connections;
	int64_t paid_us; /* each connection costs its part of a minute: when all of them are worked off */
};

struct visitors {
	int64_t (*now_ms)(void);
	uint32_t seed;
	pthread_mutex_t lock; /* guards what follows */
	struct visitors_limits limits;
	size_t present;         /* in all, but for those who are being told that they are refused */
	struct visitor anybody; /* whose network is not counted */
	struct visitor refused; /* who is being told so */
	bool written;           /* the log has a line */
	int64_t line_ms;        /* … since then */
	size_t unsaid;          /* refusals since then */
	struct visitor places[SETS][PLACES];
};

static size_t share_of(size_t in_all)
{
	size_t share = in_all / VISITORS_SHARE;
	return share > VISITORS_SHARE_LEAST ? share : VISITORS_SHARE_LEAST;
}

struct visitors *visitors_new(const struct visitors_limits *limits)
{
	struct visitors *v = calloc(1, sizeof *v);
	if (!v)
		return NULL;
	v->limits = *limits;
	if (v->limits.told == 0)
		v->limits.told = VISITORS_TOLD_MAX;
	v->now_ms = clock_ms;
	v->seed = network_seed();
	pthread_mutex_init(&v->lock, NULL);
	visitors_limit(v, limits->at_once, limits->a_minute);
	return v;
}

void visitors_limit(struct visitors *v, size_t at_once, size_t a_minute)
{
	pthread_mutex_lock(&v->lock);
	v->limits.at_once = at_once > 0 ? at_once : share_of(v->limits.in_all);
	v->limits.a_minute = a_minute;
	pthread_mutex_unlock(&v->lock);
}

void visitors_free(struct visitors *v)
{
	if (!v)
		return;
	pthread_mutex_destroy(&v->lock);
	free(v);
}

void visitors_set_clock(struct visitors *v, int64_t (*now_ms)(void))
{
	v->now_ms = now_ms;
}

static bool is_free(const struct visitor *place, int64_t now_us)
{
	return place->connections == 0 && place->paid_us <= now_us;
}

/* Its own, or one that may be taken: a free one, else of those who have left the one whose time is over first. NULL: all are taken. */
static struct visitor *place_of(struct visitors *v, const unsigned char key[NETWORK_KEY], int64_t now_us)
{
	struct visitor *set = v->places[network_hash(key, v->seed) % SETS];
	struct visitor *best = NULL;
	for (struct visitor *p = set; p < set + PLACES; p++) {
		if (!is_free(p, now_us) && memcmp(p->key, key, NETWORK_KEY) == 0)
			return p;
		if (p->connections == 0 && (!best || p->paid_us < best->paid_us))
			best = p;
	}
	if (best) {
		*best = (struct visitor){ .paid_us = now_us };
		memcpy(best->key, key, NETWORK_KEY);
	}
	return best;
}

/* Whose account a connection goes to. */
static struct visitor *account_of(struct visitors *v, const char *address, int64_t now_us)
{
	unsigned char key[NETWORK_KEY];
	struct visitor *place = NULL;
	if (network_key(address, key) && (v->limits.loopback || !network_is_loopback(address)))
		place = place_of(v, key, now_us);
	return place ? place : &v->anybody;
}

/* Whether one more within the minute is too many; if not, it is paid for from now on. */
static bool comes_too_often(const struct visitors *v, struct visitor *place, int64_t now_us)
{
	if (v->limits.a_minute == 0)
		return false;
	int64_t begin = place->paid_us > now_us ? place->paid_us : now_us;
	int64_t paid_us = begin + MINUTE_US / (int64_t)v->limits.a_minute;
	if (paid_us > now_us + MINUTE_US)
		return true;
	place->paid_us = paid_us;
	return false;
}

static enum visitors_verdict judge(const struct visitors *v, struct visitor *place, int64_t now_us)
{
	if (v->present >= v->limits.in_all)
		return VISITORS_CROWDED;
	if (place == &v->anybody)
		return VISITORS_WELCOME;
	if (place->connections >= v->limits.at_once)
		return VISITORS_TOO_MANY;
	return comes_too_often(v, place, now_us) ? VISITORS_TOO_OFTEN : VISITORS_WELCOME;
}

/* The line for the log, or "": the last one is not long ago. */
static void make_line(struct visitors *v, const char *address, enum visitors_verdict verdict,
                      char line[LINE_MAX_OCTETS])
{
	static const char *const whys[] = {
		[VISITORS_CROWDED] = "are connected in all (--max-connections)",
		[VISITORS_TOO_MANY] = "are connected from there (--max-per-address)",
		[VISITORS_TOO_OFTEN] = "came from there within a minute (--max-rate)",
	};
	const size_t limits[] = {
		[VISITORS_CROWDED] = v->limits.in_all,
		[VISITORS_TOO_MANY] = v->limits.at_once,
		[VISITORS_TOO_OFTEN] = v->limits.a_minute,
	};
	int64_t now = v->now_ms();
	line[0] = '\0';
	if (v->written && now - v->line_ms < LINE_EVERY_MS) {
		v->unsaid++;
		return;
	}
	int n = snprintf(line, LINE_MAX_OCTETS, "connection refused peer=%.63s: %zu %s", address, limits[verdict],
	                 whys[verdict]);
	if (v->unsaid > 0)
		snprintf(line + n, (size_t)(LINE_MAX_OCTETS - n), "; %zu more refused since the last line", v->unsaid);
	v->written = true;
	v->line_ms = now;
	v->unsaid = 0;
}

struct visitor *visitors_enter(struct visitors *v, const char *address, enum visitors_verdict *verdict)
{
	char line[LINE_MAX_OCTETS] = "";
	pthread_mutex_lock(&v->lock);
	int64_t now_us = v->now_ms() * 1000;
	struct visitor *ticket = account_of(v, address, now_us);
	*verdict = judge(v, ticket, now_us);
	if (*verdict == VISITORS_WELCOME) {
		v->present++;
	} else {
		make_line(v, address, *verdict, line);
		ticket = v->refused.connections < v->limits.told ? &v->refused : NULL;
	}
	if (ticket)
		ticket->connections++;
	pthread_mutex_unlock(&v->lock);
	if (*line)
		log_warning("%s", line);
	return ticket;
}

void visitors_leave(struct visitors *v, struct visitor *ticket)
{
	pthread_mutex_lock(&v->lock);
	ticket->connections--;
	if (ticket != &v->refused)
		v->present--;
	pthread_mutex_unlock(&v->lock);
}
