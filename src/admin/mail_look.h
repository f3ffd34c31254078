/*
 * mail_look: mails as a person reads them: lines of a list, and one mail. Nothing of a mail's text reaches a terminal that it would obey.
 */
#ifndef POSTROOM_ADMIN_MAIL_LOOK_H
#define POSTROOM_ADMIN_MAIL_LOOK_H

#include "store/store.h"

/* As JSON: an array with an object for each mail. */
int mail_look_json(struct maildrop *m);
/* Prints a line for each mail whose bit is set; NULL: for all. The mails have their ids. EX_OK, or the status of what was said. */
int mail_look_rows(struct maildrop *m, const unsigned char *marks);

#endif
