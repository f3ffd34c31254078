/*
 * mail_place: finding the mailbox, and reading from it. See mail_place.h.
 */
#include "admin/mail_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/admin.h"
#include "auth/users_line.h"
#include "auth/users_table.h"
#include "base/file.h"
#include "server/privileges.h"

/* The first read is for those who want a header alone. */
enum { FIRST_BLOCK = 8 * 1024, BLOCK = 256 * 1024 };

int mail_place_status(const struct fault *why)
{
	if (why->error == EACCES || why->error == EPERM)
		return EX_NOPERM;
	if (why->kind == FAULT_FULL || why->kind == FAULT_QUOTA)
		return EX_CANTCREAT;
	return why->kind == FAULT_PERMANENT ? EX_DATAERR : EX_TEMPFAIL;
}

int mail_place_fail(const struct fault *why)
{
	return admin_fail(mail_place_status(why), "%s", why->text);
}

static int open_directory(struct mail_place *p, const char *dir)
{
	char name[PRIVILEGES_NAME_MAX];
	struct fault why;
	p->dir_name = dir ? dir : ".";
	p->dir = open(p->dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return admin_fail(EX_NOINPUT, "cannot open the directory %s: %s", p->dir_name, strerror(errno));
	return privileges_drop(NULL, p->dir, name, &why) ? EX_OK : admin_fail(EX_OSERR, "%s", why.text);
}

static int find_course(struct mail_place *p, const char *name)
{
	struct fault why;
	p->course = name ? course_load(name, &why) : course_detect(p->dir, p->dir_name, &why);
	if (!p->course)
		return admin_fail(!name && why.kind == FAULT_TEMPORARY ? EX_NOINPUT : EX_CONFIG, "%s", why.text);
	if (!p->course->mailbox)
		return admin_fail(EX_CONFIG, "the course %s has no mailboxes: its mail is in memory", p->course->name);
	return EX_OK;
}

/* Why the file cannot be read is told only where that leaves a name unknown. */
static bool find_in_users(struct mail_place *p, const char *user, struct fault *why)
{
	const struct users_form form = { .separator = p->course->separator, .schemes = p->course->standard };
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", p->dir_name, p->course->users_file);
	struct users *users = users_open(p->dir, p->dir_name, p->course->users_file, &form, NULL, why);
	if (!users)
		return false;
	bool found = users_find(users, slice_str(user), p->user);
	users_free(users);
	return found || fault_set(why, FAULT_PERMANENT, "there is no user '%s' in %s", user, path);
}

static bool has_directory(const struct mail_place *p, const char *user)
{
	struct file_look look;
	return file_look_at(p->dir, user, &look) && S_ISDIR(look.mode);
}

static int find_user(struct mail_place *p, const char *user)
{
	struct fault why;
	const char *wrong = users_line_fault_of_name(slice_str(user));
	if (wrong)
		return admin_fail(EX_USAGE, "'%s' is no user's name: %s", user, wrong);
	if (!find_in_users(p, user, &why)) {
		if (!has_directory(p, user))
			return admin_fail(EX_NOUSER, "%s", why.text);
		snprintf(p->user, sizeof p->user, "%s", user);
	}
	p->there = has_directory(p, p->user);
	return EX_OK;
}

static int open_store(struct mail_place *p)
{
	struct fault why;
	p->store = file_store_new(p->dir, p->course->mailbox, &why);
	return p->store ? EX_OK : mail_place_fail(&why);
}

int mail_place_open(struct mail_place *p, const struct mail_place_names *names)
{
	*p = (struct mail_place){ .dir = -1 };
	int status = open_directory(p, names->dir);
	if (status == EX_OK)
		status = find_course(p, names->course);
	if (status == EX_OK)
		status = find_user(p, names->user);
	if (status == EX_OK)
		status = open_store(p);
	return status;
}

void mail_place_close(struct mail_place *p)
{
	if (p->store)
		p->store->ops->free(p->store);
	course_free(p->course);
	file_close(p->dir);
}

bool mail_place_read(struct maildrop *m, size_t i, bool (*take)(void *owner, const char *octets, size_t n), void *owner,
                     struct fault *why)
{
	static char block[BLOCK];
	struct store_span span = { .octets = block, .size = FIRST_BLOCK };
	for (;;) {
		if (m->ops->read(m, i, &span, true, why) != STORE_GOT)
			return false;
		if (span.got == 0 || !take(owner, block, span.got))
			return true;
		span.offset += span.got;
		span.size = sizeof block;
	}
}
