/*
 * aliases: further names of users, from aliases.txt: a line an alias: name, blanks, targets (names of users or of aliases, with blanks or commas between).
 * `#` begins a comment. No target is an address elsewhere: nothing is relayed.
 *
 * Read again when the file changes; a file that is not there is an empty one. A bad line (no target, a name twice, a target with a domain) is
 * reported with its number, and the others go on; so is an alias behind which nobody stands, or more than ALIASES_TARGETS_MAX users.
 * A colon behind the name is passed over. Thread-safe: the table is replaced as a whole.
 */
#ifndef POSTROOM_AUTH_ALIASES_H
#define POSTROOM_AUTH_ALIASES_H

#include "auth/users.h"

struct aliases;

#define ALIASES_TOO_MANY SIZE_MAX
enum { ALIASES_TARGETS_MAX = 100, ALIASES_FILE_MAX = 16 * 1024 * 1024, ALIASES_DEPTH_MAX = 10 };

/* `users` must outlive it. NULL: why. Blocks. */
struct aliases *aliases_open(int dir, const char *dir_name, const char *file, struct users *users,
                             void (*report)(const char *text), struct fault *why);
void aliases_free(struct aliases *a);
/* As users_changed() and users_reload(). */
bool aliases_changed(struct aliases *a);
void aliases_reload(struct aliases *a);

/* Calls each() once with every user whom the name stands for in the end, as the users file spells them; returns how many. 0: no such alias;
 * ALIASES_TOO_MANY: more than ALIASES_TARGETS_MAX, and each() was not called. Never blocks. */
size_t aliases_resolve(struct aliases *a, struct slice name, void (*each)(void *owner, const char *user), void *owner);

#endif
