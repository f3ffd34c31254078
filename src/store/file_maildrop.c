/*
 * file_maildrop: lock, snapshot, reading, numbering and the way to a removal. The snapshot's descriptors are its own, so that it stays as it
 * was whatever happens behind the path. See file_maildrop.h.
 */
#include "store/file_maildrop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/fence.h"
#include "store/kept.h"
#include "store/recover.h"
#include "store/removal.h"
#include "store/undelete.h"
#include "store/window.h"

enum { RECORDS_AHEAD = 32 };

struct file_maildrop {
	struct maildrop base;
	const struct store *store;
	bool looks;         /* without the session's lock: it may not remove */
	struct mailbox box; /* locks; its mailbox and index are open under the write lock alone */
	int mail;           /* the snapshot's */
	int index;
	uint64_t serial; /* the snapshot's own, for windows */
	size_t viewed;   /* the mail last viewed, from 1 */
	bool in_order;   /* … and the one before it was viewed before it */
	size_t count;
	uint64_t octets;
	uint64_t records; /* of the index that belong to the snapshot: live and dead */
	uint32_t *live;   /* record number of each live mail; NULL where none is dead: then they are equal */
	bool unlisted; /* some are dead, and `live` is made when it is first needed: a login costs the same in every mailbox */
	bool numbered;
	uint64_t ahead_at; /* the records read ahead: their first number and how many */
	size_t ahead_count;
	struct index_record *ahead;
	int64_t *until; /* of removed mails; elsewhere NULL */
};

static struct file_maildrop *mine(struct maildrop *m)
{
	return (struct file_maildrop *)m;
}

static bool out_of_memory(struct fault *why)
{
	return fault_set(why, FAULT_TEMPORARY, "out of memory");
}

static bool bad_index(struct file_maildrop *m, struct fault *why)
{
	return fault_set(why, FAULT_TEMPORARY, "the index of %s/%s cannot be read", m->box.user, m->box.place->mail);
}

/* Which records are live; only needed where some are not. */
static uint32_t *list_live(int index, uint64_t records, size_t live)
{
	uint32_t *list = malloc((live + 1) * sizeof *list);
	struct index_walk walk;
	struct index_record *r;
	bool failed = false;
	size_t n = 0;
	index_walk_init(&walk, index, records);
	for (uint32_t i = 0; list && n < live && (r = index_walk_next(&walk, &failed)) != NULL; i++) {
		if (!(r->flags & INDEX_DEAD))
			list[n++] = i;
	}
	if (failed || n < live) {
		free(list);
		return NULL;
	}
	return list;
}

static void drop_snapshot(struct file_maildrop *m)
{
	file_close(m->mail);
	file_close(m->index);
	free(m->live);
	m->mail = -1;
	m->index = -1;
	m->live = NULL;
	m->unlisted = false;
	m->ahead_count = 0;
}

static uint64_t next_serial(void)
{
	static atomic_uint_fast64_t last;
	return atomic_fetch_add(&last, 1) + 1;
}

/* Takes the box's open files for the snapshot of the mails in the list; NULL: of all. The box opens its own again when it next holds the lock. */
static void take_files(struct file_maildrop *m, uint32_t *list)
{
	const struct index_header *h = &m->box.index.head;
	drop_snapshot(m);
	m->live = list;
	m->mail = m->box.mail;
	m->index = m->box.index.fd;
	m->serial = next_serial();
	m->records = h->count;
	m->numbered = h->numbered == h->count;
	m->box.mail = -1;
	m->box.index.fd = -1;
}

static bool was_changed(const struct file_maildrop *m, struct fault *why)
{
	return fault_set(why, FAULT_TEMPORARY, "%s/%s was changed by another program within the session", m->box.user,
	                 m->box.place->mail);
}

static bool take_snapshot(struct file_maildrop *m, size_t count, struct fault *why)
{
	const struct index_header *h = &m->box.index.head;
	if (h->count - h->dead < count)
		return was_changed(m, why);
	uint32_t *live = h->dead > 0 ? list_live(m->box.index.fd, h->count, count) : NULL;
	if (h->dead > 0 && !live && !index_whole(&m->box.index) && recover_index(&m->box, why))
		live = list_live(m->box.index.fd, h->count, count);
	if (h->dead > 0 && !live)
		return out_of_memory(why);
	take_files(m, live);
	return true;
}

static bool first_snapshot(struct file_maildrop *m, struct fault *why)
{
	if (!mailbox_hold(&m->box, why))
		return false;
	if (m->box.mail >= 0) {
		const struct index_header *h = &m->box.index.head;
		m->count = (size_t)(h->count - h->dead);
		m->octets = h->live_octets;
		bool some_are_dead = h->dead > 0;
		take_files(m, NULL);
		m->unlisted = some_are_dead;
	}
	mailbox_let(&m->box);
	return true;
}

static bool list_records(struct file_maildrop *m)
{
	m->live = list_live(m->index, m->records, m->count);
	m->unlisted = !m->live;
	return !m->unlisted;
}

/* Where a record is damaged, the index is made anew, and nobody else has removed a mail meanwhile (rule 8). */
static bool list_now(struct file_maildrop *m, struct fault *why)
{
	if (list_records(m))
		return true;
	if (!mailbox_hold(&m->box, why))
		return false;
	bool listed = m->box.mail >= 0 ? take_snapshot(m, m->count, why) : bad_index(m, why);
	mailbox_let(&m->box);
	return listed;
}

static struct file_maildrop *new_maildrop(const struct store *store, const struct mailbox_place *place,
                                          const char *user, struct fault *why)
{
	struct file_maildrop *m = calloc(1, sizeof *m);
	if (!m) {
		out_of_memory(why);
		return NULL;
	}
	m->base.ops = store->ops;
	m->store = store;
	m->mail = -1;
	m->index = -1;
	if (mailbox_open(&m->box, place, user, why))
		return m;
	free(m);
	return NULL;
}

struct maildrop *file_maildrop_open(const struct store *store, const struct mailbox_place *place, const char *user,
                                    const char *holder, struct fault *why)
{
	struct file_maildrop *m = new_maildrop(store, place, user, why);
	if (!m)
		return NULL;
	if (mailbox_enter(&m->box, holder, why) && first_snapshot(m, why))
		return &m->base;
	file_maildrop_close(&m->base);
	return NULL;
}

void file_maildrop_close(struct maildrop *base)
{
	struct file_maildrop *m = mine(base);
	drop_snapshot(m);
	mailbox_close(&m->box);
	free(m->ahead);
	free(m->until);
	free(m);
}

size_t file_maildrop_count(const struct maildrop *base)
{
	return ((const struct file_maildrop *)base)->count;
}

uint64_t file_maildrop_octets(const struct maildrop *base)
{
	return ((const struct file_maildrop *)base)->octets;
}

/* ---- reading ---- */

static uint64_t record_number(const struct file_maildrop *m, size_t i)
{
	return m->live ? m->live[i] : i;
}

static bool read_ahead(struct file_maildrop *m, uint64_t number, bool may_block)
{
	uint64_t left = m->records - number;
	size_t n = left < RECORDS_AHEAD ? (size_t)left : RECORDS_AHEAD;
	if (!m->ahead && (m->ahead = malloc(RECORDS_AHEAD * sizeof *m->ahead)) == NULL) {
		errno = ENOMEM;
		return false;
	}
	m->ahead_count = 0;
	if (!index_read(m->index, number, m->ahead, n, may_block))
		return false;
	m->ahead_at = number;
	m->ahead_count = n;
	return true;
}

static bool heal(struct file_maildrop *m, struct fault *why);

static enum store_got find_record(struct file_maildrop *m, size_t i, bool may_block, const struct index_record **r,
                                  struct fault *why)
{
	if (m->unlisted && !may_block)
		return STORE_WOULD_BLOCK;
	if (m->unlisted && !list_now(m, why))
		return STORE_FAULT;
	uint64_t number = record_number(m, i);
	bool at_hand = number >= m->ahead_at && number < m->ahead_at + m->ahead_count;
	if (!at_hand && !read_ahead(m, number, may_block)) {
		if (!may_block)
			return STORE_WOULD_BLOCK;
		if (!heal(m, why))
			return STORE_FAULT;
		number = record_number(m, i);
		if (!read_ahead(m, number, true)) {
			bad_index(m, why);
			return STORE_FAULT;
		}
	}
	*r = &m->ahead[number - m->ahead_at];
	return STORE_GOT;
}

enum store_got file_maildrop_info(struct maildrop *base, size_t i, bool may_block, struct mail_info *info,
                                  struct fault *why)
{
	const struct index_record *r;
	enum store_got got = find_record(mine(base), i, may_block, &r, why);
	if (got != STORE_GOT)
		return got;
	info->octets = r->octets;
	info->stored = r->length;
	info->received = r->received;
	info->until = mine(base)->until ? mine(base)->until[i] : 0;
	uid_format(&r->id, info->uid);
	return STORE_GOT;
}

static enum store_got not_there(const struct file_maildrop *m, size_t i, struct fault *why)
{
	fault_set(why, FAULT_TEMPORARY,
	          "%s/%s cannot be read or was changed by another program: mail %zu is not where it was", m->box.user,
	          m->box.place->mail, i + 1);
	return STORE_FAULT;
}

enum store_got file_maildrop_read(struct maildrop *base, size_t i, struct store_span *span, bool may_block,
                                  struct fault *why)
{
	struct file_maildrop *m = mine(base);
	const struct index_record *r;
	enum store_got got = find_record(m, i, may_block, &r, why);
	if (got != STORE_GOT)
		return got;
	got = fence_read(m->mail, r, span, may_block);
	return got == STORE_FAULT ? not_there(m, i, why) : got;
}

/* Who reads one mail after the other will want the next ones, too. */
enum store_got file_maildrop_view(struct maildrop *base, size_t i, struct store_view *view, bool may_block,
                                  struct fault *why)
{
	struct file_maildrop *m = mine(base);
	const struct index_record *r;
	enum store_got got = find_record(m, i, may_block, &r, why);
	if (got != STORE_GOT)
		return got;
	if (m->viewed != i + 1) {
		m->in_order = m->viewed == i;
		m->viewed = i + 1;
	}
	const struct window_source from = { m->mail, m->serial, .ahead = m->in_order || view->offset > 0 };
	got = window_view(&from, r, view, may_block);
	return got == STORE_FAULT ? not_there(m, i, why) : got;
}

/* ---- changing ---- */

/* Whether the snapshot's live mails are the first live mails of the index that is in force now. What the snapshot's says of them, as far as it is whole. */
static bool same_mails(struct file_maildrop *m)
{
	struct index_walk then;
	struct index_walk now;
	const struct index_record *a = NULL;
	const struct index_record *b;
	bool failed = false;
	uint64_t at = 0;
	index_walk_init(&then, m->index, m->records);
	index_walk_init(&now, m->box.index.fd, m->box.index.head.count);
	for (size_t i = 0; i < m->count; i++) {
		for (; at <= record_number(m, i); at++)
			a = index_walk_next_any(&then);
		do {
			b = index_walk_next(&now, &failed);
		} while (b && (b->flags & INDEX_DEAD));
		if (!a || !b)
			return false;
		if (!(a->flags & INDEX_DAMAGED) && memcmp(a->id.hash, b->id.hash, DRAFT_HASH) != 0)
			return false;
	}
	return !failed;
}

/* Under the write lock. The box's index is the snapshot's, or tells of the same mails in a newer file. */
static bool still_valid(struct file_maildrop *m, struct fault *why)
{
	struct file_look then;
	struct file_look now;
	if (m->count == 0)
		return true;
	if (m->box.mail >= 0 && file_look(m->index, &then) && file_look(m->box.index.fd, &now) &&
	    (file_same(&then, &now) || ((!m->unlisted || list_records(m)) && same_mails(m))))
		return true;
	return was_changed(m, why);
}

/* Puts ordinals into n records from number `first` on; whether one of them has to be written. *equals as below. */
static bool set_ordinals(const struct index *ix, uint64_t first, struct index_record *records, size_t n,
                         const struct uid *ids, bool *equals)
{
	bool changed = false;
	for (size_t i = 0; i < n; i++) {
		const struct uid *id = &ids[first + i];
		bool above = first + i >= ix->head.numbered && id->ordinal > 0;
		*equals = *equals || above;
		/* One that is above 0 may be there from a time when its sync failed. */
		changed = changed || above || records[i].id.ordinal != id->ordinal;
		records[i].id.ordinal = id->ordinal;
	}
	return changed;
}

/* Writes the ordinals that are new; *equals: one of them is above 0, which no index made anew would find again. */
static bool write_ordinals(struct index *ix, const struct uid *ids, bool *equals)
{
	struct index_record block[256];
	const size_t most = sizeof block / sizeof *block;
	for (uint64_t first = 0; first < ix->head.count; first += most) {
		uint64_t left = ix->head.count - first;
		size_t n = left < most ? (size_t)left : most;
		if (!index_read(ix->fd, first, block, n, true))
			return false;
		if (set_ordinals(ix, first, block, n, ids, equals) && !index_write(ix, first, block, n))
			return false;
	}
	return true;
}

/* Ordinals for all records of the index in force. */
static bool number_index(struct index *ix, bool *equals)
{
	size_t n = (size_t)ix->head.count;
	struct uid *ids = calloc(n + 1, sizeof *ids);
	struct index_walk walk;
	struct index_record *r;
	bool failed = false;
	if (!ids)
		return false;
	index_walk_init(&walk, ix->fd, n);
	for (size_t i = 0; (r = index_walk_next(&walk, &failed)) != NULL; i++)
		ids[i] = r->id;
	bool good = !failed && uid_number(ids, n, &ix->head.gone) && write_ordinals(ix, ids, equals);
	free(ids);
	return good;
}

/* Before anybody is told: an ordinal above 0 has to stay, and so have the header that makes it believed, and the
 * name of an index that was made anew. */
static bool sync_ordinals(struct mailbox *m)
{
	struct index *ix = &m->index;
	if (file_sync(ix->fd) && file_sync_directory(m->dir))
		return true;
	ix->head.numbered = 0;
	mailbox_describe(m);
	return false;
}

static bool number_box(struct file_maildrop *m, struct fault *why)
{
	struct index *ix = &m->box.index;
	bool equals = false;
	if (ix->head.numbered == ix->head.count)
		return true;
	if (!number_index(ix, &equals) &&
	    (index_whole(ix) || !recover_index(&m->box, why) || !number_index(ix, &equals)))
		return bad_index(m, why);
	ix->head.numbered = ix->head.count;
	mailbox_describe(&m->box);
	return (ix->fd >= 0 && (!equals || sync_ordinals(&m->box))) || bad_index(m, why);
}

static bool number_held(struct file_maildrop *m, struct fault *why)
{
	return still_valid(m, why) && number_box(m, why) && take_snapshot(m, m->count, why);
}

static bool heal_held(struct file_maildrop *m, struct fault *why)
{
	if (!index_whole(&m->box.index) && !recover_index(&m->box, why))
		return false;
	return still_valid(m, why) && (!m->numbered || number_box(m, why)) && take_snapshot(m, m->count, why);
}

/* A record of the snapshot's index is not whole: it is made anew, and tells of the same mails. One who only looks has another look to do. */
static bool heal(struct file_maildrop *m, struct fault *why)
{
	if (m->looks)
		return bad_index(m, why);
	if (!mailbox_hold(&m->box, why))
		return false;
	bool healed = m->box.mail >= 0 ? heal_held(m, why) : bad_index(m, why);
	mailbox_let(&m->box);
	return healed;
}

/* Whoever looks reads all of the index: what is damaged is found here. */
static bool numbered_whole(struct file_maildrop *m, struct fault *why)
{
	return (index_whole(&m->box.index) || recover_index(&m->box, why)) && number_box(m, why);
}

/* Ids and snapshot under one hold: without the session's lock there may be others' mails behind the same numbers at the next. */
static bool first_look(struct file_maildrop *m, struct fault *why)
{
	const struct index_header *h = &m->box.index.head;
	if (!mailbox_hold(&m->box, why))
		return false;
	bool taken = true;
	if (m->box.mail >= 0) {
		taken = numbered_whole(m, why);
		m->count = taken ? (size_t)(h->count - h->dead) : 0;
		m->octets = h->live_octets;
		taken = taken && take_snapshot(m, m->count, why);
	}
	mailbox_let(&m->box);
	return taken;
}

struct maildrop *file_maildrop_look(const struct store *store, const struct mailbox_place *place, const char *user,
                                    struct fault *why)
{
	struct file_maildrop *m = new_maildrop(store, place, user, why);
	if (!m)
		return NULL;
	m->looks = true;
	if (first_look(m, why))
		return &m->base;
	file_maildrop_close(&m->base);
	return NULL;
}

bool file_maildrop_number(struct maildrop *base, struct fault *why)
{
	struct file_maildrop *m = mine(base);
	if (m->numbered || m->count == 0)
		return true;
	if (!mailbox_hold(&m->box, why))
		return false;
	bool numbered = number_held(m, why);
	mailbox_let(&m->box);
	return numbered;
}

bool file_maildrop_remove(struct maildrop *base, const unsigned char *marks, struct fault *why)
{
	struct file_maildrop *m = mine(base);
	if (m->looks)
		return fault_set(why, FAULT_PERMANENT, "only a session removes mails");
	if (!mailbox_hold(&m->box, why))
		return false;
	const struct removal_terms terms = {
		.now = clock_wall(),
		.undelete = m->store->undelete,
		.most = m->store->quota,
	};
	bool removed = still_valid(m, why) && removal_commit(&m->box, marks, m->count, &terms, why);
	mailbox_let(&m->box);
	return removed;
}

/* ---- removed mails ---- */

/* Those that can be taken back: their records, and until when. */
static bool list_removed(struct file_maildrop *m, const struct kept *kept, uint32_t *list)
{
	const struct index_header *h = &m->box.index.head;
	struct index_walk walk;
	const struct index_record *r;
	bool failed = false;
	int64_t now = clock_wall();
	size_t dead = 0;
	index_walk_init(&walk, m->box.index.fd, h->count);
	for (uint32_t i = 0; (r = index_walk_next(&walk, &failed)) != NULL; i++) {
		const struct mark *mark = r->flags & INDEX_DEAD ? kept_mark(kept, dead++, now) : NULL;
		if (!mark)
			continue;
		list[m->count] = i;
		m->until[m->count++] = mark->until;
		m->octets += r->octets;
	}
	return !failed;
}

static bool look_at_removed(struct file_maildrop *m, struct fault *why)
{
	struct kept kept;
	if (!numbered_whole(m, why) || !kept_load(&kept, &m->box, why))
		return false;
	uint32_t *list = calloc(kept.count + 1, sizeof *list);
	m->until = calloc(kept.count + 1, sizeof *m->until);
	bool listed = list && m->until && list_removed(m, &kept, list);
	kept_release(&kept);
	if (listed)
		take_files(m, list);
	else
		free(list);
	return listed || out_of_memory(why);
}

struct maildrop *file_maildrop_look_removed(const struct store *store, const struct mailbox_place *place,
                                            const char *user, struct fault *why)
{
	struct file_maildrop *m = new_maildrop(store, place, user, why);
	if (!m)
		return NULL;
	m->looks = true;
	bool looked = mailbox_hold(&m->box, why);
	if (looked) {
		looked = m->box.mail < 0 || look_at_removed(m, why);
		mailbox_let(&m->box);
	}
	if (looked)
		return &m->base;
	file_maildrop_close(&m->base);
	return NULL;
}

static bool list_ids(struct file_maildrop *m, const unsigned char *marks, struct undelete *wish, struct uid *ids,
                     struct fault *why)
{
	const struct index_record *r;
	for (size_t i = 0; i < m->count; i++) {
		if (!store_marked(marks, i))
			continue;
		if (find_record(m, i, true, &r, why) != STORE_GOT)
			return false;
		ids[wish->count++] = r->id;
	}
	return true;
}

bool file_maildrop_undelete(struct maildrop *base, const unsigned char *marks, struct fault *why)
{
	struct file_maildrop *m = mine(base);
	struct uid *ids = calloc(m->count + 1, sizeof *ids);
	struct undelete wish = { .ids = ids, .now = clock_wall(), .quota = m->store->quota };
	bool good = ids ? list_ids(m, marks, &wish, ids, why) : out_of_memory(why);
	if (good && mailbox_hold_alone(&m->box, why)) {
		good = undelete_mails(&m->box, &wish, why);
		mailbox_let(&m->box);
	} else {
		good = false;
	}
	free(ids);
	return good;
}
