/*
 * append: note, write, sync, index. Never rewrites a byte that was there. See append.h.
 */
#include "store/append.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/recover.h"

enum { DIVIDER_LEN = 2, VECTORS = 256, RECORDS = 64 };

static const char divider[] = ".\n";

static uint64_t whole_length(struct draft *const *drafts, size_t n)
{
	uint64_t length = 0;
	for (size_t i = 0; i < n; i++)
		length += draft_size(drafts[i]) + DIVIDER_LEN;
	return length;
}

static bool open_note(struct mailbox *m, struct draft *const *drafts, size_t n, struct append_note *note,
                      struct fault *why)
{
	*note = (struct append_note){
		.open = 1,
		.inode = m->look.inode,
		.birth = m->look.birth,
		.offset = m->look.size,
		.length = whole_length(drafts, n),
	};
	for (size_t i = 0; i < n; i++)
		note->chain = mailbox_chain(note->chain, draft_hash(drafts[i]));
	return mailbox_write_note(m, note, why);
}

/* Pieces in memory that wait to be written together. */
struct gather {
	int fd;
	off_t at; /* where the first piece goes */
	size_t octets;
	size_t used;
	struct iovec vectors[VECTORS];
};

static bool gather_flush(struct gather *g)
{
	bool written = g->used == 0 || file_write_vector(g->fd, g->vectors, g->used, g->at);
	g->at += (off_t)g->octets;
	g->octets = 0;
	g->used = 0;
	return written;
}

static bool gather_add(struct gather *g, const char *octets, size_t n)
{
	if (g->used == VECTORS && !gather_flush(g))
		return false;
	g->vectors[g->used++] = (struct iovec){ .iov_base = (void *)octets, .iov_len = n };
	g->octets += n;
	return true;
}

static bool gather_file(struct gather *g, const struct draft *d)
{
	if (!gather_flush(g) || !file_copy(draft_file(d), 0, g->fd, g->at, draft_size(d)))
		return false;
	g->at += (off_t)draft_size(d);
	return true;
}

static bool write_mails(struct mailbox *m, struct draft *const *drafts, size_t n)
{
	struct gather g = { .fd = m->mail, .at = (off_t)m->look.size };
	for (size_t i = 0; i < n; i++) {
		struct slice text = draft_text(drafts[i]);
		bool added = draft_in_file(drafts[i]) ? gather_file(&g, drafts[i]) : gather_add(&g, text.ptr, text.len);
		if (!added || !gather_add(&g, divider, DIVIDER_LEN))
			return false;
	}
	return gather_flush(&g);
}

static bool index_mails(struct mailbox *m, struct draft *const *drafts, size_t n)
{
	struct index_record records[RECORDS];
	int64_t received = clock_wall();
	uint64_t at = m->index.head.end;
	for (size_t done = 0; done < n;) {
		size_t now = n - done < RECORDS ? n - done : RECORDS;
		for (size_t i = 0; i < now; i++) {
			const struct draft *d = drafts[done + i];
			records[i] = (struct index_record){ .offset = at,
				                            .length = draft_size(d),
				                            .octets = draft_octets(d),
				                            .received = received,
				                            .id.ordinal = UID_UNNUMBERED,
				                            .divider = DIVIDER_LEN };
			memcpy(records[i].id.hash, draft_hash(d), DRAFT_HASH);
			at = index_end(&records[i]);
		}
		if (!index_add(&m->index, records, now))
			return false;
		done += now;
	}
	return true;
}

/* Rule 4: what was written goes away again. Where even that fails the note stays open, and the next holder deals with it. */
static void take_back(struct mailbox *m, struct append_note *note)
{
	struct fault ignored;
	if (ftruncate(m->mail, (off_t)note->offset) == 0 && file_sync(m->mail))
		mailbox_close_note(m, note, &ignored);
	mailbox_drop_index(m);
}

static bool write_and_sync(struct mailbox *m, struct draft *const *drafts, size_t n, struct fault *why)
{
	if (!write_mails(m, drafts, n))
		return fault_errno(why, "cannot write to %s/%s", m->user, m->place->mail);
	if (!file_sync(m->mail))
		return fault_errno(why, "cannot sync %s/%s", m->user, m->place->mail);
	return true;
}

/* What lives in the file, and this, must not be more than the quota. */
static bool fits_quota(const struct mailbox *m, uint64_t more, uint64_t quota, struct fault *why)
{
	uint64_t live = m->look.size - m->index.head.dead_length;
	if (quota == 0 || (live <= quota && more <= quota - live))
		return true;
	return fault_set(why, FAULT_QUOTA, "%s/%s is at its quota: it holds %" PRIu64 " octets of %" PRIu64, m->user,
	                 m->place->mail, live, quota);
}

static bool append_held(struct mailbox *m, struct draft *const *drafts, size_t n, uint64_t quota, struct fault *why)
{
	struct append_note note;
	if (!mailbox_create(m, why) || (!mailbox_ends_well(m) && !recover_mailbox(m, why)))
		return false;
	if (!mailbox_ends_well(m))
		return fault_set(why, FAULT_FULL, "no room to put the end of %s/%s right", m->user, m->place->mail);
	if (!fits_quota(m, whole_length(drafts, n), quota, why) || !open_note(m, drafts, n, &note, why))
		return false;
	if (!write_and_sync(m, drafts, n, why)) {
		take_back(m, &note);
		return false;
	}
	note.open = 0;
	if (!mailbox_write_note(m, &note, why)) {
		/* The mails are safe, and an open note over whole mails only costs the next holder a scan. */
		log_warning("%s", why->text);
	}
	if (index_mails(m, drafts, n))
		mailbox_describe(m);
	else
		mailbox_drop_index(m);
	return true;
}

bool append_drafts(struct mailbox *m, struct draft *const *drafts, size_t n, uint64_t quota, struct fault *why)
{
	if (!mailbox_hold(m, why))
		return false;
	bool appended = append_held(m, drafts, n, quota, why);
	mailbox_let(m);
	return appended;
}
