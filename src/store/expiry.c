/*
 * expiry: chooses by the index alone, and has store/removal do it. See expiry.h.
 */
#include "store/expiry.h"

#include <errno.h>
#include <stdlib.h>

#include "store/kept.h"
#include "store/recover.h"
#include "store/removal.h"

static void be_due(struct store_expiry *e, int64_t when)
{
	if (when < e->next)
		e->next = when;
}

/* The oldest stand first. `live`: octets of the file that live before this one is looked at. */
static bool goes(struct store_expiry *e, const struct index_record *r, uint64_t live)
{
	if ((e->age > 0 && r->received + e->age <= e->now) || (e->size > 0 && live > e->size))
		return true;
	if (e->age > 0)
		be_due(e, r->received + e->age);
	return false;
}

/* False: the index cannot be read. */
static bool choose(const struct mailbox *m, struct store_expiry *e, unsigned char *marks)
{
	uint64_t live = m->look.size - m->index.head.dead_length;
	struct index_walk walk;
	const struct index_record *r;
	bool failed = false;
	size_t i = 0;
	e->removed = 0;
	e->octets = 0;
	index_walk_init(&walk, m->index.fd, m->index.head.count);
	while ((r = index_walk_next(&walk, &failed)) != NULL) {
		if (r->flags & INDEX_DEAD)
			continue;
		if (goes(e, r, live)) {
			marks[i / 8] |= (unsigned char)(1U << (i % 8));
			live -= index_end(r) - r->offset;
			e->removed++;
			e->octets += r->octets;
		}
		i++;
	}
	return !failed;
}

static bool remove_chosen(struct mailbox *m, struct store_expiry *e, const unsigned char *marks, struct fault *why)
{
	const struct removal_terms terms = { .now = e->now };
	size_t live = (size_t)(m->index.head.count - m->index.head.dead);
	if (e->removed == 0 || removal_commit(m, marks, live, &terms, why))
		return true;
	e->removed = 0;
	e->octets = 0;
	return false;
}

static bool remove_old(struct mailbox *m, struct store_expiry *e, struct fault *why)
{
	if (e->age == 0 && e->size == 0)
		return true;
	if (!index_whole(&m->index) && !recover_index(m, why))
		return false;
	unsigned char *marks = calloc(m->index.head.count / 8 + 1, 1);
	if (!marks)
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	bool good = choose(m, e, marks);
	if (!good)
		fault_set(why, FAULT_TEMPORARY, "the index of %s/%s cannot be read", m->user, m->place->mail);
	good = good && remove_chosen(m, e, marks, why);
	free(marks);
	return good;
}

/* When the first of those that are kept will be over. */
static bool look_at_kept(const struct mailbox *m, struct store_expiry *e, struct fault *why)
{
	struct kept kept;
	if (m->index.fd < 0) { /* it could not be written: the next look will make it */
		be_due(e, e->now + 1);
		return true;
	}
	if (!kept_load(&kept, m, why))
		return false;
	for (size_t i = 0; i < kept.count; i++) {
		const struct mark *mark = kept_mark(&kept, i, e->now);
		if (mark)
			be_due(e, mark->until);
	}
	kept_release(&kept);
	return true;
}

bool expiry_sweep(const struct mailbox_place *place, const char *user, struct store_expiry *e, struct fault *why)
{
	struct mailbox m;
	e->there = false;
	e->removed = 0;
	e->octets = 0;
	e->next = INT64_MAX;
	if (!mailbox_open_there(&m, place, user, why))
		return why->error == ENOENT;
	e->there = true;
	bool good = mailbox_hold_alone(&m, why);
	if (good) {
		good = m.mail < 0 ||
		       (remove_old(&m, e, why) && removal_tidy(&m, e->now, why) && look_at_kept(&m, e, why));
		mailbox_let(&m);
	}
	mailbox_close(&m);
	return good;
}
