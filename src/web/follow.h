/*
 * follow: keeps the catalogue as the mailboxes are. Looks at their stamps every second, and at once where the mail process says that something came;
 * takes new mails in a slice at a time, so that the loop goes on.
 *
 * An inbox is a directory below DIR with a mailbox file in it.
 */
#ifndef POSTROOM_WEB_FOLLOW_H
#define POSTROOM_WEB_FOLLOW_H

#include "web/catalogue.h"

struct follow_listener {
	void (*added)(void *owner, int64_t row);
	/* Of an inbox, other than single mails that were added. */
	void (*changed)(void *owner, const char *inbox);
	/* Whether who brought this mail is known; NULL: nobody will tell. A mail that has just come waits a moment for that. */
	bool (*is_known)(void *owner, const char *inbox, const char *uid);
	void *owner;
};

struct follow;

/* `root` and `mailbox` stay the caller's. NULL: memory is out. */
struct follow *follow_new(struct catalogue *c, int root, const char *mailbox, const struct follow_listener *listener);
void follow_free(struct follow *f);
/* A slice of work. How many ms there is nothing to do now; 0: go on. */
int follow_step(struct follow *f);
/* This inbox, next. */
void follow_look(struct follow *f, const char *inbox);
/* Whether all that was there at the start is in the catalogue. */
bool follow_ready(const struct follow *f);

#endif
