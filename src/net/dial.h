/*
 * dial: connecting to a server by name or address, for the client. Blocks, with a time limit.
 */
#ifndef POSTROOM_NET_DIAL_H
#define POSTROOM_NET_DIAL_H

#include "base/fault.h"

/* A connected, non-blocking, close-on-exec socket with TCP_NODELAY, or -1. Tries each address of the name. */
int dial(const char *host, unsigned port, int timeout_ms, struct fault *why);

#endif
