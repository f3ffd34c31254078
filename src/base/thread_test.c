/*
 * thread: what signals it takes.
 */
#include "base/thread.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void *look(void *arg)
{
	return pthread_sigmask(SIG_SETMASK, NULL, arg) == 0 ? arg : NULL;
}

static void a_thread_takes_no_signals_and_its_starter_goes_on_taking_them(void **state)
{
	(void)state;
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1 };
	sigset_t own;
	sigset_t threads;
	pthread_t thread;
	void *seen;
	assert_true(thread_start(&thread, NULL, look, &threads));
	assert_int_equal(pthread_join(thread, &seen), 0);
	assert_ptr_equal(seen, &threads);
	pthread_sigmask(SIG_SETMASK, NULL, &own);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		assert_int_equal(sigismember(&threads, numbers[i]), 1);
		assert_int_equal(sigismember(&own, numbers[i]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_takes_no_signals_and_its_starter_goes_on_taking_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
