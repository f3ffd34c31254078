/*
 * arena: blocks in a list, freed together. See arena.h.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 1024 };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

void arena_release(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_SIZE - sizeof(struct arena_block) ? n : BLOCK_SIZE - sizeof(struct arena_block);
	size_t whole = size + sizeof(struct arena_block);
	if (whole < n || whole > a->max - a->used)
		return NULL;
	struct arena_block *block = malloc(whole);
	if (!block)
		return NULL;
	*block = (struct arena_block){ .next = a->blocks, .size = size };
	a->blocks = block;
	a->used += whole;
	return block;
}

void *arena_take(struct arena *a, size_t n)
{
	size_t align = alignof(max_align_t);
	if (n > SIZE_MAX - align)
		return NULL;
	n = (n + align - 1) / align * align;
	struct arena_block *block = a->blocks;
	if (!block || block->size - block->used < n)
		block = add_block(a, n);
	if (!block)
		return NULL;
	void *taken = block->bytes + block->used;
	block->used += n;
	return taken;
}

char *arena_dup(struct arena *a, struct slice s)
{
	char *copy = s.len < SIZE_MAX ? arena_take(a, s.len + 1) : NULL;
	if (!copy)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}
