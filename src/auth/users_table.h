/*
 * users_table: the text of a users file read into a table that never changes: names, passwords, and a hash over the names.
 *
 * Pure: opens nothing. Held by several threads at once through users_table_retain; the last release wipes the text, for it
 * holds passwords, and frees it. The file's rules stand in users.h.
 */
#ifndef POSTROOM_AUTH_USERS_TABLE_H
#define POSTROOM_AUTH_USERS_TABLE_H

#include "auth/password.h"
#include "auth/users.h"

struct users_table;

struct users_entry {
	struct slice name;   /* a NUL stands behind it */
	struct slice secret; /* never empty */
	enum password_kind kind;
};

/* Takes over `text` (from malloc, size at most USERS_FILE_MAX) in any case. `report`, which may be NULL, gets "FILE:LINE: …" for
 * each bad line. NULL: memory is out. */
struct users_table *users_table_new(char *text, size_t size, const struct users_form *form, const char *file,
                                    void (*report)(const char *text));
struct users_table *users_table_retain(struct users_table *t);
void users_table_release(struct users_table *t);

size_t users_table_count(const struct users_table *t);
/* How many secrets are of this kind. */
size_t users_table_count_of(const struct users_table *t, enum password_kind kind);
/* Entry i, in the file's order. */
struct users_entry users_table_entry(const struct users_table *t, size_t i);
/* False: no such user. */
bool users_table_find(const struct users_table *t, struct slice name, struct users_entry *entry);
/* The same; an unknown name gets another's entry, of which `pick` decides, so that checking a password takes what it would take for a user. Where the table is
 * empty, the entry has a password in clear. */
bool users_table_find_or_borrow(const struct users_table *t, struct slice name, uint32_t pick,
                                struct users_entry *entry);

/* Wipes and frees a file's text. */
void users_text_free(char *text, size_t size);

#endif
