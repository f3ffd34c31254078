/*
 * mailbox: what both screens of the mailbox share: its inbox, the list and a mail on the screen, and a mail's number as
 * it is typed. See mailbox_view.h and mailbox_prompt.h.
 */
#ifndef POSTROOM_CLIENT_MAILBOX_H
#define POSTROOM_CLIENT_MAILBOX_H

#include "client/client.h"
#include "client/inbox.h"
#include "client/shown_mail.h"

enum { MAILBOX_ANSWER_MAX = 256 }; /* octets of a typed number or command */

struct mailbox {
	struct client *client;
	struct inbox inbox;
	struct shown_mail shown; /* the mail that was shown last, for its attachments */
};

/* Opens nothing yet. */
void mailbox_init(struct mailbox *m, struct client *client);
/* Says QUIT where there is a session. Blocks. */
void mailbox_release(struct mailbox *m);

/* For the user whom the client's credentials name now. Blocks. */
enum inbox_result mailbox_open(struct mailbox *m);
void mailbox_show_list(struct mailbox *m);
/* A whole mail, as it comes, or what a person reads of it where it is MIME. Blocks. */
enum inbox_result mailbox_show_mail(struct mailbox *m, size_t index);
/* The attachments of the mail that was shown, in new files of the current directory; tells where each went. Blocks. */
void mailbox_save_attachments(struct mailbox *m);
/* The server's words, or why there are none. */
void mailbox_tell(struct mailbox *m, const char *before);

/* A number of the list; false for anything else. */
bool mailbox_read_number(const struct mailbox *m, struct slice typed, size_t *index);

#endif
