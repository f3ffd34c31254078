/*
 * loop: one event loop on one thread (libevent), and the way for other threads to bring something to it.
 *
 * The event base is used by its own thread alone, so it needs none of libevent's locks; loop_post and loop_stop are the
 * two doors from elsewhere.
 */
#ifndef POSTROOM_NET_LOOP_H
#define POSTROOM_NET_LOOP_H

#include <stddef.h>

#include "base/fault.h"

struct event_base;
struct loop;

/* Something to do on a loop's thread. Embedded in its owner's struct; owned by the loop from loop_post until run. */
struct task {
	void (*run)(struct task *);
	struct task *next;
};

/* A wait on a loop. Embedded in its owner's struct, which lives until over() was called. */
struct pause {
	/* On the loop's thread, never inside loop_pause(). `cut`: before its time, as the loop is about to end. */
	void (*over)(struct pause *, bool cut);
	struct event *timer; /* the loop's own */
	struct pause *next;
	struct pause **link;
};

struct loop *loop_new(struct fault *why);
/* NULL is passed over. Tasks that were never run stay their owners'. */
void loop_free(struct loop *l);
/* Runs until loop_stop; tasks posted before the stop are run. */
void loop_run(struct loop *l);
/* From any thread. */
void loop_stop(struct loop *l);
/* From any thread, never blocks, never fails: runs the task on the loop's thread, in order of posting. */
void loop_post(struct loop *l, struct task *t);
/* Runs, on the caller's thread, what was posted to a loop that no longer runs. False: there was nothing. */
bool loop_run_posted(struct loop *l);
/* Calls over() in so many milliseconds. On the loop's thread. False: memory is out, or the loop is about to end; over() is not called. */
bool loop_pause(struct loop *l, struct pause *p, int ms);
/* The loop is about to end: all pauses are over now, and no new ones begin. On the loop's thread. */
void loop_cut_pauses(struct loop *l);
/* Memory that the loop's sessions share, each within one callback: the same at each call, zeroed at first; `size` is the same in all calls, too. On the loop's
 * thread. NULL: memory is out. */
void *loop_scratch(struct loop *l, size_t size);
struct event_base *loop_base(struct loop *l);

#endif
