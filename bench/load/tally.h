/*
 * tally: durations counted in a histogram of logarithmic cells (2 % wide), and figures printed as JSON.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stddef.h>
#include <stdint.h>

enum { TALLY_CELLS = 1200 };

struct tally {
	uint64_t count;
	double sum, max; /* seconds */
	uint64_t cells[TALLY_CELLS];
};

void tally_add(struct tally *t, double seconds);
/* The duration that a share of them did not exceed. */
double tally_share(const struct tally *t, double share);

/* `"NAME": {"count": …, "mean": …, "p50": …, "p99": …, "max": …}`, in milliseconds. */
void tally_print(const struct tally *t, const char *name);
/* `"NAME": COUNT, "seconds": …, "rate": …`, of so many in that time. */
void tally_print_rate(const char *name, uint64_t count, double seconds);
/* `"cpu": SECONDS` of this process so far. */
void tally_print_cpu(void);

#endif
