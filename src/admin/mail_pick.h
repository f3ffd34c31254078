/*
 * mail_pick: which mails of a mailbox were meant: by number, by a range of numbers, or by unique id.
 */
#ifndef POSTROOM_ADMIN_MAIL_PICK_H
#define POSTROOM_ADMIN_MAIL_PICK_H

#include "store/store.h"

/* Sets the bit of each mail that is meant by one of the words (bit i%8 of byte i/8; room for all mails). EX_OK, or the status of what was said: then a word
 * means no mail. */
int mail_pick(struct maildrop *m, char *const *words, size_t count, unsigned char *marks);
/* The same for a single mail. */
int mail_pick_one(struct maildrop *m, const char *word, size_t *i);

#endif
