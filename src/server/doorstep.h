/*
 * doorstep: connections of one loop that have not yet said whose they are: from a balancer, the PROXY header comes first (net/proxy). Reads that and not an octet more.
 *
 * Bounded: so many wait at any one time, each for a few seconds in all, whatever it sends. One that says something else is hung up on.
 */
#ifndef POSTROOM_SERVER_DOORSTEP_H
#define POSTROOM_SERVER_DOORSTEP_H

#include <stdbool.h>

#include "net/loop.h"

struct doorstep;

enum { DOORSTEP_MAX = 1024, DOORSTEP_WAIT_MS = 5000 };

/* come_in() gets the descriptor, and whose connection it is, numeric. NULL: memory is out. */
struct doorstep *doorstep_new(struct loop *loop, void (*come_in)(void *owner, int fd, const char *address));
/* Takes over the descriptor; `address` is the balancer's. */
void doorstep_wait(struct doorstep *d, int fd, const char *address, void *owner);
/* Hangs up on all who wait. */
void doorstep_clear(struct doorstep *d);
/* NULL is passed over. */
void doorstep_free(struct doorstep *d);

#endif
