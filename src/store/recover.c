/*
 * recover: one scan that brings mailbox, marks and index into agreement. Moves what is nobody's mail aside, closes what somebody typed, and
 * throws nothing away that anybody could miss. See recover.h.
 */
#include "store/recover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static bool note_mail(void *owner, const struct scan_mail *mail)
{
	struct recover_found *f = owner;
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct index_record *records = realloc(f->records, cap * sizeof *records);
		if (!records)
			return false;
		f->records = records;
		f->cap = cap;
	}
	struct index_record *r = &f->records[f->count++];
	*r = (struct index_record){
		.offset = mail->offset,
		.length = mail->length,
		.octets = mail->octets,
		.id.ordinal = UID_UNNUMBERED,
		.divider = (uint32_t)(mail->end - mail->offset - mail->length),
	};
	memcpy(r->id.hash, mail->hash, DRAFT_HASH);
	return true;
}

bool recover_scan(struct mailbox *m, struct recover_found *f, struct scan *s, struct fault *why)
{
	*s = (struct scan){ .fd = m->mail, .from = s->from, .size = m->look.size, .mail = note_mail, .owner = f };
	return scan_file(s, why);
}

static bool append_to_torn(struct mailbox *m, int torn, uint64_t from)
{
	struct file_look look;
	if (!file_look(torn, &look) || !S_ISREG(look.mode) || look.links != 1)
		return false;
	if (file_copy(m->mail, (off_t)from, torn, (off_t)look.size, m->look.size - from) && file_sync(torn))
		return true;
	(void)!ftruncate(torn, (off_t)look.size);
	return false;
}

static bool copy_to_torn(struct mailbox *m, uint64_t from)
{
	int torn = file_open(m->dir, m->place->torn, O_RDWR | O_CREAT, 0600);
	bool kept = torn >= 0 && append_to_torn(m, torn, from) && file_sync_directory(m->dir);
	file_close(torn);
	return kept;
}

static bool look_again(struct mailbox *m, struct fault *why)
{
	return file_look(m->mail, &m->look) || fault_errno(why, "cannot look at %s/%s", m->user, m->place->mail);
}

/* The sync comes in settle_note() and sync_all(). */
static bool cut(const struct mailbox *m, uint64_t size)
{
	return ftruncate(m->mail, (off_t)size) == 0;
}

bool recover_unfinished(const struct mailbox *m, const struct recover_found *f, const struct append_note *note,
                        size_t *first)
{
	uint64_t chain = 0;
	uint64_t at = note->offset;
	size_t i = 0;
	if (note->inode != m->look.inode || note->birth != m->look.birth || m->look.size <= note->offset)
		return false;
	while (i < f->count && f->records[i].offset < note->offset)
		i++;
	*first = i;
	/* Somebody edited the file: what lies there now is not what was being written. */
	if (note->offset != (i > 0 ? index_end(&f->records[i - 1]) : 0))
		return false;
	for (; i < f->count && at < note->offset + note->length; i++) {
		chain = mailbox_chain(chain, f->records[i].id.hash);
		at = index_end(&f->records[i]);
	}
	return chain != note->chain || at != note->offset + note->length;
}

/* Rule 6: an append that was under way when its process or the machine died, and is not whole, goes to `.torn`: it was never acknowledged. */
static bool settle_note(struct mailbox *m, struct recover_found *f, struct scan *s, struct fault *why)
{
	struct append_note note;
	size_t first;
	if (!mailbox_read_note(m, &note, why))
		return false;
	if (!note.open)
		return true;
	if (recover_unfinished(m, f, &note, &first)) {
		log_warning("mailbox=%s/%s octets=%llu moved to %s: a delivery that was never finished", m->user,
		            m->place->mail, (unsigned long long)(m->look.size - note.offset), m->place->torn);
		f->count = first;
		s->whole = note.offset;
		f->stuck = !copy_to_torn(m, note.offset) || !cut(m, note.offset);
		if (!look_again(m, why))
			return false;
		if (f->stuck)
			return true;
	}
	/* What is whole was perhaps never synced: that comes before anybody is shown it. */
	return file_sync(m->mail) ? mailbox_close_note(m, &note, why)
	                          : fault_errno(why, "cannot sync %s/%s", m->user, m->place->mail);
}

/* Text behind the last dividing line: somebody typed it, so it counts; blank lines alone do not. */
static bool settle_tail(struct mailbox *m, struct recover_found *f, struct scan *s, struct fault *why)
{
	if (f->stuck || s->whole == m->look.size)
		return true;
	if (s->blank_tail) {
		f->stuck = !cut(m, s->whole);
		return look_again(m, why);
	}
	const char *closing = s->dot_tail ? "\n" : s->cut_line ? "\n.\n" : ".\n";
	uint64_t size = m->look.size;
	if (!file_write(m->mail, closing, strlen(closing), (off_t)size)) {
		(void)!ftruncate(m->mail, (off_t)size);
		f->stuck = true;
		return true;
	}
	s->from = s->whole;
	return look_again(m, why) && recover_scan(m, f, s, why);
}

void recover_mark_dead(struct recover_found *f, struct marks *marks)
{
	for (size_t i = 0; i < f->count && marks->count > 0; i++) {
		if (marks_hit(marks, f->records[i].id.hash, f->records[i].offset))
			f->records[i].flags |= INDEX_DEAD;
	}
	for (size_t i = 0; i < f->count && marks->met_count < marks->count; i++) {
		if (!(f->records[i].flags & INDEX_DEAD) && marks_hit_anywhere(marks, f->records[i].id.hash))
			f->records[i].flags |= INDEX_DEAD;
	}
}

static bool apply_marks(struct mailbox *m, struct recover_found *f, struct fault *why)
{
	struct marks marks;
	if (!marks_load(&marks, m->dir, m->place->deleted, &m->look, why))
		return false;
	recover_mark_dead(f, &marks);
	bool kept = marks_keep_met(&marks, m->dir, m->place->deleted, why);
	marks_release(&marks);
	return kept;
}

static int by_hash(const void *a, const void *b)
{
	const struct uid *x = a;
	const struct uid *y = b;
	int order = memcmp(x->hash, y->hash, DRAFT_HASH);
	return order != 0 ? order : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* The ids of the old index, sorted; how many. */
static size_t read_old_ids(struct mailbox *m, struct index *old, struct uid **ids)
{
	struct index_walk walk;
	struct index_record *r;
	bool failed = false;
	size_t n = 0;
	*ids = NULL;
	if (!index_open(old, m->dir, m->place->index))
		return 0;
	struct uid *list = calloc(old->head.count + 1, sizeof *list);
	index_walk_init(&walk, old->fd, list ? old->head.count : 0);
	while (list && (r = index_walk_next(&walk, &failed)) != NULL) {
		if (r->id.ordinal != UID_UNNUMBERED)
			list[n++] = r->id;
	}
	index_close(old);
	if (n > 0)
		qsort(list, n, sizeof *list, by_hash);
	*ids = list;
	return n;
}

/* The first id of this hash, or n. */
static size_t first_id(const struct uid *ids, size_t n, const unsigned char *hash)
{
	size_t low = 0;
	for (size_t high = n; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(ids[middle].hash, hash, DRAFT_HASH) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && memcmp(ids[low].hash, hash, DRAFT_HASH) == 0 ? low : n;
}

/* Equal mails take their ids over in order. taken[i], at the first id of a hash: how many of them are taken. */
static void hand_over(struct recover_found *f, const struct uid *ids, size_t n, size_t *taken)
{
	for (size_t i = 0; i < f->count; i++) {
		struct uid *id = &f->records[i].id;
		size_t first = first_id(ids, n, id->hash);
		if (first == n)
			continue;
		size_t next = first + taken[first];
		if (next < n && memcmp(ids[next].hash, id->hash, DRAFT_HASH) == 0) {
			*id = ids[next];
			taken[first]++;
		}
	}
}

static void remember_gone(struct uid_gone *gone, const struct uid *ids, size_t n, const size_t *taken)
{
	size_t first = 0;
	for (size_t i = 0; i < n; i++) {
		if (memcmp(ids[i].hash, ids[first].hash, DRAFT_HASH) != 0)
			first = i;
		if (i >= first + taken[first])
			uid_gone_add(gone, &ids[i]);
	}
}

/* The old index is not believed, yet the ids in it were told to clients: they stay with their mails, and what is gone is remembered. */
static void keep_ids(struct mailbox *m, struct recover_found *f, struct uid_gone *gone)
{
	struct index old = { .fd = -1 };
	struct uid *ids;
	size_t n = read_old_ids(m, &old, &ids);
	size_t *taken = n > 0 ? calloc(n, sizeof *taken) : NULL;
	*gone = old.head.gone;
	if (taken) {
		hand_over(f, ids, n, taken);
		remember_gone(gone, ids, n, taken);
	}
	free(taken);
	free(ids);
}

static bool make_index(struct mailbox *m, struct recover_found *f, struct fault *why)
{
	struct index_maker maker;
	uint64_t deleted_size;
	struct uid_gone gone = { 0 };
	if (!mailbox_deleted_size(m, &deleted_size, why))
		return false;
	keep_ids(m, f, &gone);
	index_close(&m->index);
	index_maker_init(&maker, m->dir, m->place->index);
	maker.index.head.gone = gone;
	for (size_t i = 0; i < f->count; i++)
		index_maker_add(&maker, &f->records[i]);
	return index_maker_finish(&maker, &m->look, deleted_size, &m->index, why);
}

/* Whoever made what was found may have died before syncing it. This comes before marks are dropped, which a rewritten file has made void: if its name were
 * lost after that, the old file would be back without them. */
static bool sync_all(const struct mailbox *m, struct fault *why)
{
	return (file_sync(m->mail) && file_sync_directory(m->dir) && file_sync_directory(m->place->root)) ||
	       fault_errno(why, "cannot sync %s/%s and its directory", m->user, m->place->mail);
}

bool recover_mailbox(struct mailbox *m, struct fault *why)
{
	struct recover_found f = { 0 };
	struct scan s = { 0 };
	if (m->mail < 0)
		return marks_drop(m->dir, m->place->deleted, why);
	bool good = recover_scan(m, &f, &s, why) && settle_note(m, &f, &s, why) && settle_tail(m, &f, &s, why) &&
	            sync_all(m, why) && apply_marks(m, &f, why) && make_index(m, &f, why);
	free(f.records);
	return good;
}
