/*
 * faults: what goes wrong on purpose with an inbox, so that mail programs can be tested against it: a reply code, a delay, a connection that is cut. Seeded: the
 * same seed brings the same course of events. A bounded table; thread-safe; never blocks for long.
 */
#ifndef POSTROOM_SERVER_FAULTS_H
#define POSTROOM_SERVER_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/users.h"
#include "monitor/message.h"

enum { FAULTS_MAX = 100, FAULTS_TEXT_MAX = 200, FAULTS_DELAY_MAX = 60 * 1000, FAULTS_CERTAIN = 1000 * 1000 };

/* One, as it was asked for; or as it happens now. */
struct faults_order {
	enum message_fault kind;
	unsigned code;   /* 400 to 599 */
	int delay_ms;    /* before it */
	uint32_t chance; /* in a million */
	uint64_t seed;
	char text[FAULTS_TEXT_MAX + 1];
};

struct faults;

/* NULL: memory is out. */
struct faults *faults_new(void);
/* NULL is passed over, here and below. */
void faults_free(struct faults *f);
/* MESSAGE_FAULT_NONE: nothing goes wrong with this inbox any more. False: it is no fault, or there are too many. */
bool faults_set(struct faults *f, const char *inbox, const struct faults_order *order);
/* Whether one of these kinds (bits, 1 << kind) happens now to the inbox, and which. */
bool faults_happen(struct faults *f, const char *inbox, unsigned kinds, struct faults_order *order);

#endif
