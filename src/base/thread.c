/*
 * thread: see thread.h.
 */
#include "base/thread.h"

#include <signal.h>

/* Blocked by whoever starts it: the new thread never runs otherwise, not even for a moment. */
bool thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(thread, attributes, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}
