/*
 * store_suite: the promises of store.h as tests, run on every back end by its own x_store_test.c.
 */
#ifndef POSTROOM_STORE_STORE_SUITE_H
#define POSTROOM_STORE_STORE_SUITE_H

#include "store/store.h"

/* Makes a fresh, empty store; reopen() gives another one on the same mailboxes (NULL where there is no such thing). */
struct store_suite_maker {
	struct store *(*make)(void);
	struct store *(*reopen)(void);
	void (*wipe)(void); /* after each test */
};

/* Runs all of it as one cmocka group; the number of failures. */
int store_suite_run(const char *name, const struct store_suite_maker *maker);

/* Helpers that a back end's own tests use too. */
void suite_deliver(struct store *s, const char *user, const char *text);
/* Lines of 64 KiB of that letter, so many that the draft rests in a file; for alice. */
void suite_deliver_big(struct store *s, char letter, size_t octets);
struct draft *suite_draft(struct store *s, const char *text);
struct maildrop *suite_open(struct store *s, const char *user);
void suite_expect(struct maildrop *m, size_t i, const char *text);
/* One opened and closed session whose mails are exactly these texts, NULL at the end. */
void suite_expect_all(struct store *s, const char *user, const char *const *texts);
void suite_remove(struct store *s, const char *user, size_t i);
void suite_uid(struct maildrop *m, size_t i, char uid[STORE_UID_MAX]);

#endif
