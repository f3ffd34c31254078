/*
 * file_maildrop: a POP3 session's view of a mailbox file: its lock and its snapshot (docs/store.md, rules 8 and 9).
 */
#ifndef POSTROOM_STORE_FILE_MAILDROP_H
#define POSTROOM_STORE_FILE_MAILDROP_H

#include "store/mailbox.h"
#include "store/store.h"

/* The store outlives the maildrop. The functions below are the file store's share of struct store_ops. */
struct maildrop *file_maildrop_open(const struct store *store, const struct mailbox_place *place, const char *user,
                                    const char *holder, struct fault *why);
/* A snapshot without the session's lock, see file_store_look(). */
struct maildrop *file_maildrop_look(const struct store *store, const struct mailbox_place *place, const char *user,
                                    struct fault *why);
/* … of the mails that can be taken back, see file_store_look_removed(). */
struct maildrop *file_maildrop_look_removed(const struct store *store, const struct mailbox_place *place,
                                            const char *user, struct fault *why);
bool file_maildrop_undelete(struct maildrop *removed, const unsigned char *marks, struct fault *why);
void file_maildrop_close(struct maildrop *m);
size_t file_maildrop_count(const struct maildrop *m);
uint64_t file_maildrop_octets(const struct maildrop *m);
bool file_maildrop_number(struct maildrop *m, struct fault *why);
enum store_got file_maildrop_info(struct maildrop *m, size_t i, bool may_block, struct mail_info *info,
                                  struct fault *why);
enum store_got file_maildrop_read(struct maildrop *m, size_t i, struct store_span *span, bool may_block,
                                  struct fault *why);
enum store_got file_maildrop_view(struct maildrop *m, size_t i, struct store_view *view, bool may_block,
                                  struct fault *why);
bool file_maildrop_remove(struct maildrop *m, const unsigned char *marks, struct fault *why);

#endif
