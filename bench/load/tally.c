/*
 * tally: a histogram of durations. See tally.h.
 */
#include "tally.h"

#include <math.h>
#include <stdio.h>
#include <sys/resource.h>

/* The first cell is everything up to a microsecond. 1.02 ^ 1200 microseconds are half an hour. */
#define LEAST 1e-6
#define STEP  1.02

static size_t cell_of(double seconds)
{
	double cell = seconds <= LEAST ? 0 : ceil(log(seconds / LEAST) / log(STEP));
	return cell >= TALLY_CELLS ? TALLY_CELLS - 1 : (size_t)cell;
}

void tally_add(struct tally *t, double seconds)
{
	t->count++;
	t->sum += seconds;
	if (seconds > t->max)
		t->max = seconds;
	t->cells[cell_of(seconds)]++;
}

double tally_share(const struct tally *t, double share)
{
	uint64_t seen = 0;
	for (size_t i = 0; i < TALLY_CELLS; i++) {
		seen += t->cells[i];
		if (seen > 0 && (double)seen >= share * (double)t->count)
			return fmin(t->max, LEAST * pow(STEP, (double)i));
	}
	return 0;
}

void tally_print(const struct tally *t, const char *name)
{
	printf("\"%s\": {\"count\": %ju, \"mean\": %.4f, \"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}", name,
	       (uintmax_t)t->count, t->count ? t->sum / (double)t->count * 1e3 : 0, tally_share(t, 0.5) * 1e3,
	       tally_share(t, 0.99) * 1e3, t->max * 1e3);
}

void tally_print_rate(const char *name, uint64_t count, double seconds)
{
	printf("\"%s\": %ju, \"seconds\": %.4f, \"rate\": %.2f", name, (uintmax_t)count, seconds,
	       (double)count / seconds);
}

void tally_print_cpu(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("\"cpu\": %.4f", (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
	                                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
}
