/*
 * file_lab_suite: a directory of mailboxes for the file store's tests, and the hands of somebody who edits them.
 */
#ifndef POSTROOM_STORE_FILE_LAB_SUITE_H
#define POSTROOM_STORE_FILE_LAB_SUITE_H

#include "store/store.h"

struct FTW;
struct stat;

/* The lab of the test that runs: made by file_lab_make, gone with file_lab_wipe. */
extern int file_lab_root;

struct store *file_lab_make(void);
/* Another store on the same mailboxes. */
struct store *file_lab_reopen(void);
void file_lab_wipe(void);
/* For cmocka: *state is the store. */
int file_lab_set_up(void **state);
int file_lab_tear_down(void **state);

/* A path in the lab; two may stand in one call. */
const char *file_lab_path(const char *name);
/* As another program would: in place, without a lock. `mode` as fopen has it. */
void file_lab_write_octets(const char *name, const char *mode, const char *text, size_t n);
void file_lab_write(const char *name, const char *mode, const char *text);
void file_lab_expect(const char *name, const char *text);
bool file_lab_has(const char *name);
/* For nftw: removes all. */
int file_lab_remove_one(const char *path, const struct stat *st, int type, struct FTW *walk);

#endif
