/*
 * work_users: the users file in a workload: what `postroom user` does to it and what a server reads of it, a ledger of that, and the check.
 *
 * Words:
 *     uF                an operator writes the file by hand, with a mode and an owner of its own, comments, and the users alice and carol
 *     u+bob u*bob u-bob postroom user add, passwd, remove
 *     uS                a server looks whether the file has changed, and reads it
 */
#ifndef POSTROOM_CRASH_WORK_USERS_H
#define POSTROOM_CRASH_WORK_USERS_H

#include "disk.h"

enum { USERS_EDITS = 16, USERS_SALT = 16 };

struct work_edit {
	char name[8];
	char secret[16]; /* "": removed */
	unsigned begun_at, ended_at;
	enum {
		EDIT_UNDER_WAY,
		EDIT_DONE,
		EDIT_REFUSED,
		EDIT_UNSURE
	} end; /* refused: nothing has changed; unsure: it failed, and may have */
};

struct users_ledger {
	size_t count;
	struct work_edit edits[USERS_EDITS];
	bool by_hand;          /* the operator's file */
	char salt[USERS_SALT]; /* that a server gave for an unknown user */
	unsigned salt_told_at; /* 0: never */
	char wrong[200];       /* what a server saw and could not */
};

struct users;
struct work_users {
	struct disk *disk;
	struct users_ledger *ledger;
	struct users *server;
	bool stale; /* it could not read the file, and said so */
};

void work_users_word(struct work_users *w, const char *word);
void work_users_end(struct work_users *w);
/* All that was promised is on the disk from now on, and from change 0. */
void work_users_settle(struct users_ledger *l);
/* As work_check(). */
bool work_users_check(const struct users_ledger *ledger, unsigned at, struct disk *d, bool thorough, char *why,
                      size_t size);

#endif
