/*
 * turns: lines in a ring; whoever is at the head of the next line goes, and the line goes to the ring's end while somebody stands in it. See turns.h.
 */
#include "server/turns.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "server/network.h"

enum { LINES = 1024 };

struct line {
	struct turn *first; /* NULL: nobody waits, and the line is not in the ring */
	struct turn *last;
	struct line *next;
};

struct turns {
	struct jobs *jobs;
	uint32_t seed;
	pthread_mutex_t lock; /* guards what follows */
	unsigned free;        /* so many more may be given to the pool */
	struct line *next;    /* the ring, NULL where nobody waits */
	struct line *last;
	struct line lines[LINES];
};

struct turns *turns_new(struct jobs *jobs, unsigned at_once)
{
	struct turns *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->jobs = jobs;
	t->free = at_once;
	t->seed = network_seed();
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void turns_free(struct turns *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* What is no address shares one line. */
static struct line *line_of(struct turns *t, const char *address)
{
	unsigned char key[NETWORK_KEY] = { 0 };
	(void)network_key(address, key);
	return &t->lines[network_hash(key, t->seed) % LINES];
}

static void join_ring(struct turns *t, struct line *line)
{
	line->next = NULL;
	if (t->last)
		t->last->next = line;
	else
		t->next = line;
	t->last = line;
}

static void join_line(struct turns *t, struct line *line, struct turn *turn)
{
	turn->next = NULL;
	if (line->first) {
		line->last->next = turn;
	} else {
		line->first = turn;
		join_ring(t, line);
	}
	line->last = turn;
}

/* NULL: nobody waits. */
static struct turn *take(struct turns *t)
{
	struct line *line = t->next;
	if (!line)
		return NULL;
	struct turn *turn = line->first;
	t->next = line->next;
	if (!t->next)
		t->last = NULL;
	line->first = turn->next;
	if (line->first)
		join_ring(t, line);
	return turn;
}

/* The lock is held. */
static struct turn *may_go(struct turns *t)
{
	struct turn *turn = t->free > 0 ? take(t) : NULL;
	if (turn)
		t->free--;
	return turn;
}

static void send_next(struct turns *t, unsigned freed)
{
	pthread_mutex_lock(&t->lock);
	t->free += freed;
	struct turn *turn = may_go(t);
	pthread_mutex_unlock(&t->lock);
	if (turn)
		jobs_run(t->jobs, &turn->job);
}

/* On the pool's thread. The next is given to it before this one is over, so that whoever waits for the pool waits for all. */
static void go(struct job *job)
{
	struct turn *turn = (struct turn *)((char *)job - offsetof(struct turn, job));
	struct turns *t = turn->turns;
	turn->work(job);
	send_next(t, 1);
}

void turns_run(struct turns *t, const char *address, struct turn *turn)
{
	turn->turns = t;
	turn->work = turn->job.work;
	turn->job.work = go;
	pthread_mutex_lock(&t->lock);
	join_line(t, line_of(t, address), turn);
	pthread_mutex_unlock(&t->lock);
	send_next(t, 0);
}
