/*
 * clock: monotonic and wall time. See clock.h.
 */
#include "base/clock.h"

#include <stdatomic.h>

static _Atomic time_t frozen;

int64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

time_t clock_wall(void)
{
	time_t still = atomic_load(&frozen);
	return still ? still : time(NULL);
}

void clock_freeze(time_t now)
{
	atomic_store(&frozen, now);
}
