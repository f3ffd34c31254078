/*
 * jobs: work on other threads, in order, and back home.
 */
#include "net/jobs.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { COUNT = 2000 };

struct probe {
	struct job job;
	int number;
	pthread_t worked_on;
	pthread_t done_on;
};

static struct probe probes[COUNT];
static atomic_int worked; /* also the order in which work began */
static int done;
static atomic_int at_once;
static atomic_int most_at_once;

static void nap(int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

static struct loop *loop_open(void)
{
	struct fault why;
	struct loop *l = loop_new(&why);
	assert_non_null(l);
	return l;
}

static struct jobs *jobs_open(unsigned max)
{
	struct fault why;
	struct jobs *j = jobs_new(max, &why);
	assert_non_null(j);
	atomic_store(&worked, 0);
	atomic_store(&at_once, 0);
	atomic_store(&most_at_once, 0);
	done = 0;
	return j;
}

static void note_number(struct job *job)
{
	struct probe *p = (struct probe *)job;
	p->number = atomic_fetch_add(&worked, 1);
	p->worked_on = pthread_self();
}

static void count_done(struct job *job)
{
	struct probe *p = (struct probe *)job;
	p->done_on = pthread_self();
	if (++done == COUNT)
		loop_stop(job->home);
}

static void run_all(struct jobs *j, struct loop *home)
{
	for (int i = 0; i < COUNT; i++) {
		probes[i] = (struct probe){ .job = { .work = note_number, .done = count_done, .home = home } };
		jobs_run(j, &probes[i].job);
	}
}

static void work_is_done_elsewhere_and_told_at_home(void **state)
{
	struct loop *home = loop_open();
	struct jobs *j = jobs_open(8);
	(void)state;
	run_all(j, home);
	loop_run(home);
	assert_int_equal(done, COUNT);
	for (int i = 0; i < COUNT; i++) {
		assert_false(pthread_equal(probes[i].worked_on, pthread_self()));
		assert_true(pthread_equal(probes[i].done_on, pthread_self()));
	}
	jobs_free(j);
	loop_free(home);
}

static void work_begins_in_the_order_it_came(void **state)
{
	struct loop *home = loop_open();
	struct jobs *j = jobs_open(1);
	(void)state;
	run_all(j, home);
	loop_run(home);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(probes[i].number, i);
	jobs_free(j);
	loop_free(home);
}

struct relay {
	struct job job;
	struct jobs *jobs;
	int begun[3];
	int times;
};

static void run_relay(struct job *job)
{
	struct relay *r = (struct relay *)job;
	r->begun[r->times++] = atomic_fetch_add(&worked, 1);
	if (r->times < 3)
		jobs_run_next(r->jobs, &r->job);
}

static void hold_up(struct job *job)
{
	(void)job;
	nap(30);
}

static void work_that_goes_on_stands_behind_what_came_before(void **state)
{
	struct jobs *j = jobs_open(1);
	struct job first = { .work = hold_up };
	struct relay a = { .job.work = run_relay, .jobs = j }, b = a;
	(void)state;
	jobs_run(j, &first);
	jobs_run(j, &a.job);
	jobs_run(j, &b.job);
	jobs_wait(j);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(a.begun[i], 2 * i);
		assert_int_equal(b.begun[i], 2 * i + 1);
	}
	jobs_free(j);
}

static void take_a_while(struct job *job)
{
	int now = atomic_fetch_add(&at_once, 1) + 1;
	int most = atomic_load(&most_at_once);
	(void)job;
	while (most < now && !atomic_compare_exchange_weak(&most_at_once, &most, now))
		;
	nap(30);
	atomic_fetch_sub(&at_once, 1);
	atomic_fetch_add(&worked, 1);
}

static void threads_come_as_work_waits_and_never_beyond_the_maximum(void **state)
{
	struct jobs *j = jobs_open(4);
	(void)state;
	for (int i = 0; i < 20; i++) {
		probes[i] = (struct probe){ .job = { .work = take_a_while } };
		jobs_run(j, &probes[i].job);
	}
	jobs_wait(j);
	assert_int_equal(atomic_load(&worked), 20);
	assert_int_equal(atomic_load(&most_at_once), 4);
	jobs_free(j);
}

static void waiting_ends_with_the_work_under_way(void **state)
{
	struct jobs *j = jobs_open(2);
	(void)state;
	probes[0] = (struct probe){ .job = { .work = take_a_while } };
	jobs_run(j, &probes[0].job);
	nap(10);
	jobs_wait(j);
	assert_int_equal(atomic_load(&worked), 1);
	jobs_wait(j); /* at rest already */
	jobs_free(j);
}

static void free_waits_for_all_work(void **state)
{
	struct jobs *j = jobs_open(2);
	(void)state;
	for (int i = 0; i < 10; i++) {
		probes[i] = (struct probe){ .job = { .work = take_a_while } };
		jobs_run(j, &probes[i].job);
	}
	jobs_free(j);
	assert_int_equal(atomic_load(&worked), 10);
}

static void free_itself(struct job *job)
{
	atomic_fetch_add(&worked, 1);
	free(job);
}

static void without_done_the_work_may_end_its_owners_life(void **state)
{
	struct jobs *j = jobs_open(4);
	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct job *job = calloc(1, sizeof *job);
		job->work = free_itself;
		jobs_run(j, job);
	}
	jobs_free(j);
	assert_int_equal(atomic_load(&worked), 1000);
}

static struct jobs *pool;

static void queue_again(struct job *job)
{
	if (atomic_fetch_add(&worked, 1) < 99)
		jobs_run(pool, job);
}

static void work_may_queue_itself_again(void **state)
{
	struct job job = { .work = queue_again };
	(void)state;
	pool = jobs_open(2);
	jobs_run(pool, &job);
	jobs_free(pool);
	assert_int_equal(atomic_load(&worked), 100);
}

static void look_at_signals(struct job *job)
{
	sigset_t blocked;
	(void)job;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGINT) && sigismember(&blocked, SIGHUP))
		atomic_fetch_add(&worked, 1);
}

static void no_signal_is_taken_on_a_job_thread(void **state)
{
	struct job job = { .work = look_at_signals };
	struct jobs *j = jobs_open(1);
	sigset_t blocked;
	(void)state;
	jobs_run(j, &job);
	jobs_free(j);
	assert_int_equal(atomic_load(&worked), 1);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	assert_false(sigismember(&blocked, SIGHUP));
}

static atomic_int begun;

static void note_begin(void)
{
	atomic_fetch_add(&begun, 1);
}

static void look_at_begun(struct job *job)
{
	(void)job;
	atomic_fetch_add(&worked, atomic_load(&begun));
}

static void each_thread_begins_as_it_was_told(void **state)
{
	struct job job = { .work = look_at_begun };
	struct jobs *j = jobs_open(1);
	(void)state;
	jobs_begin_with(j, note_begin);
	jobs_run(j, &job);
	jobs_free(j);
	assert_int_equal(atomic_load(&worked), 1);
	assert_int_equal(atomic_load(&begun), 1);
}

/* From here on no thread gets a stack. */
static void use_up_memory(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	assert_true(f && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	const rlim_t all = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
	assert_int_equal(setrlimit(RLIMIT_AS, &(struct rlimit){ .rlim_cur = all, .rlim_max = RLIM_INFINITY }), 0);
}

static void where_no_thread_can_be_started_the_work_is_done_all_the_same(void **state)
{
	struct probe p[3] = { 0 };
	struct jobs *j;
	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* a sanitizer has memory of its own */
#endif
	j = jobs_open(4);
	use_up_memory();
	for (int i = 0; i < 3; i++) {
		p[i].job.work = note_number;
		jobs_run(j, &p[i].job);
	}
	jobs_wait(j);
	setrlimit(RLIMIT_AS, &(struct rlimit){ .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY });
	jobs_free(j);
	assert_int_equal(atomic_load(&worked), 3);
	assert_true(pthread_equal(p[0].worked_on, p[2].worked_on));
	assert_false(pthread_equal(p[0].worked_on, pthread_self()));
}

static void done_here(struct job *job)
{
	(void)job;
	done++;
}

static void without_a_pool_all_happens_at_once(void **state)
{
	struct probe p = { .job = { .work = note_number, .done = done_here } };
	(void)state;
	done = 0;
	jobs_run(NULL, &p.job);
	assert_int_equal(done, 1);
	assert_true(pthread_equal(p.worked_on, pthread_self()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_is_done_elsewhere_and_told_at_home),
		cmocka_unit_test(work_begins_in_the_order_it_came),
		cmocka_unit_test(work_that_goes_on_stands_behind_what_came_before),
		cmocka_unit_test(threads_come_as_work_waits_and_never_beyond_the_maximum),
		cmocka_unit_test(waiting_ends_with_the_work_under_way),
		cmocka_unit_test(free_waits_for_all_work),
		cmocka_unit_test(without_done_the_work_may_end_its_owners_life),
		cmocka_unit_test(work_may_queue_itself_again),
		cmocka_unit_test(no_signal_is_taken_on_a_job_thread),
		cmocka_unit_test(each_thread_begins_as_it_was_told),
		cmocka_unit_test(where_no_thread_can_be_started_the_work_is_done_all_the_same),
		cmocka_unit_test(without_a_pool_all_happens_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
