/*
 * turns: two processes at once on the disk in memory, one of which goes on at a time. They change places before the call that the plan names (or before
 * every call), where one waits for a lock, and at an end.
 */
#ifndef POSTROOM_CRASH_TURNS_H
#define POSTROOM_CRASH_TURNS_H

#include <stdbool.h>

/* Does both to their ends: each(owner, 0) begins, each(owner, 1) follows. */
void turns_run(void (*each)(void *owner, int which), void *owner);
/* A call is about to be made; `due`: the other goes on first. */
void turns_call(bool due);
/* Lets the other go on. False: nobody can, and what was waited for will not come. */
bool turns_wait(void);

#endif
