/*
 * turns: who hashes next. The threads are few and a hash takes long: with one line for all, whoever opens hundreds of connections and guesses shuts everybody else
 * out. Here each network (network.h) has a line of its own, and the lines take turns.
 *
 * A fixed number of lines, chosen by a hash that nobody outside knows: two networks may share one. Thread-safe; never blocks.
 */
#ifndef POSTROOM_SERVER_TURNS_H
#define POSTROOM_SERVER_TURNS_H

#include "net/jobs.h"

struct turns;

/* Embedded in its owner's struct, which must live until the job is done. */
struct turn {
	struct job job; /* work, done and home are the owner's to set, as for jobs_run() */
	/* its own */
	struct turns *turns;
	struct turn *next;
	void (*work)(struct job *);
};

/* So many at once are given to the pool, which outlives this. NULL: memory is out. */
struct turns *turns_new(struct jobs *jobs, unsigned at_once);
/* When all work is done: jobs_wait() on the pool says so. NULL is passed over. */
void turns_free(struct turns *t);
/* From any thread. Begun in the order of turns, which for one network is the order of calls. */
void turns_run(struct turns *t, const char *address, struct turn *turn);

#endif
