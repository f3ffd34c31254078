/*
 * jobs: blocking work on threads of its own, the result back on the loop it came from.
 *
 * Threads are started when work waits and none is free, up to a maximum, with small stacks (256 KiB), and end after
 * a while of idleness. Work is begun in the order it came. What starts them is a thread of its own, there from the beginning: they may do what was allowed
 * to whoever made the pool, not only what is allowed to who gives the work (sandbox/sandbox).
 */
#ifndef POSTROOM_NET_JOBS_H
#define POSTROOM_NET_JOBS_H

#include "net/loop.h"

struct jobs;

/* Embedded in its owner's struct, which must live until done() was called. */
struct job {
	void (*work)(struct job *); /* on a job thread; may block */
	void (*done)(struct job *); /* on the home loop's thread; may be NULL (then the owner's life ends with work) */
	struct loop *home;
	struct task task; /* the pool's own */
	struct job *next; /* the pool's own */
};

struct jobs *jobs_new(unsigned max_threads, struct fault *why);
/* Each thread calls this first. Before any work is given. */
void jobs_begin_with(struct jobs *j, void (*begin)(void));
/* Waits until no work is queued or running; what was posted to loops then still has to be run there. */
void jobs_wait(struct jobs *j);
/* Waits until all work that was given is done. Loops that are homes must still exist. */
void jobs_free(struct jobs *j);
/* From any thread; never blocks. Where not a single thread can be started, the one that starts them does the work. With `jobs`
 * NULL the work and done are run at once, on this thread (tests). */
void jobs_run(struct jobs *j, struct job *job);
/* The same, as the last thing that another job's work does: its thread takes the queue's next job itself, and wakes nobody. */
void jobs_run_next(struct jobs *j, struct job *job);

#endif
