/*
 * jobs: a queue and the threads that work it off. See jobs.h.
 */
#include "net/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/thread.h"

#ifndef __has_feature /* clang's */
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
        __has_feature(thread_sanitizer)
enum { STACK_SIZE = 4 * 1024 * 1024 }; /* the sanitizers' frames are several times as big */
#else
enum { STACK_SIZE = 256 * 1024 };
#endif

enum { IDLE_SECONDS = 10 };

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t work; /* there is some, or the end */
	pthread_cond_t rest; /* no thread works, or one less is there */
	pthread_cond_t need; /* of one more thread, or the end */
	pthread_attr_t attributes;
	struct job *first;
	struct job *last;
	size_t queued;
	unsigned idle; /* threads that wait for work, or have just been started */
	unsigned threads;
	unsigned max_threads;
	bool ending;
	bool alone; /* the starter has said that it does the work itself */
	void (*begin)(void);
	pthread_t starter;
	pthread_t left; /* the thread that ended last, where one has; whoever ends next joins it */
	bool has_left;
};

static void init(struct jobs *j, unsigned max_threads)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->work, &monotonic);
	pthread_cond_init(&j->rest, NULL);
	pthread_cond_init(&j->need, NULL);
	pthread_condattr_destroy(&monotonic);
	pthread_attr_init(&j->attributes);
	pthread_attr_setstacksize(&j->attributes, STACK_SIZE);
	j->max_threads = max_threads > 0 ? max_threads : 1;
}

static void release(struct jobs *j)
{
	pthread_attr_destroy(&j->attributes);
	pthread_cond_destroy(&j->need);
	pthread_cond_destroy(&j->rest);
	pthread_cond_destroy(&j->work);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

void jobs_begin_with(struct jobs *j, void (*begin)(void))
{
	j->begin = begin;
}

void jobs_wait(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	while (j->queued > 0 || j->idle < j->threads)
		pthread_cond_wait(&j->rest, &j->lock);
	pthread_mutex_unlock(&j->lock);
}

void jobs_free(struct jobs *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->ending = true;
	pthread_cond_broadcast(&j->work);
	pthread_cond_signal(&j->need);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->starter, NULL);
	pthread_mutex_lock(&j->lock);
	while (j->threads > 0)
		pthread_cond_wait(&j->rest, &j->lock);
	pthread_mutex_unlock(&j->lock);
	if (j->has_left)
		pthread_join(j->left, NULL);
	release(j);
}

static void tell_done(struct task *t)
{
	struct job *job = (struct job *)((char *)t - offsetof(struct job, task));
	job->done(job);
}

static void do_job(struct job *job)
{
	bool tell = job->done != NULL; /* asked now: without it the job may be gone after its work */
	job->work(job);
	if (!tell)
		return;
	job->task.run = tell_done;
	loop_post(job->home, &job->task);
}

/* The lock is held. */
static struct job *take(struct jobs *j)
{
	struct job *job = j->first;
	if (!job)
		return NULL;
	j->first = job->next;
	if (!j->first)
		j->last = NULL;
	j->queued--;
	return job;
}

/* Waits for work, the lock held. NULL: there was none for a while, or the end has come. */
static struct job *wait_for_job(struct jobs *j)
{
	struct timespec until;
	struct job *job = take(j);
	if (job)
		return job;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECONDS;
	j->idle++;
	pthread_cond_signal(&j->rest);
	while (!j->first && !j->ending) {
		if (pthread_cond_timedwait(&j->work, &j->lock, &until) == ETIMEDOUT)
			break;
	}
	j->idle--;
	return take(j);
}

/* The lock is held. Threads are joined, so that none is still at its end (libraries' clean-up runs there) when the process is. */
static void leave(struct jobs *j)
{
	pthread_t before = j->left;
	bool join = j->has_left;
	j->left = pthread_self();
	j->has_left = true;
	pthread_mutex_unlock(&j->lock);
	if (join)
		pthread_join(before, NULL);
	pthread_mutex_lock(&j->lock);
	j->threads--;
	pthread_cond_broadcast(&j->rest);
	pthread_mutex_unlock(&j->lock);
}

static void *thread_main(void *arg)
{
	struct jobs *j = arg;
	struct job *job;
	if (j->begin)
		j->begin();
	pthread_mutex_lock(&j->lock);
	j->idle--;
	while ((job = wait_for_job(j))) {
		pthread_mutex_unlock(&j->lock);
		do_job(job);
		pthread_mutex_lock(&j->lock);
	}
	leave(j);
	return NULL;
}

/* The starter's, the lock held: the work that is there, one after the other. */
static void work_off(struct jobs *j)
{
	struct job *job;
	if (!j->alone)
		log_warning("jobs: no thread can be started, the work is done one by one");
	j->alone = true;
	j->threads++;
	while ((job = take(j))) {
		pthread_mutex_unlock(&j->lock);
		do_job(job);
		pthread_mutex_lock(&j->lock);
	}
	j->threads--;
	pthread_cond_broadcast(&j->rest);
}

/* The lock is held. */
static bool lacks_threads(const struct jobs *j)
{
	return j->queued > j->idle && j->threads < j->max_threads;
}

/* The lock is held. It counts as idle until it runs, or one more would be started for the same work. */
static bool add_thread(struct jobs *j)
{
	pthread_t thread;
	if (!lacks_threads(j) || pthread_create(&thread, &j->attributes, thread_main, j) != 0)
		return false;
	j->alone = false;
	j->threads++;
	j->idle++;
	return true;
}

static void *starter_main(void *arg)
{
	struct jobs *j = arg;
	pthread_mutex_lock(&j->lock);
	while (!j->ending || (j->queued > 0 && j->threads == 0)) {
		if (add_thread(j))
			continue;
		if (j->queued > 0 && j->threads == 0)
			work_off(j);
		else
			pthread_cond_wait(&j->need, &j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

struct jobs *jobs_new(unsigned max_threads, struct fault *why)
{
	struct jobs *j = calloc(1, sizeof *j);
	if (j) {
		init(j, max_threads);
		/* What the starter starts takes no signals either. */
		if (thread_start(&j->starter, &j->attributes, starter_main, j))
			return j;
		release(j);
	}
	fault_set(why, FAULT_FULL, "cannot make the job threads: memory is out");
	return NULL;
}

static void enqueue(struct jobs *j, struct job *job)
{
	job->next = NULL;
	if (j->last)
		j->last->next = job;
	else
		j->first = job;
	j->last = job;
	j->queued++;
}

static void run_here(struct job *job)
{
	void (*done)(struct job *) = job->done;
	job->work(job);
	if (done)
		done(job);
}

/* Who is woken needs the lock: he would wait for it if it was still held. */
void jobs_run(struct jobs *j, struct job *job)
{
	if (!j) {
		run_here(job);
		return;
	}
	pthread_mutex_lock(&j->lock);
	enqueue(j, job);
	bool lacks = lacks_threads(j), idle = j->idle > 0;
	pthread_mutex_unlock(&j->lock);
	if (lacks)
		pthread_cond_signal(&j->need);
	else if (idle)
		pthread_cond_signal(&j->work);
}

void jobs_run_next(struct jobs *j, struct job *job)
{
	if (!j) {
		run_here(job);
		return;
	}
	pthread_mutex_lock(&j->lock);
	enqueue(j, job);
	pthread_mutex_unlock(&j->lock);
}
