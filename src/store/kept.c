/*
 * kept: the index's dead mails, and the marks that made them so. See kept.h.
 */
#include "store/kept.h"

#include <stdlib.h>

/* By hash and place or, in the second round, by hash alone: as the index was made (store/recover). */
static bool find_marks(struct kept *k, const struct mailbox *m, bool anywhere)
{
	struct index_walk walk;
	const struct index_record *r;
	bool failed = false;
	size_t n = 0;
	index_walk_init(&walk, m->index.fd, m->index.head.count);
	while (n < k->count && (r = index_walk_next(&walk, &failed)) != NULL) {
		if (!(r->flags & INDEX_DEAD))
			continue;
		if (!k->of[n])
			k->of[n] = anywhere ? marks_hit_anywhere(&k->marks, r->id.hash)
			                    : marks_hit(&k->marks, r->id.hash, r->offset);
		n++;
	}
	return !failed;
}

bool kept_load(struct kept *k, const struct mailbox *m, struct fault *why)
{
	struct marks_file file;
	*k = (struct kept){ .count = m->mail < 0 ? 0 : (size_t)m->index.head.dead };
	if (k->count == 0)
		return true;
	if (!marks_read(&k->marks, &file, m->dir, m->place->deleted, &m->look, why))
		return false;
	k->of = calloc(k->count, sizeof(void *));
	bool good =
	        k->of && find_marks(k, m, false) && (k->marks.met_count == k->marks.count || find_marks(k, m, true));
	if (good)
		return true;
	fault_set(why, FAULT_TEMPORARY, k->of ? "the index cannot be read" : "out of memory");
	kept_release(k);
	return false;
}

void kept_release(struct kept *k)
{
	free(k->of);
	marks_release(&k->marks);
	*k = (struct kept){ .count = 0 };
}
