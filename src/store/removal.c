/*
 * removal: cut, rewrite or mark. Reads the index only, which the write lock's holder has found to be good; never removes a mail that is not
 * marked. See removal.h.
 */
#include "store/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/kept.h"
#include "store/recover.h"
#include "store/store.h"

/* What becomes of a mail. */
enum fate { STAYS, GOES, IS_KEPT, IS_GONE };

enum { BLOCK = 256 }; /* records */

/* A block of the index in which something goes: it alone is read again. */
struct touched {
	uint64_t first; /* record */
	size_t live;    /* live mails before it */
};

/* What a removal comes to. */
struct plan {
	const unsigned char *marks; /* NULL: nothing but what is gone for good already */
	size_t count;
	int64_t now;
	struct kept kept;
	size_t removed;          /* live mails that go */
	uint64_t removed_length; /* … octets of the file */
	uint64_t keep_length;    /* octets of the file that a rewrite copies */
	uint64_t gone_length;    /* … that are for good gone already */
	uint64_t first_removed;  /* where the first removed mail begins */
	bool tail;               /* nothing live stands behind it, and nothing dead either */
	struct touched *touched;
	size_t touched_count;
	size_t touched_cap;
};

/* Walks over all records and says what becomes of each. */
struct going {
	struct index_walk walk;
	const struct plan *plan;
	size_t live;             /* live mails met so far … */
	size_t dead;             /* … and dead ones */
	const struct mark *mark; /* of the mail, where it IS_KEPT */
	bool failed;
};

static void going_init(struct going *g, const struct mailbox *m, const struct plan *plan)
{
	*g = (struct going){ .plan = plan };
	index_walk_init(&g->walk, m->index.fd, m->index.head.count);
}

static bool goes(const struct plan *p, size_t live)
{
	return p->marks && live < p->count && store_marked(p->marks, live);
}

static struct index_record *going_next(struct going *g, enum fate *fate)
{
	const struct plan *p = g->plan;
	struct index_record *r = index_walk_next(&g->walk, &g->failed);
	if (!r)
		return NULL;
	if (r->flags & INDEX_DEAD) {
		g->mark = kept_mark(&p->kept, g->dead++, p->now);
		*fate = g->mark ? IS_KEPT : IS_GONE;
	} else {
		*fate = goes(p, g->live++) ? GOES : STAYS;
	}
	return r;
}

static bool index_fault(const struct mailbox *m, struct fault *why)
{
	return fault_set(why, FAULT_TEMPORARY, "the index of %s/%s cannot be read", m->user, m->place->mail);
}

static void plan_mail(struct plan *p, const struct index_record *r, enum fate fate)
{
	uint64_t length = index_end(r) - r->offset;
	if (fate == GOES && p->removed++ == 0)
		p->first_removed = r->offset;
	p->tail = p->tail && (fate == GOES || p->removed == 0);
	p->removed_length += fate == GOES ? length : 0;
	p->keep_length += fate == STAYS || fate == IS_KEPT ? length : 0;
	p->gone_length += fate == IS_GONE ? length : 0;
}

static bool touch(struct plan *p, const struct touched *block)
{
	size_t n = p->touched_count;
	if (n > 0 && p->touched[n - 1].first == block->first)
		return true;
	if (n == p->touched_cap) {
		size_t cap = n > 0 ? n * 2 : 16;
		struct touched *more = realloc(p->touched, cap * sizeof *more);
		if (!more)
			return false;
		p->touched = more;
		p->touched_cap = cap;
	}
	p->touched[p->touched_count++] = *block;
	return true;
}

/* False: memory is out. */
static bool plan_all(struct plan *p, struct going *g)
{
	struct index_record *r;
	enum fate fate;
	struct touched block = { .first = 0 };
	p->tail = true;
	for (uint64_t i = 0;; i++) {
		if (i % BLOCK == 0)
			block = (struct touched){ .first = i, .live = g->live };
		if ((r = going_next(g, &fate)) == NULL)
			return true;
		plan_mail(p, r, fate);
		if (fate == GOES && !touch(p, &block))
			return false;
	}
}

static bool try_plan(const struct mailbox *m, struct plan *p, struct fault *why)
{
	struct going g;
	if (!kept_load(&p->kept, m, why))
		return false;
	going_init(&g, m, p);
	if (!plan_all(p, &g))
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	return !g.failed || index_fault(m, why);
}

static void end_plan(struct plan *p)
{
	kept_release(&p->kept);
	free(p->touched);
}

/* Nothing is changed yet: where the index is damaged, another one tells of the same mails. */
static bool make_plan(struct mailbox *m, struct plan *p, struct fault *why)
{
	const struct plan wish = *p;
	if (try_plan(m, p, why))
		return true;
	if (index_whole(&m->index))
		return false;
	end_plan(p);
	*p = wish;
	return recover_index(m, why) && try_plan(m, p, why);
}

/* ---- cut ---- */

static void forget_tail(struct mailbox *m, const struct plan *p)
{
	/* The header's sums are made anew from what stays; the removed ids are remembered. */
	struct index_header *h = &m->index.head;
	struct uid_gone gone = h->gone;
	struct index_header kept = { .count = 0 };
	struct going g;
	struct index_record *r;
	enum fate fate;
	going_init(&g, m, p);
	while ((r = going_next(&g, &fate)) != NULL) {
		if (fate == GOES) {
			uid_gone_add(&gone, &r->id);
			continue;
		}
		index_count(&kept, r);
	}
	*h = kept;
	h->gone = gone;
	if (g.failed)
		mailbox_drop_index(m);
	else
		mailbox_describe(m);
}

/* The last append's note was closed without a sync. One that was torn gives way to a whole one: with part of the next it could be the open one again. */
static bool settle_note(struct mailbox *m, const struct plan *p, struct fault *why)
{
	struct append_note note;
	if (!mailbox_read_note(m, &note, why))
		return false;
	if (note.length == 0)
		return mailbox_close_note(m, &note, why);
	bool cuts_it = note.inode == m->look.inode && note.birth == m->look.birth &&
	               note.offset + note.length > p->first_removed;
	return !cuts_it || mailbox_settle_note(m, &note, why);
}

static bool cut_tail(struct mailbox *m, const struct plan *p, struct fault *why)
{
	if (!settle_note(m, p, why))
		return false;
	if (ftruncate(m->mail, (off_t)p->first_removed) != 0 || !file_sync(m->mail))
		return fault_errno(why, "cannot cut %s/%s", m->user, m->place->mail);
	forget_tail(m, p);
	return true;
}

/* ---- rewrite ---- */

/* What stays is copied in runs, as long as they come. */
struct rewrite {
	struct mailbox *m;
	int to;
	uint64_t run_at; /* of the run under way, in the old file */
	uint64_t run_length;
	uint64_t written; /* of the new file */
	struct index_maker maker;
	struct mark *marks; /* of the kept mails, where they stand there */
	size_t marks_count;
};

static bool copy_run(struct rewrite *w)
{
	bool copied = w->run_length == 0 || file_copy(w->m->mail, (off_t)w->run_at, w->to,
	                                              (off_t)(w->written - w->run_length), w->run_length);
	w->run_length = 0;
	return copied;
}

static void keep_mark(struct rewrite *w, const struct mark *mark)
{
	struct mark *moved = &w->marks[w->marks_count++];
	*moved = *mark;
	moved->offset = w->written;
}

static bool keep_mail(struct rewrite *w, const struct index_record *r)
{
	struct index_record moved = *r;
	uint64_t length = index_end(r) - r->offset;
	if (w->run_at + w->run_length != r->offset) {
		if (!copy_run(w))
			return false;
		w->run_at = r->offset;
	}
	moved.offset = w->written;
	w->run_length += length;
	w->written += length;
	index_maker_add(&w->maker, &moved);
	return true;
}

static bool copy_kept(struct rewrite *w, const struct plan *p)
{
	struct going g;
	struct index_record *r;
	enum fate fate;
	bool good = true;
	going_init(&g, w->m, p);
	while (good && (r = going_next(&g, &fate)) != NULL) {
		if (fate == IS_KEPT)
			keep_mark(w, g.mark);
		if (fate == STAYS || fate == IS_KEPT)
			good = keep_mail(w, r);
		else
			uid_gone_add(&w->maker.index.head.gone, &r->id);
	}
	if (g.failed)
		errno = EIO;
	return good && !g.failed && copy_run(w);
}

/* Nobody but an editor changes the file while we hold its lock; if one did, its work is not to be replaced by ours. */
static bool still_the_same(const struct mailbox *m)
{
	struct file_look now;
	if (!file_look_at(m->dir, m->place->mail, &now))
		return false;
	bool same = file_same(&now, &m->look) && now.size == m->look.size && now.modified == m->look.modified;
	errno = same ? errno : EBUSY;
	return same;
}

/* From the rename on the removal has happened. */
static bool put_in_place(struct rewrite *w, struct fault *why)
{
	struct mailbox *m = w->m;
	struct file_look fresh;
	if (!file_sync_whole(w->to) || !file_look(w->to, &fresh) || !still_the_same(m))
		return fault_errno(why, "cannot rewrite %s/%s", m->user, m->place->mail);
	if (!marks_name_successor(m->dir, m->place->deleted, &fresh, w->marks, w->marks_count, why))
		return false;
	if (renameat(m->dir, m->place->fresh, m->dir, m->place->mail) != 0 || !file_sync_directory(m->dir))
		return fault_errno(why, "cannot replace %s/%s", m->user, m->place->mail);
	return true;
}

/* What fails from here on is found by the next holder: marks of a file that was replaced are void, an index is made anew. */
static void take_over(struct rewrite *w)
{
	struct mailbox *m = w->m;
	struct fault ignored;
	uint64_t deleted_size;
	file_close(m->mail);
	m->mail = w->to;
	index_close(&m->index);
	if (!marks_succeed(m->dir, m->place->deleted, w->marks_count, &ignored) || !file_look(m->mail, &m->look) ||
	    !mailbox_deleted_size(m, &deleted_size, &ignored))
		index_maker_abandon(&w->maker);
	else if (index_maker_finish(&w->maker, &m->look, deleted_size, &m->index, &ignored))
		return;
	mailbox_drop_index(m);
}

/* The new file is as open to others as the old one was. Where we may not give it to the old one's owner, it stays ours. */
static void keep_access(const struct mailbox *m, int to)
{
	struct stat old;
	if (fstat(m->mail, &old) != 0)
		return;
	(void)!fchown(to, old.st_uid, old.st_gid);
	fchmod(to, old.st_mode & 0777);
}

static bool rewrite_to(struct rewrite *w, const struct plan *p, struct fault *why)
{
	struct mailbox *m = w->m;
	unlinkat(m->dir, m->place->fresh, 0);
	w->to = file_open(m->dir, m->place->fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (w->to < 0)
		return fault_errno(why, "cannot make %s/%s", m->user, m->place->fresh);
	keep_access(m, w->to);
	index_maker_init(&w->maker, m->dir, m->place->index);
	w->maker.index.head.gone = m->index.head.gone;
	bool good = copy_kept(w, p) || fault_errno(why, "cannot write %s/%s", m->user, m->place->fresh);
	if (good && put_in_place(w, why)) {
		take_over(w);
		return true;
	}
	index_maker_abandon(&w->maker);
	unlinkat(m->dir, m->place->fresh, 0);
	file_close(w->to);
	return false;
}

static bool rewrite(struct mailbox *m, const struct plan *p, struct fault *why)
{
	struct rewrite w = { .m = m, .marks = calloc(p->kept.count + 1, sizeof *w.marks) };
	bool rewritten = w.marks ? rewrite_to(&w, p, why) : fault_set(why, FAULT_TEMPORARY, "out of memory");
	free(w.marks);
	return rewritten;
}

/* ---- mark ---- */

/* What is done with each record that goes. */
struct visit {
	void (*take)(struct visit *v, struct index_record *r);
	bool changes; /* the records are written again */
	struct index_header *head;
	struct mark *next;
	int64_t until;
};

static bool visit_block(struct mailbox *m, const struct plan *p, const struct touched *t, struct visit *v)
{
	struct index_record block[BLOCK];
	uint64_t left = m->index.head.count - t->first;
	size_t n = left < BLOCK ? (size_t)left : BLOCK;
	size_t live = t->live;
	if (!index_read(m->index.fd, t->first, block, n, true))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!(block[i].flags & INDEX_DEAD) && goes(p, live++))
			v->take(v, &block[i]);
	}
	return !v->changes || index_write(&m->index, t->first, block, n);
}

static bool visit_all(struct mailbox *m, const struct plan *p, struct visit *v)
{
	for (size_t i = 0; i < p->touched_count; i++) {
		if (!visit_block(m, p, &p->touched[i], v))
			return false;
	}
	return true;
}

static void note_mark(struct visit *v, struct index_record *r)
{
	*v->next = (struct mark){ .offset = r->offset, .until = v->until };
	memcpy(v->next->hash, r->id.hash, DRAFT_HASH);
	v->next++;
}

static struct mark *list_marks(struct mailbox *m, const struct plan *p, int64_t until)
{
	struct mark *list = calloc(p->removed, sizeof *list);
	struct visit v = { .take = note_mark, .next = list, .until = until };
	if (list && visit_all(m, p, &v))
		return list;
	free(list);
	return NULL;
}

static void kill_record(struct visit *v, struct index_record *r)
{
	r->flags |= INDEX_DEAD;
	v->head->dead++;
	v->head->dead_length += index_end(r) - r->offset;
	v->head->live_octets -= r->octets;
}

static bool flag_dead(struct mailbox *m, const struct plan *p)
{
	struct visit v = { .take = kill_record, .changes = true, .head = &m->index.head };
	return visit_all(m, p, &v);
}

/* `until`: 0, or when they can no longer be taken back. */
static bool mark(struct mailbox *m, const struct plan *p, int64_t until, struct fault *why)
{
	struct mark *list = list_marks(m, p, until);
	if (!list)
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	bool marked = marks_add(m->dir, m->place->deleted, list, p->removed, why);
	free(list);
	if (!marked)
		return false;
	if (flag_dead(m, p))
		mailbox_describe(m);
	else
		mailbox_drop_index(m);
	return true;
}

/* ---- */

static bool commit(struct mailbox *m, const struct plan *p, const struct removal_terms *terms, struct fault *why)
{
	if (p->removed == 0)
		return true;
	if (terms->undelete > 0 && (terms->most == 0 || m->index.head.dead_length + p->removed_length <= terms->most))
		return mark(m, p, terms->now + terms->undelete, why);
	if (p->tail && mailbox_ends_well(m))
		return cut_tail(m, p, why);
	if (p->keep_length <= REMOVAL_REWRITE_MAX && mailbox_ends_well(m))
		return rewrite(m, p, why);
	return mark(m, p, 0, why);
}

bool removal_commit(struct mailbox *m, const unsigned char *marks, size_t count, const struct removal_terms *terms,
                    struct fault *why)
{
	struct plan p = { .marks = marks, .count = count, .now = terms->now };
	bool removed = make_plan(m, &p, why) && commit(m, &p, terms, why);
	end_plan(&p);
	return removed;
}

static bool is_worth_while(const struct mailbox *m, const struct plan *p)
{
	return p->gone_length > 0 && (p->keep_length <= REMOVAL_REWRITE_MAX || p->gone_length * 2 >= m->look.size);
}

bool removal_tidy(struct mailbox *m, int64_t now, struct fault *why)
{
	struct plan p = { .now = now };
	if (m->mail < 0 || m->index.fd < 0 || m->index.head.dead == 0 || !mailbox_ends_well(m))
		return true;
	bool tidied = make_plan(m, &p, why) && (!is_worth_while(m, &p) || rewrite(m, &p, why));
	end_plan(&p);
	return tidied;
}
