/*
 * undelete: marks are taken back, in one batch; then an index that knows. See undelete.h.
 */
#include "store/undelete.h"

#include <stdlib.h>

#include "store/kept.h"

struct taking_back {
	const struct undelete *wish;
	struct kept kept;
	struct mark *marks;
	size_t count;
	uint64_t length; /* octets of the file */
};

static bool is_next(const struct taking_back *t, const struct uid *id)
{
	const struct uid *next = &t->wish->ids[t->count];
	return t->count < t->wish->count && next->ordinal == id->ordinal &&
	       memcmp(next->hash, id->hash, DRAFT_HASH) == 0;
}

/* What of the index's mails comes back: its mark goes to the list, and in the new index it is alive. */
static bool index_anew(struct taking_back *t, const struct mailbox *m, struct index_maker *to)
{
	struct index_walk walk;
	const struct index_record *r;
	bool failed = false;
	size_t dead = 0;
	index_walk_init(&walk, m->index.fd, m->index.head.count);
	while ((r = index_walk_next(&walk, &failed)) != NULL) {
		struct index_record now = *r;
		const struct mark *mark = r->flags & INDEX_DEAD ? kept_mark(&t->kept, dead++, t->wish->now) : NULL;
		if (mark && is_next(t, &r->id)) {
			t->marks[t->count++] = *mark;
			t->length += index_end(r) - r->offset;
			now.flags &= ~(uint32_t)INDEX_DEAD;
		}
		index_maker_add(to, &now);
	}
	return !failed;
}

static bool may_come_back(const struct taking_back *t, const struct mailbox *m, struct fault *why)
{
	const struct undelete *u = t->wish;
	uint64_t live = m->look.size - m->index.head.dead_length;
	if (t->count < u->count)
		return fault_set(why, FAULT_PERMANENT, "not all of these mails can be taken back any more");
	if (u->quota == 0 || (live <= u->quota && t->length <= u->quota - live))
		return true;
	return fault_set(why, FAULT_QUOTA, "%s/%s would be over its quota", m->user, m->place->mail);
}

/* Readers that go by the old index see the mailbox as it was; who comes later, a new one. */
static void put_index_in_place(struct mailbox *m, struct index_maker *maker)
{
	struct fault ignored;
	uint64_t deleted_size;
	if (!mailbox_deleted_size(m, &deleted_size, &ignored)) {
		index_maker_abandon(maker);
		mailbox_drop_index(m);
		return;
	}
	index_close(&m->index);
	if (!index_maker_finish(maker, &m->look, deleted_size, &m->index, &ignored))
		mailbox_drop_index(m);
}

static bool take_back(struct taking_back *t, struct mailbox *m, struct fault *why)
{
	struct index_maker maker;
	index_maker_init(&maker, m->dir, m->place->index);
	maker.index.head.gone = m->index.head.gone;
	bool good = index_anew(t, m, &maker) ||
	            fault_set(why, FAULT_TEMPORARY, "the index of %s/%s cannot be read", m->user, m->place->mail);
	if (!good || !may_come_back(t, m, why) ||
	    !marks_take_back(m->dir, m->place->deleted, t->marks, t->count, why)) {
		index_maker_abandon(&maker);
		return false;
	}
	put_index_in_place(m, &maker);
	return true;
}

bool undelete_mails(struct mailbox *m, const struct undelete *wish, struct fault *why)
{
	struct taking_back t = { .wish = wish };
	if (wish->count == 0)
		return true;
	if (!kept_load(&t.kept, m, why))
		return false;
	t.marks = calloc(t.kept.count + 1, sizeof *t.marks);
	bool good = t.marks ? take_back(&t, m, why) : fault_set(why, FAULT_TEMPORARY, "out of memory");
	free(t.marks);
	kept_release(&t.kept);
	return good;
}
