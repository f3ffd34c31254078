/*
 * file_store: the store of text files, DIR/USER/MAILBOX: the contract of store.h on mailbox, append, removal and file_maildrop.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/append.h"
#include "store/expiry.h"
#include "store/file_maildrop.h"
#include "store/idle.h"
#include "store/removal.h"
#include "store/store.h"

struct file_store {
	struct store base;
	struct mailbox_place place;
	struct idle idle; /* mailboxes that wait for their next delivery */
};

static struct file_store *mine(struct store *s)
{
	return (struct file_store *)s;
}

/* ---- appending ---- */

static struct idle_box *new_box(struct file_store *s, const char *user, struct fault *why)
{
	struct idle_box *b = malloc(sizeof *b);
	if (!b) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
		return NULL;
	}
	if (mailbox_open(&b->box, &s->place, user, why))
		return b;
	free(b);
	return NULL;
}

static bool append_once(struct file_store *s, const char *user, struct draft *const *drafts, size_t n,
                        struct fault *why)
{
	struct idle_box *b = idle_begin(&s->idle, user);
	if (!b)
		b = new_box(s, user, why);
	bool appended = b && append_drafts(&b->box, drafts, n, s->base.quota, why);
	/* After a failure nothing that is open is trusted. */
	if (b && !appended) {
		idle_close(b);
		b = NULL;
	}
	idle_end(&s->idle, b);
	return appended;
}

/* ---- the contract ---- */

static void file_free(struct store *base)
{
	struct file_store *s = mine(base);
	idle_release(&s->idle);
	free(s);
}

static bool file_prepare(struct store *base, const char *user, struct fault *why)
{
	struct mailbox box;
	if (!mailbox_open(&box, &mine(base)->place, user, why))
		return false;
	mailbox_close(&box);
	return true;
}

static struct draft *file_draft(struct store *base)
{
	return draft_new(mine(base)->place.root);
}

static bool file_append(struct store *base, const char *user, struct draft *const *drafts, size_t n, struct fault *why)
{
	struct file_store *s = mine(base);
	if (append_once(s, user, drafts, n, why))
		return true;
	if (why->error != EMFILE && why->error != ENFILE)
		return false;
	/* Nothing was written yet, and what waits for a next delivery makes room for this one. */
	idle_close_all(&s->idle);
	return append_once(s, user, drafts, n, why);
}

/* By the size of the file, without what its index says is dead: nobody's lock is waited for. */
static bool file_room(struct store *base, const char *user, uint64_t octets, struct fault *why)
{
	struct file_store *s = mine(base);
	struct file_look look;
	struct index index;
	if (base->quota == 0)
		return true;
	/* Not mailbox_open(): asking makes nothing. */
	int dir = file_open(s->place.root, user, O_RDONLY | O_DIRECTORY, 0);
	bool there = dir >= 0 && file_look_at(dir, s->place.mail, &look);
	if (!there && errno != ENOENT) {
		file_close(dir);
		return fault_errno(why, "cannot look at %s/%s", user, s->place.mail);
	}
	uint64_t live = there ? look.size : 0;
	if (live > 0 && index_open(&index, dir, s->place.index)) {
		if (file_same(&index.head.mail, &look) && index.head.dead_length <= live)
			live -= index.head.dead_length;
		index_close(&index);
	}
	file_close(dir);
	return (live <= base->quota && octets <= base->quota - live) ||
	       fault_set(why, FAULT_QUOTA, "%s/%s is at its quota", user, s->place.mail);
}

static struct maildrop *file_open_maildrop(struct store *base, const char *user, const char *holder, struct fault *why)
{
	return file_maildrop_open(base, &mine(base)->place, user, holder, why);
}

const struct mailbox_place *file_store_place(struct store *base)
{
	return &mine(base)->place;
}

struct maildrop *file_store_look(struct store *base, const char *user, struct fault *why)
{
	return file_maildrop_look(base, &mine(base)->place, user, why);
}

struct maildrop *file_store_look_removed(struct store *base, const char *user, struct fault *why)
{
	return file_maildrop_look_removed(base, &mine(base)->place, user, why);
}

bool file_store_undelete(struct maildrop *removed, const unsigned char *marks, struct fault *why)
{
	return file_maildrop_undelete(removed, marks, why);
}

bool file_store_expire(struct store *base, const char *user, struct store_expiry *expiry, struct fault *why)
{
	return expiry_sweep(&mine(base)->place, user, expiry, why);
}

static void file_tidy(struct store *base, const char *user)
{
	struct fault ignored;
	struct mailbox box;
	if (!mailbox_open(&box, &mine(base)->place, user, &ignored))
		return;
	if (mailbox_hold(&box, &ignored)) {
		removal_tidy(&box, clock_wall(), &ignored);
		mailbox_let(&box);
	}
	mailbox_close(&box);
}

/* The mail first: what a crash leaves behind is an empty mailbox. */
static bool remove_files(struct mailbox *box, struct fault *why)
{
	const struct mailbox_place *place = box->place;
	const char *const names[] = { place->mail,  place->index, place->deleted,
		                      place->fresh, place->torn,  mailbox_lock_name };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char fresh[MAILBOX_NAME_MAX + 32]; /* what was to take its place when a process died */
		snprintf(fresh, sizeof fresh, "%s.new", names[i]);
		if ((unlinkat(box->dir, names[i], 0) != 0 && errno != ENOENT) ||
		    (names[i][0] == '.' && unlinkat(box->dir, fresh, 0) != 0 && errno != ENOENT))
			return fault_errno(why, "cannot remove %s/%s", box->user, names[i]);
	}
	return unlinkat(place->root, box->user, AT_REMOVEDIR) == 0 ||
	       fault_errno(why, "cannot remove the directory %s", box->user);
}

/* Whoever waits for a lock of it then finds that the lock is not in its place any more, and begins a new one. */
static bool file_discard(struct store *base, const char *user, struct fault *why)
{
	struct idle_box *idle = idle_take(&mine(base)->idle, user);
	struct mailbox box;
	if (idle)
		idle_close(idle);
	if (!mailbox_open(&box, &mine(base)->place, user, why))
		return false;
	bool ok = mailbox_enter(&box, "postroom, which removes it,", why) && mailbox_hold(&box, why) &&
	          remove_files(&box, why);
	mailbox_close(&box);
	return ok;
}

static const struct store_ops file_ops = {
	.name = "file",
	.free = file_free,
	.prepare = file_prepare,
	.draft = file_draft,
	.append = file_append,
	.room = file_room,
	.open = file_open_maildrop,
	.close = file_maildrop_close,
	.count = file_maildrop_count,
	.octets = file_maildrop_octets,
	.number = file_maildrop_number,
	.info = file_maildrop_info,
	.read = file_maildrop_read,
	.view = file_maildrop_view,
	.remove = file_maildrop_remove,
	.tidy = file_tidy,
	.discard = file_discard,
};

void file_store_prepare(void)
{
	index_boot();
}

struct store *file_store_new(int dir, const char *mailbox, struct fault *why)
{
	struct file_store *s = calloc(1, sizeof *s);
	if (!s) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
		return NULL;
	}
	s->base.ops = &file_ops;
	s->place.root = dir;
	snprintf(s->place.mail, sizeof s->place.mail, "%s", mailbox);
	snprintf(s->place.index, sizeof s->place.index, ".%.*s.index", MAILBOX_NAME_MAX, mailbox);
	snprintf(s->place.deleted, sizeof s->place.deleted, ".%.*s.deleted", MAILBOX_NAME_MAX, mailbox);
	snprintf(s->place.fresh, sizeof s->place.fresh, ".%.*s.new", MAILBOX_NAME_MAX, mailbox);
	snprintf(s->place.torn, sizeof s->place.torn, ".%.*s.torn", MAILBOX_NAME_MAX, mailbox);
	idle_init(&s->idle);
	return &s->base;
}
