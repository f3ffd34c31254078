/*
 * glance: the index's records in memory where it fits the mailbox, else a scan of the mailbox. See glance.h.
 */
#include "store/glance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/fence.h"
#include "store/mailbox.h"
#include "store/marks.h"
#include "store/scan.h"

enum {
	TRIES = 5,
	PAUSE_MS = 4, /* between them: as long as an append takes at most from the mailbox to its index */
	NAME_SIZE = MAILBOX_NAME_MAX + 16,
};

struct glance {
	int dir;
	int mail; /* -1: there is none */
	char name[NAME_SIZE];
	char index[NAME_SIZE];
	char deleted[NAME_SIZE];
	struct glance_stamp stamp;
	struct index_record *records; /* live ones */
	size_t count;
	size_t room;
	struct uid_gone gone;
};

/* ---- the files ---- */

static bool set_names(struct glance *g, const char *mailbox)
{
	int n = snprintf(g->name, sizeof g->name, "%s", mailbox);
	snprintf(g->index, sizeof g->index, ".%s.index", mailbox);
	snprintf(g->deleted, sizeof g->deleted, ".%s.deleted", mailbox);
	return n > 0 && n <= MAILBOX_NAME_MAX;
}

static bool look_at(int dir, const char *name, struct file_look *look)
{
	*look = (struct file_look){ 0 };
	return file_look_at(dir, name, look) || errno == ENOENT;
}

static bool look_around(struct glance *g, struct fault *why)
{
	struct file_look deleted;
	g->stamp = (struct glance_stamp){ 0 };
	if (g->dir < 0)
		return true;
	if (!look_at(g->dir, g->name, &g->stamp.mail) || !look_at(g->dir, g->deleted, &deleted) ||
	    !look_at(g->dir, g->index, &g->stamp.lineage))
		return fault_errno(why, "cannot look at the mailbox");
	g->stamp.deleted_size = deleted.size;
	return true;
}

/* A directory that is not there is no fault. */
static bool open_directory(struct glance *g, int root, const char *user, struct fault *why)
{
	g->dir = file_open(root, user, O_RDONLY | O_DIRECTORY, 0);
	return g->dir >= 0 || errno == ENOENT || fault_errno(why, "cannot open the directory of %s", user);
}

bool glance_stamp(int root, const char *mailbox, const char *user, struct glance_stamp *stamp, struct fault *why)
{
	struct glance g = { .dir = -1 };
	bool ok = set_names(&g, mailbox) && open_directory(&g, root, user, why) && look_around(&g, why);
	*stamp = g.stamp;
	file_close(g.dir);
	return ok;
}

bool glance_same(const struct glance_stamp *a, const struct glance_stamp *b)
{
	return file_same(&a->mail, &b->mail) && a->mail.size == b->mail.size && a->mail.modified == b->mail.modified &&
	       a->mail.changed == b->mail.changed && a->deleted_size == b->deleted_size;
}

/* ---- the records ---- */

static bool add(struct glance *g, const struct index_record *r)
{
	if (g->count == g->room) {
		size_t room = g->room > 0 ? g->room * 2 : 256;
		struct index_record *more = realloc(g->records, room * sizeof *more);
		if (!more)
			return false;
		g->records = more;
		g->room = room;
	}
	g->records[g->count++] = *r;
	return true;
}

/* Dead ones count for the ordinals, so they are taken, too, and go in the end. */
static bool read_index(struct glance *g)
{
	struct index ix;
	struct index_walk walk;
	struct index_record *r;
	bool failed = false;
	if (!index_open_to_read(&ix, g->dir, g->index))
		return false;
	bool good =
	        index_fits(&ix, &g->stamp.mail, g->stamp.deleted_size) && (index_of_this_boot(&ix) || index_whole(&ix));
	g->gone = ix.head.gone;
	index_walk_init(&walk, ix.fd, ix.head.count);
	while (good && (r = index_walk_next(&walk, &failed)) != NULL)
		good = add(g, r);
	good = good && !failed && file_look(ix.fd, &g->stamp.lineage);
	index_close(&ix);
	return good;
}

static bool take_scanned(void *owner, const struct scan_mail *mail)
{
	struct index_record r = { .offset = mail->offset,
		                  .length = mail->length,
		                  .octets = mail->octets,
		                  .divider = (uint32_t)(mail->end - mail->offset - mail->length),
		                  .id.ordinal = UID_UNNUMBERED };
	memcpy(r.id.hash, mail->hash, sizeof r.id.hash);
	return add(owner, &r);
}

/* No session and no delivery has been at it since somebody else changed it. What is marked as deleted only they can tell. */
static bool scan_mails(struct glance *g, struct fault *why)
{
	struct scan s = { .fd = g->mail, .size = g->stamp.mail.size, .mail = take_scanned, .owner = g };
	if (g->stamp.deleted_size > MARKS_HEAD)
		return fault_set(why, FAULT_TEMPORARY, "%s is being changed, or waits for its next session", g->name);
	g->count = 0;
	g->gone = (struct uid_gone){ 0 };
	g->stamp.lineage = (struct file_look){ 0 };
	return scan_file(&s, why);
}

static bool number(struct glance *g)
{
	struct uid *ids = calloc(g->count + 1, sizeof *ids);
	for (size_t i = 0; ids && i < g->count; i++)
		ids[i] = g->records[i].id;
	bool ok = ids && uid_number(ids, g->count, &g->gone);
	size_t live = 0;
	for (size_t i = 0; ok && i < g->count; i++) {
		g->records[live] = g->records[i];
		g->records[live].id = ids[i];
		live += g->records[i].flags & INDEX_DEAD ? 0 : 1;
	}
	g->count = live;
	free(ids);
	return ok;
}

/* ---- a look ---- */

/* The mailbox as it is now, and its index if that describes it. */
static bool try_once(struct glance *g, struct fault *why)
{
	file_close(g->mail);
	g->mail = -1;
	g->count = 0;
	if (!look_around(g, why) || g->stamp.mail.inode == 0)
		return g->stamp.mail.inode == 0;
	g->mail = file_open(g->dir, g->name, O_RDONLY | O_NONBLOCK, 0);
	struct file_look opened;
	if (g->mail < 0 || !file_look(g->mail, &opened) || !S_ISREG(opened.mode))
		return fault_set(why, FAULT_TEMPORARY, "%s cannot be read", g->name);
	return (file_same(&opened, &g->stamp.mail) && read_index(g)) ||
	       fault_set(why, FAULT_TEMPORARY, "%s is being changed", g->name);
}

static bool look(struct glance *g, struct fault *why)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000L * 1000 };
	for (int i = 0; i < TRIES; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		if (try_once(g, why))
			return true;
	}
	return g->mail >= 0 && scan_mails(g, why);
}

struct glance *glance_open(int root, const char *mailbox, const char *user, struct fault *why)
{
	struct glance *g = calloc(1, sizeof *g);
	if (!g) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
		return NULL;
	}
	g->dir = -1;
	g->mail = -1;
	fault_set(why, FAULT_TEMPORARY, "out of memory");
	if (set_names(g, mailbox) && open_directory(g, root, user, why) && look(g, why) && number(g))
		return g;
	glance_close(g);
	return NULL;
}

void glance_close(struct glance *g)
{
	if (!g)
		return;
	file_close(g->dir);
	file_close(g->mail);
	free(g->records);
	free(g);
}

const struct glance_stamp *glance_taken(const struct glance *g)
{
	return &g->stamp;
}

size_t glance_count(const struct glance *g)
{
	return g->count;
}

void glance_info(const struct glance *g, size_t i, struct mail_info *info)
{
	const struct index_record *r = &g->records[i];
	info->octets = r->octets;
	info->stored = r->length;
	uid_format(&r->id, info->uid);
}

size_t glance_find(const struct glance *g, const char *uid)
{
	struct mail_info info;
	for (size_t i = 0; i < g->count; i++) {
		glance_info(g, i, &info);
		if (strcmp(info.uid, uid) == 0)
			return i;
	}
	return g->count;
}

bool glance_read(const struct glance *g, size_t i, struct store_span *span, struct fault *why)
{
	return fence_read(g->mail, &g->records[i], span, true) == STORE_GOT ||
	       fault_set(why, FAULT_TEMPORARY, "%s was changed by another program", g->name);
}
