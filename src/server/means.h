/*
 * means: the memory and descriptors a server begins with, and how many connections they are enough for.
 *
 * Some of what it needs ends a process that has too few descriptors (libevent) or too little memory (libconfuse) with a word of its own: so it is asked here
 * before anything is opened.
 */
#ifndef POSTROOM_SERVER_MEANS_H
#define POSTROOM_SERVER_MEANS_H

#include "base/fault.h"
#include "server/visitors.h"

/* Takes as many descriptors as the system lets this process have. False: they, or the memory, are too few for so many workers; why says what is missing. */
bool means_suffice(unsigned workers, struct fault *why);
/* The limits, with connections in all and those that are told of a refusal as many as leave descriptors to the mails' files. */
struct visitors_limits means_allow(const struct visitors_limits *limits, unsigned workers);

#endif
