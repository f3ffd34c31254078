/*
 * mail_list: the list of mails on the screen: a heading and a line a mail.
 *
 * On a terminal in aligned columns, cut to its width; otherwise plain, two blanks between, never cut, so that
 * programs can read it.
 */
#ifndef POSTROOM_CLIENT_MAIL_LIST_H
#define POSTROOM_CLIENT_MAIL_LIST_H

#include "client/inbox.h"
#include "terminal/screen.h"

/* The heading's columns stand apart by two blanks or more. Marked mails are left out, and the others keep their numbers.
 * Returns how many are shown. */
size_t mail_list_show(struct screen *s, const char *heading, const struct inbox *m);

enum { MAIL_LIST_COLUMNS = 4 };

/* A line of cells in columns of these widths, cut to `total` columns; the last cell takes what is left. */
bool mail_list_line(const struct slice cells[MAIL_LIST_COLUMNS], const size_t widths[MAIL_LIST_COLUMNS], size_t total,
                    struct buf *out);

#endif
