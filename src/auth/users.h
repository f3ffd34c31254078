/*
 * users: who has a mailbox here, from the users file.
 *
 * A line a user: name, separator (one or more blanks, or a comma), password. Blanks are spaces and tabs. Empty lines and lines
 * that begin with `#` are passed over. Names are looked up without regard to ASCII case and answered as the file spells them.
 * Of two names that differ in case alone the first stays. A bad line (a name that could leave the directory, no password)
 * is reported with its number; the other users go on. Thread-safe: the table is replaced as a whole when the file changes.
 */
#ifndef POSTROOM_AUTH_USERS_H
#define POSTROOM_AUTH_USERS_H

#include "base/fault.h"
#include "base/slice.h"

struct users;

enum { USERS_NAME_MAX = 64, USERS_LINE_MAX = 1024, USERS_FILE_MAX = 64 * 1024 * 1024 };

/* Reads DIR/file. `separator` is ' ' for blanks or ','. `report` gets one text for each bad line, at this and every
 * later reading (file and line in it). NULL: why says what is missing (the file's path in it). Blocks. */
struct users *users_open(int dir, const char *dir_name, const char *file, char separator,
                         void (*report)(const char *text), struct fault *why);
void users_free(struct users *u);

/* Whether the file has changed since it was read: one stat(), cheap enough for a loop. */
bool users_changed(struct users *u);
/* Reads it again; where that fails, says so to `report` and keeps what was. Blocks. */
void users_reload(struct users *u);

/* The name as the file spells it, copied to `name`; false: no such user. Never blocks. */
bool users_find(struct users *u, struct slice name, char spelled[USERS_NAME_MAX + 1]);
/* Whether this is the user's password; takes the same time whether the user exists or not. May block (hashing). */
bool users_verify(struct users *u, struct slice name, struct slice password, char spelled[USERS_NAME_MAX + 1]);
/* Calls each() with every name, in the file's order. */
void users_each(struct users *u, void (*each)(void *owner, const char *name), void *owner);

#endif
