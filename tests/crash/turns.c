/*
 * turns: see turns.h.
 */
#include "turns.h"

#include <errno.h>
#include <stddef.h>
#include <ucontext.h>

enum { STACK = 512 * 1024 };

static struct {
	ucontext_t outside, inside[2];
	bool alive[2];
	int current;
	int waits; /* one after the other, without a call in between */
	void (*each)(void *owner, int which);
	void *owner;
} turns;

static char stacks[2][STACK];

static void change(void)
{
	int me = turns.current, saved = errno;
	turns.current = !me;
	swapcontext(&turns.inside[me], &turns.inside[!me]);
	errno = saved;
}

static void begin(int which)
{
	turns.each(turns.owner, which);
	turns.alive[which] = false;
	turns.current = !which;
	setcontext(turns.alive[!which] ? &turns.inside[!which] : &turns.outside);
}

void turns_run(void (*each)(void *owner, int which), void *owner)
{
	turns.each = each;
	turns.owner = owner;
	for (int i = 0; i < 2; i++) {
		getcontext(&turns.inside[i]);
		turns.inside[i].uc_stack.ss_sp = stacks[i];
		turns.inside[i].uc_stack.ss_size = STACK;
		turns.inside[i].uc_link = NULL;
		makecontext(&turns.inside[i], (void (*)(void))begin, 1, i);
		turns.alive[i] = true;
	}
	turns.current = 0;
	swapcontext(&turns.outside, &turns.inside[0]);
}

void turns_call(bool due)
{
	turns.waits = 0;
	if (due && turns.alive[0] && turns.alive[1])
		change();
}

bool turns_wait(void)
{
	if (!turns.alive[0] || !turns.alive[1] || ++turns.waits > 2)
		return false;
	change();
	return true;
}
