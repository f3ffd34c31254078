/*
 * activation: what a supervisor such as systemd gives a process when it begins, and wants to hear of it: sockets that are open already (sd_listen_fds(3)), and a place
 * for a word when the service is ready (sd_notify(3)). Without a supervisor nothing happens.
 */
#ifndef POSTROOM_SERVER_ACTIVATION_H
#define POSTROOM_SERVER_ACTIVATION_H

#include <stdbool.h>

#include "base/fault.h"

enum { ACTIVATION_MAX = 32, ACTIVATION_NAME_MAX = 64 };

/* The sockets, and by what names they were given. */
struct activation {
	int fds[ACTIVATION_MAX];
	char names[ACTIVATION_MAX][ACTIVATION_NAME_MAX + 1]; /* ".socket" at its end is taken off */
	unsigned count;
	int notify; /* -1: nobody wants to hear */
};

/* Reads the environment, and takes away what it said, so that nobody takes it twice. False: it cannot be right. */
bool activation_begin(struct activation *a, struct fault *why);
void activation_end(struct activation *a);

/* The first socket of that name, which is the caller's then; -1: there is none. */
int activation_take(struct activation *a, const char *name);
/* The name of a socket that nobody has taken, or NULL. */
const char *activation_left(const struct activation *a);

/* Never blocks. */
void activation_ready(const struct activation *a);
void activation_reloading(const struct activation *a);
void activation_stopping(const struct activation *a);

#endif
