/*
 * waiters: see waiters.h.
 */
#include "web/waiters.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct waiter {
	struct waiters *waiters;
	struct request *request;
	struct query query;
	int64_t until;
	bool answered;
	struct waiter *next;
};

struct waiters {
	struct catalogue *catalogue;
	void (*found)(struct request *r, const char *id);
	struct waiter *list;
	size_t count;
};

struct waiters *waiters_new(struct catalogue *c, void (*found)(struct request *r, const char *id))
{
	struct waiters *w = calloc(1, sizeof *w);
	if (w)
		*w = (struct waiters){ .catalogue = c, .found = found };
	return w;
}

void waiters_free(struct waiters *w)
{
	free(w); /* each went with its request */
}

size_t waiters_count(const struct waiters *w)
{
	return w->count;
}

static void on_over(struct request *r)
{
	struct waiter *one = r->own;
	struct waiter **at = &one->waiters->list;
	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
	one->waiters->count--;
	free(one);
}

bool waiters_add(struct waiters *w, struct request *r, const struct query *q, int ms)
{
	struct waiter *one = w->count < WAITERS_MAX ? calloc(1, sizeof *one) : NULL;
	if (!one)
		return false;
	*one = (struct waiter){ .waiters = w, .request = r, .query = *q, .until = clock_ms() + ms, .next = w->list };
	one->query.limit = 1;
	w->list = one;
	w->count++;
	request_wait(r, on_over, one);
	return true;
}

static void take_id(void *owner, const struct catalogue_mail *mail)
{
	snprintf(owner, CATALOGUE_ID_MAX, "%s", mail->id);
}

void waiters_look(struct waiters *w, int64_t row)
{
	for (struct waiter *one = w->list; one; one = one->next) {
		char id[CATALOGUE_ID_MAX] = "";
		struct query q = one->query;
		q.row = row;
		if (one->answered || !catalogue_find(w->catalogue, &q, take_id, id) || !*id)
			continue;
		one->answered = true;
		w->found(one->request, id);
		request_resume(one->request);
	}
}

int waiters_tick(struct waiters *w)
{
	int64_t now = clock_ms(), next = -1;
	for (struct waiter *one = w->list; one; one = one->next) {
		if (one->answered)
			continue;
		if (one->until <= now) {
			one->answered = true;
			request_error(one->request, MHD_HTTP_REQUEST_TIMEOUT, "no such mail came in time");
			request_resume(one->request);
		} else if (next < 0 || one->until - now < next) {
			next = one->until - now;
		}
	}
	return (int)next;
}
