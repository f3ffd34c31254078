/*
 * scarcity: memory or descriptors run out when a test says so. What stands here takes the place of the C library's functions in the whole program: what
 * libevent, OpenSSL, GNU SASL and the C library itself ask for is counted and refused as well.
 *
 * Memory that is handed out, and what is given back, is filled with junk: who relies on either is seen.
 */
#ifndef POSTROOM_OOM_SCARCITY_H
#define POSTROOM_OOM_SCARCITY_H

#include <stdbool.h>

enum scarce { SCARCE_NOTHING, SCARCE_MEMORY, SCARCE_DESCRIPTORS };

struct scarcity {
	enum scarce what;
	unsigned nth; /* the one that fails, counted from here on */
	bool lasting; /* … and all behind it */
	bool shown;   /* where it happened goes to stderr */
};

void scarcity_begin(const struct scarcity *s);
/* How many were asked for. */
unsigned scarcity_end(void);
/* Whether one has failed since it began. */
bool scarcity_struck(void);
/* This thread is the test's own: it never lacks anything, and is not counted. */
void scarcity_spare_me(void);

#endif
