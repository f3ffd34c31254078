/*
 * meters: a ring of seconds for each meter. See meters.h.
 */
#include "server/meters.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

enum { SECONDS = 60 };

struct second {
	int64_t when; /* seconds of the monotonic clock */
	uint64_t count;
};

struct meters {
	int64_t (*now_ms)(void);
	int64_t begin_ms;
	pthread_mutex_t lock; /* guards what follows */
	uint64_t in_all[METERS];
	struct second seconds[METERS][SECONDS];
};

const char *meters_name(enum meter meter)
{
	static const char *const names[METERS] = {
		[METER_CONNECTIONS] = "connections",
		[METER_REFUSED] = "refused_connections",
		[METER_MAILS] = "mails",
		[METER_OCTETS] = "octets",
		[METER_REFUSED_MAILS] = "refused_mails",
		[METER_LOGINS] = "logins",
		[METER_FAILED_LOGINS] = "failed_logins",
	};
	return names[meter];
}

struct meters *meters_new(void)
{
	struct meters *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->now_ms = clock_ms;
	m->begin_ms = clock_ms();
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void meters_free(struct meters *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void meters_count(struct meters *m, enum meter meter, uint64_t n)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	int64_t now = m->now_ms() / 1000;
	struct second *s = &m->seconds[meter][now % SECONDS];
	if (s->when != now)
		*s = (struct second){ .when = now };
	s->count += n;
	m->in_all[meter] += n;
	pthread_mutex_unlock(&m->lock);
}

void meters_read(struct meters *m, enum meter meter, uint64_t *in_all, uint64_t *last_minute)
{
	pthread_mutex_lock(&m->lock);
	int64_t now = m->now_ms() / 1000;
	*in_all = m->in_all[meter];
	*last_minute = 0;
	for (int i = 0; i < SECONDS; i++) {
		const struct second *s = &m->seconds[meter][i];
		*last_minute += now - s->when < SECONDS ? s->count : 0;
	}
	pthread_mutex_unlock(&m->lock);
}

int64_t meters_uptime(const struct meters *m)
{
	return (m->now_ms() - m->begin_ms) / 1000;
}

void meters_set_clock(struct meters *m, int64_t (*now_ms)(void))
{
	m->now_ms = now_ms;
	m->begin_ms = now_ms();
}
