/*
 * clock: the two times there are. Monotonic milliseconds for limits and waiting, wall time for what people read.
 */
#ifndef POSTROOM_BASE_CLOCK_H
#define POSTROOM_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_ms(void);
time_t clock_wall(void);

/* Wall time stands still at `now` from here on (tests); 0 gives it back to the system. */
void clock_freeze(time_t now);

#endif
