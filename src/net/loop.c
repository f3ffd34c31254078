/*
 * loop: libevent's loop and a mailbox of tasks with a bell (eventfd). See loop.h.
 */
#include "net/loop.h"

#include <assert.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
	struct event_base *base;
	struct event *bell_rings;
	int bell;
	struct pause *pauses;
	bool ending; /* no pause begins any more */
	void *scratch;
	size_t scratch_size;
	pthread_mutex_t lock; /* guards what follows */
	struct task *first;
	struct task *last;
	bool stopping;
};

/* Takes all tasks that are there; whether the loop was asked to stop by now. */
static struct task *take(struct loop *l, bool *stopping)
{
	pthread_mutex_lock(&l->lock);
	struct task *tasks = l->first;
	l->first = NULL;
	l->last = NULL;
	*stopping = l->stopping;
	pthread_mutex_unlock(&l->lock);
	return tasks;
}

static void run_all(struct task *t)
{
	while (t) {
		struct task *next = t->next; /* its owner may free it */
		t->run(t);
		t = next;
	}
}

/* With the lock held: what the loop then does may be its end. */
static void ring(struct loop *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->bell, &one, sizeof one);
	(void)n; /* the one error there can be, EAGAIN, says that the bell rings already */
}

static void on_bell(evutil_socket_t bell, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t count;
	bool stopping;
	(void)what;
	ssize_t n = read(bell, &count, sizeof count); /* before take(): a later post rings again */
	(void)n;
	run_all(take(l, &stopping));
	if (stopping)
		event_base_loopbreak(l->base);
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *loop_new(struct fault *why)
{
	struct loop *l = calloc(1, sizeof *l);
	if (!l) {
		fault_set(why, FAULT_FULL, "cannot make an event loop: memory is out");
		return NULL;
	}
	pthread_mutex_init(&l->lock, NULL);
	l->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->bell >= 0)
		l->base = base_new();
	if (l->base)
		l->bell_rings = event_new(l->base, l->bell, EV_READ | EV_PERSIST, on_bell, l);
	if (!l->bell_rings || event_add(l->bell_rings, NULL) != 0) {
		fault_errno(why, "cannot make an event loop");
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->bell_rings)
		event_free(l->bell_rings);
	if (l->base)
		event_base_free(l->base);
	if (l->bell >= 0)
		close(l->bell);
	pthread_mutex_destroy(&l->lock);
	free(l->scratch);
	free(l);
}

void loop_run(struct loop *l)
{
	event_base_dispatch(l->base);
	pthread_mutex_lock(&l->lock);
	l->stopping = false;
	pthread_mutex_unlock(&l->lock);
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	ring(l);
	pthread_mutex_unlock(&l->lock);
}

void loop_post(struct loop *l, struct task *t)
{
	t->next = NULL;
	pthread_mutex_lock(&l->lock);
	bool empty = !l->first;
	if (empty)
		l->first = t;
	else
		l->last->next = t;
	l->last = t;
	if (empty)
		ring(l);
	pthread_mutex_unlock(&l->lock);
}

bool loop_run_posted(struct loop *l)
{
	bool stopping;
	struct task *tasks = take(l, &stopping);
	run_all(tasks);
	return tasks != NULL;
}

/* ---- pauses ---- */

static void end_pause(struct pause *p, bool cut)
{
	event_free(p->timer);
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->over(p, cut);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end_pause(arg, false);
}

bool loop_pause(struct loop *l, struct pause *p, int ms)
{
	const struct timeval time = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	p->timer = l->ending ? NULL : evtimer_new(l->base, on_pause_over, p);
	if (!p->timer)
		return false;
	if (evtimer_add(p->timer, &time) != 0) {
		event_free(p->timer);
		return false;
	}
	p->next = l->pauses;
	p->link = &l->pauses;
	if (p->next)
		p->next->link = &p->next;
	l->pauses = p;
	return true;
}

void loop_cut_pauses(struct loop *l)
{
	l->ending = true;
	while (l->pauses)
		end_pause(l->pauses, true);
}

void *loop_scratch(struct loop *l, size_t size)
{
	if (!l->scratch) {
		l->scratch = calloc(1, size);
		l->scratch_size = size;
	}
	assert(!l->scratch || l->scratch_size == size);
	return l->scratch;
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}
