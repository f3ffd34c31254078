/*
 * penalty: addresses that give wrong passwords are made to wait before the next attempt is looked at: 2, 4, 8, then 15 seconds since the last failure,
 * forgotten after five quiet minutes. From an address that has failed one attempt is looked at at a time. A right password makes good for one failure, not for all: who has an account here could guess others' between.
 *
 * A bounded table of IPv4 addresses and IPv6 /64 networks, the older given up first. Thread-safe; never blocks.
 */
#ifndef POSTROOM_SERVER_PENALTY_H
#define POSTROOM_SERVER_PENALTY_H

#include <stdbool.h>
#include <stdint.h>

struct penalty;

/* `loopback`: this machine's own addresses are slowed down as well. NULL: memory is out. */
struct penalty *penalty_new(bool loopback);
/* NULL is passed over, here and below. */
void penalty_free(struct penalty *p);
/* How long an attempt from there has to wait now, in milliseconds. `address` is numeric. */
int penalty_wait(struct penalty *p, const char *address);
/* To be asked just before an attempt is looked at: as penalty_wait(), and where the answer is 0 and the address has failed before, the attempt counts as a failure
 * until penalty_note() says better: others from there wait for it, and so however many connections they have. `*booked` says that this was so; the attempt
 * that has it need not ask again. */
int penalty_begin(struct penalty *p, const char *address, bool *booked);
/* What became of an attempt. */
void penalty_note(struct penalty *p, const char *address, bool right);

/* In place of clock_ms() (tests). */
void penalty_set_clock(struct penalty *p, int64_t (*now_ms)(void));

#endif
