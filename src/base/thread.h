/*
 * thread: one that takes no signals. They are for whoever runs the program, on its main thread.
 */
#ifndef POSTROOM_BASE_THREAD_H
#define POSTROOM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* False: the system starts no more. The caller joins it. */
bool thread_start(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg);

#endif
