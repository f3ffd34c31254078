/*
 * power: what a power cut may leave of a disk: all that was synced, and of every later change any part: none, all, the first or the last octets of a write,
 * its length without its octets, in any order; of a directory's changes any, too.
 */
#ifndef POSTROOM_CRASH_POWER_H
#define POSTROOM_CRASH_POWER_H

#include "disk.h"

enum { POWER_PENDING_MAX = 64 };

/* What became of a change that was not synced. */
enum power_fate { FATE_LOST, FATE_DONE, FATE_LENGTH, FATE_FIRST, FATE_LAST, FATE_KINDS };

struct power_cut {
	const struct disk *before; /* all of it on the platter */
	const struct disk *after;  /* with the changes that were recorded since then */
	unsigned at;               /* so many of them had happened */
	size_t pending[POWER_PENDING_MAX];
	size_t pending_count;
	bool durable[DISK_OPS];
};

void power_cut_init(struct power_cut *c, const struct disk *before, const struct disk *after, unsigned at);
/* The disk as it is then found. fates[i] and cuts[i] (octets) are those of pending change i. */
void power_cut_make(const struct power_cut *c, const unsigned char *fates, const uint32_t *cuts, struct disk *found);
/* The same for all disks that look the same. */
uint64_t disk_digest(const struct disk *d);

#endif
