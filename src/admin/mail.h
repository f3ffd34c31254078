/*
 * mail: `postroom mail`: an operator's hands on one mailbox: list, show, delete, undelete, export, import and expire.
 */
#ifndef POSTROOM_ADMIN_MAIL_H
#define POSTROOM_ADMIN_MAIL_H

#include "admin/admin.h"
#include "admin/mail_place.h"

extern const struct admin_command mail_command;

struct mail_wishes {
	const char *dir;
	const char *course;
	const char *mbox;
	const char *maildir;
	const char *format;
	const char *config;
	struct mail_limit {
		bool said;
		uint64_t size;
		unsigned seconds;
	} quota, retain_size, retain_age, undelete;
	bool raw;
	bool dry_run;
	bool json;
	bool deleted;
	bool all;
};

/* What mailboxes are kept to: as wished, otherwise as the configuration says. */
struct mail_limits {
	uint64_t quota;
	uint64_t retain_size;
	unsigned retain_age;
	unsigned undelete;
};

/* An action under way; what stands behind the user's name are its words. */
struct mail_job {
	const struct mail_wishes *wishes;
	struct mail_limits limits;
	struct mail_place place;
	char *const *words;
	size_t count;
};

/* The actions; each gives an exit status, and has said why. */
int mail_list(struct mail_job *job);
int mail_show(struct mail_job *job);
int mail_delete(struct mail_job *job);
int mail_export(struct mail_job *job);
int mail_import(struct mail_job *job);
int mail_undelete(struct mail_job *job);
int mail_expire(struct mail_job *job);

/* The mailbox with the session's lock; NULL with why. */
struct maildrop *mail_session(struct mail_job *job, const char *action, struct fault *why);

#endif
