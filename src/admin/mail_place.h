/*
 * mail_place: the mailbox that a command works on: the directory, its course, the user as the users file spells the name, and the store.
 *
 * Started as root, the program goes on as the directory's owner, as the servers do: what it makes is theirs, and nothing that they could not read is read.
 */
#ifndef POSTROOM_ADMIN_MAIL_PLACE_H
#define POSTROOM_ADMIN_MAIL_PLACE_H

#include "course/course.h"
#include "store/store.h"

enum { MAIL_PLACE_USER_MAX = 64 };

struct mail_place {
	const char *dir_name;
	int dir;
	struct course *course;
	struct store *store;
	char user[MAIL_PLACE_USER_MAX + 1];
	bool there; /* the user has a directory already */
};

/* What names a place: NULL for the current directory, and for the course whose users file is there. */
struct mail_place_names {
	const char *dir;
	const char *course;
	const char *user;
};

/* EX_OK, or the status of what was said. A user who is in no users file, and whose directory is still there, is taken, too. */
int mail_place_open(struct mail_place *p, const struct mail_place_names *names);
/* Whether or not it could be opened. */
void mail_place_close(struct mail_place *p);

/* Says a fault, and gives the exit status it stands for. */
int mail_place_fail(const struct fault *why);
int mail_place_status(const struct fault *why);

/* Gives mail i of a maildrop, in its stored form, to take() piece by piece, until that says false. False: why. */
bool mail_place_read(struct maildrop *m, size_t i, bool (*take)(void *owner, const char *octets, size_t n), void *owner,
                     struct fault *why);

#endif
