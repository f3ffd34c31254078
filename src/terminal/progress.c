/*
 * progress: the bar. See progress.h.
 */
#include "terminal/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { PATIENCE_MS = 1000, REDRAW_MS = 100, BAR = 30 };

static int terminal(void)
{
	if (isatty(STDOUT_FILENO))
		return STDOUT_FILENO;
	return isatty(STDERR_FILENO) ? STDERR_FILENO : -1;
}

void progress_begin(struct progress *p, const char *what, bool quiet)
{
	*p = (struct progress){ .fd = quiet ? -1 : terminal(), .what = what, .started = clock_ms() };
}

static void put(struct progress *p, const char *text)
{
	/* A bar that cannot be drawn is no reason to stop. */
	if (write(p->fd, text, strlen(text)) < 0)
		p->fd = -1;
}

static void draw(struct progress *p, int64_t now)
{
	char bar[BAR + 1], line[160];
	uint64_t done = p->done < p->total ? p->done : p->total;

	if (p->total == 0) {
		snprintf(line, sizeof line, "\r%s: waiting for the server, %" PRId64 " s", p->what,
		         (now - p->started) / 1000);
	} else {
		int percent = (int)((double)done * 100 / (double)p->total);
		memset(bar, '-', BAR);
		memset(bar, '#', (size_t)(percent * BAR / 100));
		bar[BAR] = '\0';
		snprintf(line, sizeof line, "\r%s [%s] %d%%", p->what, bar, percent);
	}
	put(p, line);
	put(p, "\033[K");
}

void progress_tick(struct progress *p)
{
	if (p->fd < 0)
		return;
	int64_t now = clock_ms();
	if (now - p->started < PATIENCE_MS || now - p->drawn < REDRAW_MS)
		return;
	p->drawn = now;
	draw(p, now);
}

void progress_end(struct progress *p)
{
	if (p->fd >= 0 && p->drawn != 0)
		put(p, "\r\033[K");
	p->drawn = 0;
	p->fd = -1;
}
