/*
 * stamp: see stamp.h.
 */
#include "base/stamp.h"

#include <fcntl.h>
#include <stdint.h>
#include <time.h>

struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

struct stamp stamp_at(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, 0) == 0 ? stamp_of(&st) : (struct stamp){ 0 };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool stamp_same_file(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode;
}

bool stamp_same(const struct stamp *a, const struct stamp *b)
{
	return stamp_same_file(a, b) && a->size == b->size && same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}

bool stamp_young(const struct stamp *s)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age = (int64_t)(now.tv_sec - s->changed.tv_sec) * 1000 + (now.tv_nsec - s->changed.tv_nsec) / 1000000;
	return age >= 0 && age < STAMP_SETTLE_MS;
}

void stamp_settle(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = STAMP_SETTLE_MS * 1000000L }, NULL);
}
