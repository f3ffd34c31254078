/*
 * arena: memory with one life-time, a transaction's or a parse's. Everything taken from it goes at once.
 *
 * Holds at most `max` octets in all; a call that would pass that, or finds memory out, returns NULL.
 */
#ifndef POSTROOM_BASE_ARENA_H
#define POSTROOM_BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t used; /* octets handed out and block overhead */
	size_t max;
};

void arena_init(struct arena *a, size_t max);
/* Frees all that was taken; the arena is empty and may be used again. */
void arena_release(struct arena *a);
/* n octets, aligned for any type, not cleared. */
void *arena_take(struct arena *a, size_t n);
/* A NUL-terminated copy. */
char *arena_dup(struct arena *a, struct slice s);

#endif
