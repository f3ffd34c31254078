/*
 * loop: tasks from any thread run on the loop's own, in order.
 */
#include "net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"

enum { THREADS = 4, TASKS = 5000 };

struct numbered {
	struct task task;
	struct loop *loop;
	int number;
	int *last;  /* of its thread */
	int *count; /* of all */
	pthread_t ran_on;
};

static struct numbered tasks[THREADS][TASKS];

static struct loop *loop_open(void)
{
	struct fault why;
	struct loop *l = loop_new(&why);
	assert_non_null(l);
	return l;
}

static void run(struct task *t)
{
	struct numbered *n = (struct numbered *)t;
	assert_int_equal(n->number, *n->last + 1);
	*n->last = n->number;
	n->ran_on = pthread_self();
	if (++*n->count == THREADS * TASKS)
		loop_stop(n->loop);
}

static void *post_all(void *arg)
{
	struct numbered *mine = arg;
	for (int i = 0; i < TASKS; i++)
		loop_post(mine[i].loop, &mine[i].task);
	return NULL;
}

static void tasks_of_many_threads_run_on_the_loops_thread_in_each_ones_order(void **state)
{
	struct loop *l = loop_open();
	pthread_t threads[THREADS];
	int last[THREADS] = { 0 };
	int count = 0;
	(void)state;
	for (int t = 0; t < THREADS; t++) {
		for (int i = 0; i < TASKS; i++)
			tasks[t][i] = (struct numbered){ { .run = run }, l, i + 1, &last[t], &count, 0 };
		assert_int_equal(pthread_create(&threads[t], NULL, post_all, tasks[t]), 0);
	}
	loop_run(l);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	assert_int_equal(count, THREADS * TASKS);
	for (int t = 0; t < THREADS; t++)
		assert_true(pthread_equal(tasks[t][TASKS - 1].ran_on, pthread_self()));
	loop_free(l);
}

static void what_was_posted_before_the_stop_is_run(void **state)
{
	struct loop *l = loop_open();
	int last = 0;
	int count = 0;
	(void)state;
	for (int i = 0; i < 3; i++) {
		tasks[0][i] = (struct numbered){ { .run = run }, l, i + 1, &last, &count, 0 };
		loop_post(l, &tasks[0][i].task);
	}
	loop_stop(l);
	loop_run(l);
	assert_int_equal(count, 3);
	loop_free(l);
}

static void post_again(struct task *t)
{
	struct numbered *n = (struct numbered *)t;
	if (++*n->count < 10)
		loop_post(n->loop, t);
	else
		loop_stop(n->loop);
}

static void a_task_may_post_itself_again(void **state)
{
	struct loop *l = loop_open();
	int count = 0;
	struct numbered n = { .task = { .run = post_again }, .loop = l, .count = &count };
	(void)state;
	loop_post(l, &n.task);
	loop_run(l);
	assert_int_equal(count, 10);
	loop_free(l);
}

static void what_comes_after_the_loops_end_can_still_be_run(void **state)
{
	struct loop *l = loop_open();
	int last = 0;
	int count = 0;
	struct numbered n = { { .run = run }, l, 1, &last, &count, 0 };
	(void)state;
	loop_stop(l);
	loop_run(l);
	assert_false(loop_run_posted(l));
	loop_post(l, &n.task);
	assert_true(loop_run_posted(l));
	assert_int_equal(count, 1);
	loop_free(l);
}

struct paused {
	struct pause pause;
	struct loop *loop;
	int over;
	int cut;
};

static void note_over(struct pause *p, bool cut)
{
	struct paused *a = (struct paused *)p;
	a->over++;
	a->cut += cut;
	loop_stop(a->loop);
}

static void a_pause_is_over_in_its_time(void **state)
{
	struct loop *l = loop_open();
	struct paused a = { .pause.over = note_over, .loop = l };
	(void)state;
	int64_t begun = clock_ms();
	assert_true(loop_pause(l, &a.pause, 50));
	loop_run(l);
	assert_in_range(clock_ms() - begun, 45, 5000);
	assert_int_equal(a.over, 1);
	assert_int_equal(a.cut, 0);
	loop_free(l);
}

static void a_loop_that_ends_cuts_its_pauses(void **state)
{
	struct loop *l = loop_open();
	struct paused a = { .pause.over = note_over, .loop = l }, b = a, late = a;
	(void)state;
	assert_true(loop_pause(l, &a.pause, 3600 * 1000));
	assert_true(loop_pause(l, &b.pause, 3600 * 1000));
	loop_cut_pauses(l);
	assert_int_equal(a.cut + b.cut, 2);
	assert_int_equal(a.over + b.over, 2);
	assert_false(loop_pause(l, &late.pause, 1));
	assert_int_equal(late.over, 0);
	loop_free(l);
}

static void scratch_is_one_memory_of_the_loops(void **state)
{
	struct loop *l = loop_open();
	struct loop *other = loop_open();
	(void)state;
	char *scratch = loop_scratch(l, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(scratch[i], 0);
	assert_ptr_equal(loop_scratch(l, 100), scratch);
	assert_ptr_not_equal(loop_scratch(other, 100), scratch);
	loop_free(l);
	loop_free(other);
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(tasks_of_many_threads_run_on_the_loops_thread_in_each_ones_order),
		cmocka_unit_test(what_was_posted_before_the_stop_is_run),
		cmocka_unit_test(a_task_may_post_itself_again),
		cmocka_unit_test(what_comes_after_the_loops_end_can_still_be_run),
		cmocka_unit_test(a_pause_is_over_in_its_time),
		cmocka_unit_test(a_loop_that_ends_cuts_its_pauses),
		cmocka_unit_test(scratch_is_one_memory_of_the_loops),
	};
	return cmocka_run_group_tests(all, NULL, NULL);
}
