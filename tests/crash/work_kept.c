/*
 * work_kept: see work_kept.h.
 */
#include "work_kept.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "store/store.h"

/* Before the disk's own time: a mail of which nobody knows when it came counts as newer than all others. */
enum { BEGIN = 1600000000, AGE = 100000, REMOVED_MAX = 64 };
static const char user[] = "alice";

static unsigned now(const struct disk *d)
{
	return (unsigned)d->ops_count;
}

void work_kept_at_mail(size_t number)
{
	clock_freeze((time_t)(BEGIN + number));
}

void work_kept_settle(struct work_mail *m)
{
	if (m->back_at != WORK_NEVER) {
		/* It is like any other mail. */
		m->asked_at = m->removed_at = m->back_asked_at = m->back_at = WORK_NEVER;
		m->kept = false;
		m->removal = m->back = 0;
	}
	m->cut_asked_at = m->cut_asked_at == WORK_NEVER ? WORK_NEVER : 0;
	m->cut_at = m->cut_at == WORK_NEVER ? WORK_NEVER : 0;
}

/* ---- what is done ---- */

/* The removed mail with this text that stands there, of those that are not `taken`; NULL: none. */
static struct work_mail *find_removed(struct ledger *l, const char *text, const bool *taken)
{
	for (size_t i = 0; i < l->count; i++) {
		struct work_mail *m = &l->mails[i];
		if (!taken[i] && m->kept && m->back_asked_at == WORK_NEVER && strcmp(m->text, text) == 0)
			return m;
	}
	return NULL;
}

void work_take_back(struct store *s, struct ledger *l, const struct disk *d, const char *numbers)
{
	unsigned char marks[REMOVED_MAX / 8] = { 0 };
	bool taken[WORK_MAILS] = { false };
	struct work_mail *back[WORK_MAILS];
	char text[WORK_TEXT];
	struct fault why;
	size_t n = 0;
	int number = ++l->removals;
	struct maildrop *drop = file_store_look_removed(s, user, &why);
	for (const char *at = numbers; drop && *at; at += *at == ',') {
		size_t i = (size_t)strtoul(at, (char **)&at, 10);
		if (i >= drop->ops->count(drop) || !work_read_mail(drop, i, text))
			continue;
		struct work_mail *m = find_removed(l, text, taken);
		if (!m)
			continue;
		taken[m - l->mails] = true;
		marks[i / 8] |= (unsigned char)(1 << i % 8);
		m->back_asked_at = now(d);
		m->back = number;
		back[n++] = m;
	}
	if (n > 0 && file_store_undelete(drop, marks, &why)) {
		for (size_t i = 0; i < n; i++)
			back[i]->back_at = now(d);
	}
	if (drop)
		drop->ops->close(drop);
}

static uint64_t old_check(const void *entry, size_t size)
{
	const unsigned char *octet = entry;
	uint64_t sum = 0xcbf29ce484222325u ^ 1;
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ octet[i]) * 0x100000001b3u;
	return sum;
}

void work_old_marks(struct ledger *l, const struct disk *d)
{
	struct {
		char magic[8];
		uint64_t inode, birth, count, check, offset;
		unsigned char hash[DRAFT_HASH];
	} old = { .magic = "PRMARK1", .count = 1 };
	struct draft *mail = draft_new(-1);
	struct fault why;
	int root = disk_root();
	int fd = openat(root, "alice/.mymailbox.deleted", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (!mail || !draft_write(mail, l->mails[0].text, strlen(l->mails[0].text)) || !draft_finish(mail, &why) ||
	    fd < 0)
		disk_fatal("no old marks");
	memcpy(old.hash, draft_hash(mail), DRAFT_HASH);
	draft_free(mail);
	old.check = old_check(&old.offset, sizeof old.offset + sizeof old.hash);
	if (!file_write(fd, &old, sizeof old, 0) || !file_sync(fd))
		disk_fatal("no old marks");
	file_close(fd);
	file_close(root);
	l->mails[0].asked_at = l->mails[0].removed_at = now(d);
}

void work_misplace_marks(void)
{
	int root = disk_root();
	int dir = openat(root, user, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || renameat(dir, ".mymailbox.deleted", dir, ".mymailbox.deleted.new") != 0 ||
	    !file_sync_directory(dir))
		disk_fatal("no marks to misplace");
	file_close(dir);
	file_close(root);
}

static bool is_too_old(const struct work_mail *m, size_t number, size_t oldest)
{
	return number <= oldest && m->acked_at != WORK_NEVER && !m->typed && m->asked_at == WORK_NEVER;
}

/* What it asks for, before it does; how many mails go by their age. */
static size_t ask(struct ledger *l, const struct disk *d, size_t oldest, int removal)
{
	size_t n = 0;
	for (size_t i = 0; i < l->count; i++) {
		struct work_mail *m = &l->mails[i];
		if (is_too_old(m, i + 1, oldest)) {
			m->asked_at = now(d);
			m->removal = removal;
			n++;
		} else if (m->kept && m->back_asked_at == WORK_NEVER && m->cut_asked_at == WORK_NEVER) {
			m->cut_asked_at = now(d);
		}
	}
	return n;
}

/* It was not done, or it is not known of what. `begun`: when it was. */
static void unask(struct ledger *l, unsigned begun, int removal, bool nothing)
{
	for (size_t i = 0; i < l->count; i++) {
		struct work_mail *m = &l->mails[i];
		if (m->removal == removal) {
			m->asked_at = nothing ? WORK_NEVER : m->asked_at;
			m->removal = 0;
		}
		if (nothing && m->cut_asked_at == begun)
			m->cut_asked_at = WORK_NEVER;
	}
}

static void note_done(struct ledger *l, const struct disk *d, unsigned begun, int removal)
{
	for (size_t i = 0; i < l->count; i++) {
		struct work_mail *m = &l->mails[i];
		if (m->removal == removal)
			m->removed_at = now(d);
		if (m->cut_asked_at == begun)
			m->cut_at = now(d);
	}
}

void work_expire(struct store *s, struct ledger *l, const struct disk *d, size_t oldest)
{
	struct store_expiry e = { .now = BEGIN + (int64_t)oldest + AGE, .age = oldest > 0 ? AGE : 0 };
	struct fault why;
	unsigned begun = now(d);
	int removal = ++l->removals;
	size_t expected = ask(l, d, oldest, removal);
	if (!file_store_expire(s, user, &e, &why)) {
		if (why.kind == FAULT_BUSY)
			unask(l, begun, removal, true);
		return;
	}
	/* Where an index was lost on the way, so is when mails came. */
	if (e.removed != expected)
		unask(l, begun, removal, false);
	note_done(l, d, begun, removal);
}

/* ---- the check ---- */

static bool broken(const struct work_kept_check *c, const char *what, size_t mail)
{
	snprintf(c->why, c->size, "mail %zu, which was removed, %s", mail, what);
	return false;
}

static bool list_removed(const struct work_kept_check *c, unsigned *found)
{
	struct fault why;
	char text[WORK_TEXT];
	bool late = false;
	/* Where they were to go for good, it is late. */
	for (size_t k = 0; k < c->ledger->count; k++)
		late |= c->ledger->mails[k].cut_at <= c->at;
	clock_freeze(late ? BEGIN + 2 * AGE : BEGIN + WORK_MAILS);
	struct maildrop *drop = file_store_look_removed(c->store, user, &why);
	bool good = drop != NULL;
	for (size_t i = 0; good && i < drop->ops->count(drop); i++) {
		good = work_read_mail(drop, i, text);
		for (size_t k = 0; good && k < c->ledger->count; k++)
			found[k] += strcmp(c->ledger->mails[k].text, text) == 0;
	}
	if (drop)
		drop->ops->close(drop);
	if (!good)
		snprintf(c->why, c->size, "the removed mails cannot be read");
	return good;
}

/* A mail is in the mailbox, or can be taken back, or is gone: and never two of these. Equal mails are told apart by work.c alone. */
bool work_kept_check(const struct work_kept_check *c, const unsigned *seen)
{
	const struct ledger *l = c->ledger;
	unsigned found[WORK_MAILS] = { 0 };
	int part[WORK_MAILS] = { 0 }; /* of each taking back: 1 something is there, 2 something is not */
	if (!list_removed(c, found))
		return false;
	for (size_t i = 0; i < l->count; i++) {
		const struct work_mail *m = &l->mails[i];
		bool back = m->back_asked_at <= c->at;
		bool must = m->kept && m->removed_at <= c->at && !back && m->cut_asked_at > c->at;
		bool may = m->kept && m->asked_at <= c->at && m->back_at > c->at && m->cut_at > c->at;
		if (must && found[i] == 0)
			return broken(c, "cannot be taken back", i + 1);
		if (!may && found[i] > 0)
			return broken(c, "can be taken back, and should not", i + 1);
		if (found[i] > 0 && seen[i] > 0)
			return broken(c, "can be taken back, and is there", i + 1);
		if (m->back > 0 && back)
			part[m->back] |= seen[i] > 0 ? 1 : 2;
	}
	for (int i = 0; i < WORK_MAILS; i++) {
		if (part[i] == 3)
			return broken(c, "was taken back, and another one with it was not", (size_t)i);
	}
	return true;
}

static size_t count_mails(const struct work_kept_check *c)
{
	struct fault why;
	struct maildrop *drop = c->store->ops->open(c->store, user, "checker", &why);
	size_t n = drop ? drop->ops->count(drop) : 0;
	if (drop)
		drop->ops->close(drop);
	return n;
}

bool work_kept_use(const struct work_kept_check *c)
{
	unsigned char all[REMOVED_MAX / 8];
	struct fault why = { .text = "they are not there" };
	size_t before = count_mails(c);
	struct maildrop *drop = file_store_look_removed(c->store, user, &why);
	size_t removed = drop ? drop->ops->count(drop) : 0;
	memset(all, 0xff, sizeof all);
	bool good = drop && file_store_undelete(drop, all, &why);
	if (drop)
		drop->ops->close(drop);
	good = good && count_mails(c) == before + removed;
	if (!good)
		snprintf(c->why, c->size, "the removed mails cannot be taken back: %s", why.text);
	return good;
}
