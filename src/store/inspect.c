/*
 * inspect: looks at each file of a mailbox in turn. Reads with the store's own scan, note, index and marks; writes nothing. See inspect.h.
 */
#include "store/inspect.h"

#include <errno.h>
#include <stdlib.h>

#include "store/marks.h"
#include "store/recover.h"

enum { COUNT_BLOCK = 64 * 1024, OTHERS = 077 };

struct inspection {
	struct mailbox *m;
	void (*found)(void *owner, const struct inspect_finding *finding);
	void *owner;
	struct recover_found mails;
	struct scan scan;
	uint64_t deleted_size;
	/* Lines are counted on from the last place that was asked for. */
	uint64_t counted_to;
	uint64_t line;
	char *block;
};

/* ---- findings ---- */

static uint64_t count_lines(const char *text, size_t n)
{
	uint64_t lines = 0;
	const char *end = text + n;
	while ((text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		lines++;
		text++;
	}
	return lines;
}

/* The line of an octet of the mailbox file. */
static uint64_t line_at(struct inspection *i, uint64_t offset)
{
	if (offset < i->counted_to) {
		i->counted_to = 0;
		i->line = 1;
	}
	while (i->counted_to < offset) {
		uint64_t left = offset - i->counted_to;
		ssize_t n = file_read(i->m->mail, i->block, left < COUNT_BLOCK ? (size_t)left : COUNT_BLOCK,
		                      (off_t)i->counted_to);
		if (n <= 0)
			break;
		i->line += count_lines(i->block, (size_t)n);
		i->counted_to += (uint64_t)n;
	}
	return i->line;
}

static void tell(struct inspection *i, struct inspect_finding f)
{
	if (f.placed)
		f.line = line_at(i, f.offset);
	i->found(i->owner, &f);
}

/* ---- the mailbox file ---- */

static void inspect_access(struct inspection *i)
{
	struct file_look home;
	if (i->m->look.mode & OTHERS)
		tell(i, (struct inspect_finding){ .kind = INSPECT_OPEN_MAIL, .other = i->m->look.mode & 0777 });
	if (file_look(i->m->dir, &home) && (home.mode & OTHERS))
		tell(i, (struct inspect_finding){ .kind = INSPECT_OPEN_HOME, .other = home.mode & 0777 });
}

/* Rule 6. What it claims is nobody's mail. */
static bool inspect_note(struct inspection *i, struct fault *why)
{
	struct append_note note;
	size_t first;
	if (!mailbox_read_note(i->m, &note, why))
		return false;
	if (!note.open)
		return true;
	struct inspect_finding f = { .kind = INSPECT_UNSETTLED };
	if (recover_unfinished(i->m, &i->mails, &note, &first)) {
		f = (struct inspect_finding){ .kind = INSPECT_UNFINISHED,
			                      .placed = true,
			                      .offset = note.offset,
			                      .octets = i->m->look.size - note.offset,
			                      .mail = first + 1 };
		i->mails.count = first;
		i->scan.whole = i->m->look.size;
	}
	tell(i, f);
	return true;
}

static void inspect_tail(struct inspection *i)
{
	const struct scan *s = &i->scan;
	if (s->whole == i->m->look.size)
		return;
	tell(i, (struct inspect_finding){ .kind = s->blank_tail ? INSPECT_TAIL_BLANK
	                                          : s->dot_tail ? INSPECT_TAIL_DOT
	                                                        : INSPECT_TAIL,
	                                  .placed = true,
	                                  .offset = s->whole,
	                                  .octets = i->m->look.size - s->whole,
	                                  .mail = i->mails.count + 1 });
}

/* ---- the index ---- */

/* The index's records, and which mails of the file they were compared with. */
struct comparison {
	struct inspection *i;
	const struct index *index;
	struct index_record *records;
	size_t count;
	bool damaged; /* some are not whole */
	bool current; /* it claims to describe the file as it is */
	size_t at;    /* in records */
	size_t mail;  /* in the file's mails */
};

/* A record that is not whole stays empty, as no mail is: it has no dividing line. */
static bool read_records(struct comparison *c)
{
	size_t count = (size_t)c->index->head.count;
	c->records = calloc(count + 1, sizeof *c->records);
	if (!c->records)
		return false;
	for (c->count = 0; c->count < count; c->count++) {
		struct index_record *r = &c->records[c->count];
		if (index_read(c->index->fd, c->count, r, 1, true))
			continue;
		*r = (struct index_record){ .divider = 0 };
		c->damaged = true;
		tell(c->i, (struct inspect_finding){ .kind = INSPECT_INDEX_BAD, .mail = c->count + 1 });
	}
	return true;
}

static bool same_text(const struct index_record *a, const struct index_record *b)
{
	return a->length == b->length && memcmp(a->id.hash, b->id.hash, DRAFT_HASH) == 0;
}

/* How many of the index's mails are this one now, as the lines between them are gone; 0: it is no such thing. */
static size_t count_merged(const struct comparison *c, const struct index_record *mail)
{
	uint64_t length = c->records[c->at].length;
	size_t n = 1;
	while (length < mail->length && c->at + n < c->count)
		length += c->records[c->at + n++].length;
	return n > 1 && length == mail->length ? n : 0;
}

static void tell_mail(struct comparison *c, enum inspect_kind kind, uint64_t offset, uint64_t other)
{
	const struct index_record *mail = &c->i->mails.records[c->mail];
	tell(c->i, (struct inspect_finding){ .kind = kind,
	                                     .placed = true,
	                                     .offset = offset,
	                                     .octets = mail->length,
	                                     .mail = c->mail + 1,
	                                     .other = other });
}

static void compare_equal(struct comparison *c, const struct index_record *mail, const struct index_record *known)
{
	uint32_t dead = mail->flags & INDEX_DEAD;
	if (c->current && (mail->offset != known->offset || mail->divider != known->divider))
		tell_mail(c, INSPECT_MOVED, mail->offset, known->offset);
	if (c->current && mail->octets != known->octets)
		tell_mail(c, INSPECT_CHANGED, mail->offset, known->length);
	if (c->current && dead != (known->flags & INDEX_DEAD))
		tell_mail(c, INSPECT_FLAG, mail->offset, !dead);
	c->mail++;
	c->at++;
}

/* What stands at the front of both differs. */
static void compare_different(struct comparison *c, const struct index_record *mail, const struct index_record *known)
{
	const struct recover_found *mails = &c->i->mails;
	size_t merged = count_merged(c, mail);
	if (merged > 0) {
		tell_mail(c, INSPECT_LOST_DIVIDER, mail->offset + known->length, merged);
		c->at += merged;
		c->mail++;
	} else if (c->mail + 1 < mails->count && same_text(&mails->records[c->mail + 1], known)) {
		tell_mail(c, INSPECT_ADDED, mail->offset, 1);
		c->mail++;
	} else if (c->at + 1 < c->count && same_text(mail, &c->records[c->at + 1])) {
		tell_mail(c, INSPECT_GONE, mail->offset, 1);
		c->at++;
	} else {
		tell_mail(c, INSPECT_CHANGED, mail->offset, known->length);
		c->at++;
		c->mail++;
	}
}

static void compare_all(struct comparison *c)
{
	const struct recover_found *mails = &c->i->mails;
	while (c->mail < mails->count && c->at < c->count) {
		const struct index_record *mail = &mails->records[c->mail];
		const struct index_record *known = &c->records[c->at];
		if (known->divider == 0) {
			c->mail++;
			c->at++;
		} else if (same_text(mail, known))
			compare_equal(c, mail, known);
		else
			compare_different(c, mail, known);
	}
	if (c->mail < mails->count)
		tell_mail(c, INSPECT_ADDED, mails->records[c->mail].offset, mails->count - c->mail);
	if (c->at < c->count)
		tell(c->i, (struct inspect_finding){ .kind = INSPECT_GONE, .other = c->count - c->at });
}

static bool compare_with(struct inspection *i, const struct index *index, struct fault *why)
{
	struct comparison c = { .i = i, .index = index };
	c.current = index_fits(index, &i->m->look, i->deleted_size);
	if (!c.current)
		tell(i, (struct inspect_finding){ .kind = INSPECT_INDEX_OLD, .other = index->head.mail.size });
	bool read = read_records(&c);
	if (read)
		compare_all(&c);
	if (read && c.current && !c.damaged && !index_whole(index))
		tell(i, (struct inspect_finding){ .kind = INSPECT_INDEX_SUMS });
	free(c.records);
	return read || fault_set(why, FAULT_TEMPORARY, "out of memory");
}

static bool inspect_index(struct inspection *i, struct fault *why)
{
	struct index index = { .fd = -1 };
	struct file_look look;
	struct mailbox *m = i->m;
	if (!file_look_at(m->dir, m->place->index, &look)) {
		if (i->mails.count > 0)
			tell(i, (struct inspect_finding){ .kind = INSPECT_INDEX_NONE });
		return true;
	}
	if (!index_open(&index, m->dir, m->place->index)) {
		tell(i, (struct inspect_finding){ .kind = INSPECT_INDEX_BAD });
		return true;
	}
	bool good = compare_with(i, &index, why);
	index_close(&index);
	return good;
}

/* ---- the marks ---- */

static void tell_marks(struct inspection *i, const struct marks *marks, const struct marks_file *file)
{
	if (file->is_void)
		tell(i, (struct inspect_finding){ .kind = INSPECT_MARKS_VOID });
	else if (file->good < file->size)
		tell(i, (struct inspect_finding){ .kind = INSPECT_MARKS_TORN, .other = file->size - file->good });
	if (file->successor)
		tell(i, (struct inspect_finding){ .kind = INSPECT_MARKS_VAIN });
	for (size_t k = 0; k < marks->count; k++) {
		if (!marks->met[k])
			tell(i, (struct inspect_finding){ .kind = INSPECT_MARK_LOST, .offset = marks->list[k].offset });
	}
}

static void inspect_marks(struct inspection *i)
{
	struct marks marks;
	struct marks_file file;
	struct fault why;
	struct mailbox *m = i->m;
	if (!marks_read(&marks, &file, m->dir, m->place->deleted, &m->look, &why)) {
		tell(i, (struct inspect_finding){ .kind = INSPECT_MARKS_BAD, .text = why.text });
		return;
	}
	recover_mark_dead(&i->mails, &marks);
	tell_marks(i, &marks, &file);
	marks_release(&marks);
}

/* ---- all of it ---- */

static void inspect_file(struct inspection *i, const char *name, enum inspect_kind kind)
{
	struct file_look look;
	if (file_look_at(i->m->dir, name, &look) && (look.size > 0 || !S_ISREG(look.mode)))
		tell(i, (struct inspect_finding){ .kind = kind, .other = look.size });
}

static void sum_up(const struct inspection *i, struct inspect_sums *sums)
{
	sums->size = i->m->look.size;
	for (size_t k = 0; k < i->mails.count; k++) {
		if (i->mails.records[k].flags & INDEX_DEAD)
			sums->dead++;
		else
			sums->live++;
	}
}

/* Under the write lock. */
static bool inspect_held(struct inspection *i, bool looked, struct fault *why)
{
	struct mailbox *m = i->m;
	if (!looked)
		tell(i, (struct inspect_finding){ .kind = INSPECT_UNUSABLE, .text = why->text });
	else
		inspect_access(i);
	bool good = m->mail < 0 || recover_scan(m, &i->mails, &i->scan, why);
	if (good && m->mail >= 0)
		good = inspect_note(i, why);
	if (good && m->mail >= 0)
		inspect_tail(i);
	if (looked)
		inspect_marks(i);
	if (good && m->mail >= 0)
		good = mailbox_deleted_size(m, &i->deleted_size, why) && inspect_index(i, why);
	inspect_file(i, m->place->torn, INSPECT_TORN);
	inspect_file(i, m->place->fresh, INSPECT_FRESH);
	return good;
}

static void inspect_session(struct inspection *i)
{
	struct fault why = { .kind = FAULT_NONE };
	if (!mailbox_is_free(i->m, &why) && why.kind == FAULT_BUSY)
		tell(i, (struct inspect_finding){ .kind = INSPECT_SESSION, .text = why.text });
}

bool inspect_mailbox(struct mailbox *m, void (*found)(void *owner, const struct inspect_finding *finding), void *owner,
                     struct inspect_sums *sums, struct fault *why)
{
	struct inspection i = { .m = m, .found = found, .owner = owner, .line = 1, .block = malloc(COUNT_BLOCK) };
	bool looked;
	bool good = i.block || fault_set(why, FAULT_TEMPORARY, "out of memory");
	*sums = (struct inspect_sums){ 0 };
	if (good)
		inspect_session(&i);
	if (good && mailbox_hold_as_found(m, &looked, why)) {
		good = inspect_held(&i, looked, why);
		sum_up(&i, sums);
		mailbox_let(m);
	} else {
		good = false;
	}
	free(i.mails.records);
	free(i.block);
	return good;
}

bool inspect_repair(struct mailbox *m, struct fault *why)
{
	bool looked;
	if (!mailbox_hold_as_found(m, &looked, why))
		return false;
	bool repaired = looked && recover_mailbox(m, why);
	mailbox_close_mail(m);
	mailbox_let(m);
	return repaired;
}
