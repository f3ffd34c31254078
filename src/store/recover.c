/*
 * recover: one scan that brings mailbox, marks and index into agreement. Moves what is nobody's mail aside, closes what somebody typed, and
 * throws nothing away that anybody could miss. See recover.h.
 */
#include "store/recover.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

enum { NS_A_SECOND = 1000 * 1000 * 1000 };

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
		.received = f->changed,
		.id.ordinal = UID_UNNUMBERED,
		.divider = (uint32_t)(mail->end - mail->offset - mail->length),
	};
	memcpy(r->id.hash, mail->hash, DRAFT_HASH);
	return true;
}

bool recover_scan(struct mailbox *m, struct recover_found *f, struct scan *s, struct fault *why)
{
	f->changed = m->look.modified / NS_A_SECOND;
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
	bool kept = marks_keep_met(&marks, m->dir, m->place->deleted, &m->look, why);
	marks_release(&marks);
	return kept;
}

/* What the old index knows of a mail that the mailbox does not say. */
struct known {
	struct uid id;
	int64_t received;
};

/* Equal mails in the order of the file: those that have an ordinal stand before those that have none. */
static int by_hash(const void *a, const void *b)
{
	const struct uid *x = &((const struct known *)a)->id;
	const struct uid *y = &((const struct known *)b)->id;
	int order = memcmp(x->hash, y->hash, DRAFT_HASH);
	return order != 0 ? order : (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* All records that are whole, whatever lies between them. */
static size_t read_whole_records(const struct index *old, struct known *list)
{
	struct index_walk walk;
	const struct index_record *r;
	size_t n = 0;
	index_walk_init(&walk, old->fd, old->head.count);
	while ((r = index_walk_next_any(&walk)) != NULL) {
		if (!(r->flags & INDEX_DAMAGED))
			list[n++] = (struct known){ .id = r->id, .received = r->received };
	}
	return n;
}

/* What the old index knows, sorted; how many. */
static size_t read_old(struct mailbox *m, struct index *old, struct known **known)
{
	*known = NULL;
	if (!index_open(old, m->dir, m->place->index))
		return 0;
	struct known *list = calloc(old->head.count + 1, sizeof *list);
	size_t n = list ? read_whole_records(old, list) : 0;
	index_close(old);
	if (n > 0)
		qsort(list, n, sizeof *list, by_hash);
	*known = list;
	return n;
}

/* The first of this hash, or n. */
static size_t first_of(const struct known *known, size_t n, const unsigned char *hash)
{
	size_t low = 0;
	for (size_t high = n; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(known[middle].id.hash, hash, DRAFT_HASH) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && memcmp(known[low].id.hash, hash, DRAFT_HASH) == 0 ? low : n;
}

/* Equal mails take theirs over in order. taken[i], at the first of a hash: how many of them are taken. */
static void hand_over(struct recover_found *f, const struct known *known, size_t n, size_t *taken)
{
	for (size_t i = 0; i < f->count; i++) {
		struct index_record *r = &f->records[i];
		size_t first = first_of(known, n, r->id.hash);
		if (first == n)
			continue;
		size_t next = first + taken[first];
		if (next < n && memcmp(known[next].id.hash, r->id.hash, DRAFT_HASH) == 0) {
			r->id = known[next].id;
			r->received = known[next].received;
			taken[first]++;
		}
	}
}

static void remember_gone(struct uid_gone *gone, const struct known *known, size_t n, const size_t *taken)
{
	size_t first = 0;
	for (size_t i = 0; i < n; i++) {
		if (memcmp(known[i].id.hash, known[first].id.hash, DRAFT_HASH) != 0)
			first = i;
		if (i >= first + taken[first])
			uid_gone_add(gone, &known[i].id);
	}
}

/* The old index is not believed, yet the ids in it were told to clients: they stay with their mails, and so does when they came; what is gone is remembered. */
static void keep_known(struct mailbox *m, struct recover_found *f, struct uid_gone *gone)
{
	struct index old = { .fd = -1 };
	struct known *known;
	size_t n = read_old(m, &old, &known);
	size_t *taken = n > 0 ? calloc(n, sizeof *taken) : NULL;
	*gone = old.head.gone;
	if (taken) {
		hand_over(f, known, n, taken);
		remember_gone(gone, known, n, taken);
	}
	free(taken);
	free(known);
}

static bool make_index(struct mailbox *m, struct recover_found *f, struct fault *why)
{
	struct index_maker maker;
	uint64_t deleted_size;
	struct uid_gone gone = { 0 };
	if (!mailbox_deleted_size(m, &deleted_size, why))
		return false;
	keep_known(m, f, &gone);
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

bool recover_index(struct mailbox *m, struct fault *why)
{
	log_warning("mailbox=%s/%s its index was damaged, and is made anew", m->user, m->place->mail);
	return recover_mailbox(m, why);
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
