/*
 * Lines of several networks, and who is next.
 */
#include "server/turns.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { MANY = 300 };

struct probe {
	struct turn turn;
	int place; /* in the order in which work began */
	int done;
};

static struct probe probes[MANY + 2];
static struct jobs *jobs;
static struct loop *loop;
static struct turns *turns;
static sem_t may_begin; /* the first one */
static atomic_int begun;
static atomic_int at_once;
static atomic_int most_at_once;
static int done;

static struct probe *probe_of(struct job *job)
{
	return (struct probe *)((char *)job - offsetof(struct probe, turn.job));
}

static void note_place(struct job *job)
{
	int now = atomic_fetch_add(&at_once, 1) + 1;
	if (now > atomic_load(&most_at_once))
		atomic_store(&most_at_once, now);
	if (probe_of(job) == &probes[0])
		sem_wait(&may_begin);
	probe_of(job)->place = atomic_fetch_add(&begun, 1);
	atomic_fetch_sub(&at_once, 1);
}

static void note_done(struct job *job)
{
	probe_of(job)->done++;
	done++;
}

static int enter(void **state)
{
	struct fault why;
	(void)state;
	jobs = jobs_new(4, &why);
	loop = loop_new(&why);
	sem_init(&may_begin, 0, 0);
	atomic_store(&begun, 0);
	atomic_store(&most_at_once, 0);
	done = 0;
	return !jobs || !loop;
}

static int leave(void **state)
{
	(void)state;
	jobs_free(jobs);
	turns_free(turns);
	loop_free(loop);
	sem_destroy(&may_begin);
	return 0;
}

static void give(int i, const char *address)
{
	probes[i] = (struct probe){ .turn.job = { .work = note_place, .done = note_done, .home = loop } };
	turns_run(turns, address, &probes[i].turn);
}

static void run_all(int count)
{
	sem_post(&may_begin);
	jobs_wait(jobs);
	while (loop_run_posted(loop))
		;
	assert_int_equal(done, count);
	for (int i = 0; i < count; i++)
		assert_int_equal(probes[i].done, 1);
}

static void one_network_is_served_in_its_order(void **state)
{
	(void)state;
	turns = turns_new(jobs, 1);
	for (int i = 0; i < MANY; i++)
		give(i, "192.0.2.1");
	run_all(MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(probes[i].place, i);
	assert_int_equal(atomic_load(&most_at_once), 1);
}

static void another_network_is_next_however_long_the_line(void **state)
{
	(void)state;
	turns = turns_new(jobs, 1);
	for (int i = 0; i < MANY; i++)
		give(i, "2001:db8::1");
	/* By chance, once in 1024, one of them stands in the long line. */
	give(MANY, "192.0.2.2");
	give(MANY + 1, "192.0.2.3");
	run_all(MANY + 2);
	int first = probes[MANY].place < probes[MANY + 1].place ? probes[MANY].place : probes[MANY + 1].place;
	assert_in_range(first, 1, 3);
}

static void no_more_than_agreed_run_at_once(void **state)
{
	(void)state;
	char address[] = "192.0.2.0";
	turns = turns_new(jobs, 2);
	for (int i = 0; i < MANY; i++) {
		address[8] = (char)('0' + i % 10);
		give(i, address);
	}
	run_all(MANY);
	assert_in_range(atomic_load(&most_at_once), 1, 2);
}

static void what_is_no_address_has_its_turn(void **state)
{
	(void)state;
	turns = turns_new(jobs, 1);
	give(0, "local");
	give(1, "");
	run_all(2);
}

#define WITH_THREADS(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_THREADS(one_network_is_served_in_its_order),
		WITH_THREADS(another_network_is_next_however_long_the_line),
		WITH_THREADS(no_more_than_agreed_run_at_once),
		WITH_THREADS(what_is_no_address_has_its_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
