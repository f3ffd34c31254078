/*
 * progress: a bar on a terminal for whatever takes longer than a second; nothing otherwise.
 *
 * It stands on stdout where that is a terminal, else on stderr, and is gone without a trace before anything else is
 * printed.
 */
#ifndef POSTROOM_TERMINAL_PROGRESS_H
#define POSTROOM_TERMINAL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	int fd; /* -1: no terminal, nothing is shown */
	const char *what;
	int64_t started; /* clock_ms() */
	int64_t drawn;   /* 0: not yet */
	uint64_t done;
	uint64_t total; /* 0: not known */
};

/* What takes its time, as in "Reading the list"; the text must outlive the progress. Quiet: nothing is ever shown. */
void progress_begin(struct progress *p, const char *what, bool quiet);
/* To be called often, a few times a second at least. */
void progress_tick(struct progress *p);
/* Takes the bar off the screen. */
void progress_end(struct progress *p);

#endif
