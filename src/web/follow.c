/*
 * follow: one mailbox at a time, compared with the catalogue by unique ids. See follow.h.
 */
#include "web/follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "web/mail_text.h"
#include "web/text.h"

enum {
	SLICE_MS = 15,
	LOOK_EVERY_MS = 1000,
	LIST_EVERY_MS = 2000,
	LOOKS_AT_ONCE = 64,
	INBOXES_MAX = 100 * 1000,
	NAME_MAX_OCTETS = 255,
	DIGEST_MAIL_MAX = 4 * 1024 * 1024, /* octets of a mail that are looked into */
	WORD_MS = 500,                     /* so young a mail waits for the mail process's word */
	SINGLE_MAX = 50,                   /* more new mails at once are told of as a change of the inbox */
};

struct box {
	char name[NAME_MAX_OCTETS + 1];
	struct glance_stamp stamp; /* of the catalogue's state; all zero: none */
	size_t count;
	bool urgent;
	bool there; /* the listing under way has met it */
};

/* A mailbox being taken in. */
struct job {
	struct box *box;
	struct glance *glance; /* NULL: there is none */
	size_t *todo;          /* mails of the glance */
	size_t count;
	size_t at;
	bool removed;
	bool early; /* it stopped before a mail that waits */
};

struct follow {
	struct catalogue *catalogue;
	int root;
	const char *mailbox;
	struct follow_listener listener;
	struct box **boxes; /* sorted by name */
	size_t count;
	size_t next; /* whose stamp is looked at next */
	int64_t list_at, round_at;
	bool urgent;
	bool ready;
	bool hurried; /* a mail waits: the next round comes sooner */
	struct job job;
};

/* ---- the list of inboxes ---- */

static int compare(const void *a, const void *b)
{
	return strcmp((*(struct box *const *)a)->name, (*(struct box *const *)b)->name);
}

static struct box *find_box(const struct follow *f, const char *name)
{
	size_t low = 0, high = f->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(f->boxes[middle]->name, name);
		if (order == 0)
			return f->boxes[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static struct box *add_box(struct follow *f, const char *name)
{
	struct box **more = f->count < INBOXES_MAX ? realloc(f->boxes, (f->count + 1) * sizeof(void *)) : NULL;
	struct box *b = more ? calloc(1, sizeof *b) : NULL;
	if (more)
		f->boxes = more;
	if (!b)
		return NULL;
	snprintf(b->name, sizeof b->name, "%s", name);
	if (!catalogue_inbox(f->catalogue, name, &b->stamp, &b->count))
		b->stamp = (struct glance_stamp){ .mail.size = UINT64_MAX };
	f->boxes[f->count++] = b;
	qsort(f->boxes, f->count, sizeof(void *), compare);
	return b;
}

static bool has_mailbox(const struct follow *f, const char *name)
{
	struct glance_stamp stamp;
	struct fault ignored;
	return glance_stamp(f->root, f->mailbox, name, &stamp, &ignored) && stamp.mail.inode != 0;
}

static void forget_missing(struct follow *f)
{
	size_t kept = 0;
	for (size_t i = 0; i < f->count; i++) {
		struct box *b = f->boxes[i];
		if (b->there) {
			f->boxes[kept++] = b;
			continue;
		}
		catalogue_begin(f->catalogue);
		catalogue_forget_inbox(f->catalogue, b->name);
		catalogue_commit(f->catalogue);
		f->listener.changed(f->listener.owner, b->name);
		free(b);
	}
	f->count = kept;
	f->next = 0;
}

static void list_inboxes(struct follow *f)
{
	int fd = openat(f->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		file_close(fd);
		return;
	}
	for (size_t i = 0; i < f->count; i++)
		f->boxes[i]->there = false;
	const struct dirent *e;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		struct box *b = find_box(f, e->d_name);
		if (!b && has_mailbox(f, e->d_name))
			b = add_box(f, e->d_name);
		if (b)
			b->there = true;
	}
	closedir(dir);
	forget_missing(f);
}

/* Inboxes of the catalogue that went while nobody looked. */
static void adopt(void *owner, const char *inbox, size_t count)
{
	(void)count;
	if (!find_box(owner, inbox))
		add_box(owner, inbox);
}

/* ---- what is new in a mailbox ---- */

struct uids {
	char (*list)[STORE_UID_MAX];
	size_t count, room;
	bool failed;
};

static void collect(void *owner, const char *uid)
{
	struct uids *u = owner;
	if (u->count == u->room) {
		size_t room = u->room > 0 ? u->room * 2 : 1024;
		void *more = realloc(u->list, room * sizeof *u->list);
		u->failed = u->failed || !more;
		if (!more)
			return;
		u->list = more;
		u->room = room;
	}
	snprintf(u->list[u->count++], sizeof *u->list, "%s", uid);
}

static int compare_uids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void end_job(struct follow *f)
{
	glance_close(f->job.glance);
	free(f->job.todo);
	f->job = (struct job){ .box = NULL };
}

/* Whether mails were only added since the catalogue's state. */
static bool only_added(const struct box *b, const struct glance *g)
{
	const struct glance_stamp *now = glance_taken(g);
	return now->lineage.inode != 0 && file_same(&b->stamp.lineage, &now->lineage) &&
	       file_same(&b->stamp.mail, &now->mail) && b->stamp.deleted_size == now->deleted_size &&
	       now->mail.size >= b->stamp.mail.size && glance_count(g) >= b->count;
}

static void remove_missing(struct follow *f, const struct uids *known, const bool *met)
{
	for (size_t i = 0; i < known->count; i++) {
		if (met[i])
			continue;
		catalogue_remove(f->catalogue, f->job.box->name, known->list[i]);
		f->job.removed = true;
	}
}

/* All of the mailbox against all of the catalogue. */
static bool compare_all(struct follow *f)
{
	struct job *j = &f->job;
	struct uids known = { .list = NULL };
	catalogue_uids(f->catalogue, j->box->name, collect, &known);
	if (known.count > 0)
		qsort(known.list, known.count, sizeof *known.list, compare_uids);
	bool *met = calloc(known.count + 1, sizeof *met);
	for (size_t i = 0; met && i < glance_count(j->glance); i++) {
		struct mail_info info;
		glance_info(j->glance, i, &info);
		const void *at = known.count > 0
		                         ? bsearch(info.uid, known.list, known.count, sizeof *known.list, compare_uids)
		                         : NULL;
		if (at)
			met[(const char(*)[STORE_UID_MAX])at - known.list] = true;
		else
			j->todo[j->count++] = i;
	}
	if (met && !known.failed)
		remove_missing(f, &known, met);
	bool ok = met && !known.failed;
	free(met);
	free(known.list);
	return ok;
}

static bool begin_job(struct follow *f, struct box *b)
{
	struct fault why;
	struct job *j = &f->job;
	*j = (struct job){ .box = b, .glance = glance_open(f->root, f->mailbox, b->name, &why) };
	size_t count = j->glance ? glance_count(j->glance) : 0;
	j->todo = j->glance ? calloc(count + 1, sizeof *j->todo) : NULL;
	if (!j->todo) {
		if (!j->glance)
			log_info("inbox %s: %s", b->name, why.text);
		end_job(f);
		return false;
	}
	bool ok = true;
	catalogue_begin(f->catalogue);
	if (only_added(b, j->glance)) {
		for (size_t i = b->count; i < count; i++)
			j->todo[j->count++] = i;
	} else {
		ok = compare_all(f);
	}
	catalogue_commit(f->catalogue);
	if (!ok)
		end_job(f);
	return ok;
}

static bool waits(const struct follow *f, size_t i)
{
	const struct job *j = &f->job;
	struct mail_info info;
	int64_t age = text_now() - glance_taken(j->glance)->mail.modified / (1000 * 1000);
	if (!f->listener.is_known || age >= WORD_MS || age < 0)
		return false;
	glance_info(j->glance, i, &info);
	return !f->listener.is_known(f->listener.owner, j->box->name, info.uid);
}

static void take_mail(struct follow *f, size_t i)
{
	struct job *j = &f->job;
	struct fault why;
	struct mail_info info;
	struct digest digest;
	struct buf mail;
	buf_init(&mail, (size_t)2 * DIGEST_MAIL_MAX);
	digest_init(&digest);
	glance_info(j->glance, i, &info);
	/* One that cannot be read or taken apart stands in the list all the same. */
	if (mail_text_read(j->glance, i, DIGEST_MAIL_MAX, &mail, &why))
		digest_make(&digest, buf_slice(&mail));
	const struct catalogue_entry entry = { j->box->name, info.uid, info.octets, &digest };
	int64_t row = catalogue_add(f->catalogue, &entry);
	if (row && j->count <= SINGLE_MAX)
		f->listener.added(f->listener.owner, row);
	digest_release(&digest);
	buf_release(&mail);
}

static void finish_job(struct follow *f)
{
	struct job *j = &f->job;
	bool many = j->count > SINGLE_MAX || j->removed;
	if (!j->early) {
		j->box->stamp = *glance_taken(j->glance);
		j->box->count = glance_count(j->glance);
		catalogue_set_inbox(f->catalogue, j->box->name, &j->box->stamp, j->box->count);
	}
	if (many)
		f->listener.changed(f->listener.owner, j->box->name);
	f->hurried = f->hurried || j->early;
	end_job(f);
}

static void work(struct follow *f)
{
	int64_t until = clock_ms() + SLICE_MS;
	catalogue_begin(f->catalogue);
	while (f->job.at < f->job.count && !f->job.early && clock_ms() < until) {
		f->job.early = waits(f, f->job.todo[f->job.at]);
		if (!f->job.early)
			take_mail(f, f->job.todo[f->job.at++]);
	}
	if (f->job.at == f->job.count || f->job.early)
		finish_job(f);
	catalogue_commit(f->catalogue);
}

/* ---- looking ---- */

static bool has_changed(const struct follow *f, const struct box *b)
{
	struct glance_stamp now;
	struct fault ignored;
	return glance_stamp(f->root, f->mailbox, b->name, &now, &ignored) && !glance_same(&now, &b->stamp);
}

static void look_at(struct follow *f, struct box *b)
{
	b->urgent = false;
	if (has_changed(f, b))
		begin_job(f, b);
}

static bool look_at_urgent(struct follow *f)
{
	f->urgent = false;
	for (size_t i = 0; i < f->count; i++) {
		if (!f->boxes[i]->urgent)
			continue;
		look_at(f, f->boxes[i]);
		if (f->job.box) {
			f->urgent = true;
			return true;
		}
	}
	return false;
}

/* Some of the round. */
static void look_around(struct follow *f)
{
	for (int n = 0; n < LOOKS_AT_ONCE && f->next < f->count && !f->job.box; n++)
		look_at(f, f->boxes[f->next++]);
	if (f->next < f->count || f->job.box)
		return;
	f->ready = true;
	f->next = 0;
	f->round_at = clock_ms() + (f->hurried ? WORD_MS / 2 : LOOK_EVERY_MS);
	f->hurried = false;
}

int follow_step(struct follow *f)
{
	int64_t now = clock_ms();
	if (f->job.box)
		work(f);
	else if (f->urgent && look_at_urgent(f))
		return 0;
	else if (now >= f->list_at && f->next == 0) {
		list_inboxes(f);
		f->list_at = now + LIST_EVERY_MS;
	} else if (now >= f->round_at)
		look_around(f);
	else
		return (int)(f->round_at - now);
	return 0;
}

void follow_look(struct follow *f, const char *inbox)
{
	struct box *b = find_box(f, inbox);
	if (!b && !f->job.box && strlen(inbox) <= NAME_MAX_OCTETS && inbox[0] != '.' && !strchr(inbox, '/'))
		b = add_box(f, inbox);
	if (b)
		b->urgent = true;
	f->urgent = true;
}

bool follow_ready(const struct follow *f)
{
	return f->ready;
}

struct follow *follow_new(struct catalogue *c, int root, const char *mailbox, const struct follow_listener *listener)
{
	struct follow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	*f = (struct follow){ .catalogue = c, .root = root, .mailbox = mailbox, .listener = *listener };
	catalogue_inboxes(c, adopt, f);
	return f;
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	end_job(f);
	for (size_t i = 0; i < f->count; i++)
		free(f->boxes[i]);
	free(f->boxes);
	free(f);
}
