/*
 * mailbox: opening, locking and looking at the files of one mailbox. What is wrong with them store/recover puts right. See mailbox.h.
 */
#include "store/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/checksum.h"
#include "store/recover.h"

/* The bytes of `.lock` that are locked, and where its texts stand. */
enum {
	BYTE_SESSION = 0,
	BYTE_WRITE = 1,
	HOLDER_AT = 0,
	NOTE_AT = 512,
	HOLDER_SIZE = 256,
	TRIES = 16,
	WRITE_WAIT_MS = 30 * 1000
};

const char mailbox_lock_name[] = ".lock";

static bool open_directory(struct mailbox *m, struct fault *why)
{
	/* Its name is synced with the first index: recover.c. */
	if (!m->there && mkdirat(m->place->root, m->user, 0700) != 0 && errno != EEXIST)
		return fault_errno(why, "cannot make the directory of %s", m->user);
	m->dir = file_open(m->place->root, m->user, O_RDONLY | O_DIRECTORY, 0);
	if (m->dir < 0)
		return fault_errno(why, "cannot open the directory of %s", m->user);
	return true;
}

static bool open_lock(struct mailbox *m, struct fault *why)
{
	m->lock = file_open(m->dir, mailbox_lock_name, O_RDWR | O_CREAT, 0600);
	if (m->lock < 0 || !file_look(m->lock, &m->lock_look))
		return fault_errno(why, "cannot open %s/%s", m->user, mailbox_lock_name);
	if (!S_ISREG(m->lock_look.mode))
		return fault_set(why, FAULT_TEMPORARY, "%s/%s is not a regular file: remove it", m->user,
		                 mailbox_lock_name);
	return true;
}

static bool open_box(struct mailbox *m, const struct mailbox_place *place, const char *user, bool there,
                     struct fault *why)
{
	*m = (struct mailbox){ .place = place, .there = there, .dir = -1, .lock = -1, .mail = -1, .index.fd = -1 };
	snprintf(m->user, sizeof m->user, "%s", user);
	if (open_directory(m, why) && open_lock(m, why))
		return true;
	mailbox_close(m);
	return false;
}

bool mailbox_open(struct mailbox *m, const struct mailbox_place *place, const char *user, struct fault *why)
{
	return open_box(m, place, user, false, why);
}

bool mailbox_open_there(struct mailbox *m, const struct mailbox_place *place, const char *user, struct fault *why)
{
	return open_box(m, place, user, true, why);
}

void mailbox_close_mail(struct mailbox *m)
{
	file_close(m->mail);
	m->mail = -1;
	index_close(&m->index);
	m->look = (struct file_look){ 0 };
}

void mailbox_close(struct mailbox *m)
{
	mailbox_close_mail(m);
	file_close(m->lock);
	file_close(m->dir);
	m->lock = -1;
	m->dir = -1;
}

/* Somebody may have removed or replaced `.lock` or the whole directory: a lock on a file that is not behind the path excludes nobody. False: that cannot be
 * told. */
static bool ask_place(const struct mailbox *m, bool *in_place, struct fault *why)
{
	char path[MAILBOX_USER_MAX + sizeof mailbox_lock_name + 1];
	struct file_look look;
	snprintf(path, sizeof path, "%s/%s", m->user, mailbox_lock_name);
	if (file_look_at(m->place->root, path, &look)) {
		*in_place = file_same(&look, &m->lock_look);
		return true;
	}
	*in_place = false;
	return errno == ENOENT || errno == ENOTDIR ||
	       fault_errno(why, "cannot look at %s/%s", m->user, mailbox_lock_name);
}

static bool reopen(struct mailbox *m, struct fault *why)
{
	struct mailbox again;
	if (!open_box(&again, m->place, m->user, m->there, why))
		return false;
	mailbox_close(m);
	*m = again;
	return true;
}

static bool lock_byte(struct mailbox *m, off_t byte, int wait_ms, struct fault *why)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (!file_lock(m->lock, byte, wait_ms)) {
			if (errno == EAGAIN)
				return fault_set(why, FAULT_BUSY, "the mailbox of %s is in use", m->user);
			return fault_errno(why, "cannot lock the mailbox of %s", m->user);
		}
		bool in_place = false;
		bool known = ask_place(m, &in_place, why);
		if (known && in_place)
			return true;
		/* With the old file goes the other lock on it, so not before it is known that it excludes nobody. */
		if (!known || !reopen(m, why)) {
			file_unlock(m->lock, byte);
			return false;
		}
	}
	return fault_set(why, FAULT_TEMPORARY, "%s/%s is replaced again and again", m->user, mailbox_lock_name);
}

/* Rule 10: whose files we write into. */
static bool may_use(const struct mailbox *m, const struct file_look *look, struct fault *why)
{
	struct file_look dir;
	if (!S_ISREG(look->mode) || look->links > 1)
		return fault_set(why, FAULT_TEMPORARY,
		                 "%s/%s is not a regular file with one name: put it right by hand", m->user,
		                 m->place->mail);
	if (look->owner == geteuid())
		return true;
	if (file_look(m->dir, &dir) && look->owner == dir.owner)
		return true;
	return fault_set(why, FAULT_TEMPORARY,
	                 "%s/%s belongs to neither this program's user nor the directory's: change its owner", m->user,
	                 m->place->mail);
}

static bool open_mail(struct mailbox *m, struct fault *why)
{
	mailbox_close_mail(m);
	m->mail = file_open(m->dir, m->place->mail, O_RDWR | O_NONBLOCK, 0);
	if (m->mail < 0 && errno == ENOENT)
		return true;
	if (m->mail < 0 && errno == ELOOP)
		return fault_set(why, FAULT_TEMPORARY,
		                 "%s/%s is a symbolic link, and links are not followed: put a file in its place",
		                 m->user, m->place->mail);
	if (m->mail < 0 || !file_look(m->mail, &m->look))
		return fault_errno(why, "cannot open %s/%s", m->user, m->place->mail);
	if (may_use(m, &m->look, why))
		return true;
	mailbox_close_mail(m);
	return false;
}

/* The file behind the path is the one that is open, or is opened anew. */
static bool look_at_mail(struct mailbox *m, struct fault *why)
{
	struct file_look look;
	if (!file_look_at(m->dir, m->place->mail, &look)) {
		if (errno != ENOENT)
			return fault_errno(why, "cannot look at %s/%s", m->user, m->place->mail);
		mailbox_close_mail(m);
		return true;
	}
	if (m->mail < 0 || !file_same(&look, &m->look))
		return open_mail(m, why);
	m->look = look;
	return true;
}

bool mailbox_deleted_size(const struct mailbox *m, uint64_t *size, struct fault *why)
{
	struct file_look look;
	if (file_look_at(m->dir, m->place->deleted, &look)) {
		*size = look.size;
		return true;
	}
	*size = 0;
	return errno == ENOENT || fault_errno(why, "cannot look at %s/%s", m->user, m->place->deleted);
}

static bool index_is_good(struct mailbox *m, uint64_t deleted_size)
{
	if (!index_refresh(&m->index)) {
		index_close(&m->index);
		if (!index_open(&m->index, m->dir, m->place->index))
			return false;
	}
	if (!index_fits(&m->index, &m->look, deleted_size))
		return false;
	if (index_of_this_boot(&m->index))
		return true;
	return index_whole(&m->index) && index_describe(&m->index, &m->look, deleted_size);
}

static bool look_first(struct mailbox *m, struct fault *why)
{
	uint64_t deleted_size;
	struct append_note note;
	if (!look_at_mail(m, why) || !mailbox_deleted_size(m, &deleted_size, why) || !mailbox_read_note(m, &note, why))
		return false;
	/* An open note under our own lock: its writer died. */
	bool died = note.open;
	if (m->mail < 0 && deleted_size == 0 && !died)
		return true;
	if (m->mail >= 0 && !died && index_is_good(m, deleted_size))
		return true;
	return recover_mailbox(m, why);
}

static bool lock_for_writing(struct mailbox *m, struct fault *why)
{
	if (lock_byte(m, BYTE_WRITE, WRITE_WAIT_MS, why))
		return true;
	if (why->kind == FAULT_BUSY)
		fault_set(why, FAULT_TEMPORARY, "the mailbox of %s is locked by a process that does not go on",
		          m->user);
	return false;
}

bool mailbox_hold_as_found(struct mailbox *m, bool *looked, struct fault *why)
{
	if (!lock_for_writing(m, why))
		return false;
	*looked = look_at_mail(m, why);
	return true;
}

bool mailbox_hold(struct mailbox *m, struct fault *why)
{
	if (!lock_for_writing(m, why))
		return false;
	if (look_first(m, why))
		return true;
	mailbox_close_mail(m);
	mailbox_let(m);
	return false;
}

void mailbox_let(struct mailbox *m)
{
	file_unlock(m->lock, BYTE_WRITE);
}

static void write_holder(struct mailbox *m, const char *holder)
{
	char text[HOLDER_SIZE] = "";
	char since[32] = "";
	time_t now = clock_wall();
	struct tm local;
	if (localtime_r(&now, &local))
		strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &local);
	snprintf(text, sizeof text, "%.*s since %s\n", (int)(HOLDER_SIZE - sizeof since - 10), holder, since);
	/* Only for people to read: a full disk is no reason to refuse a session. */
	(void)!file_write(m->lock, text, sizeof text, HOLDER_AT);
}

static void name_holder(const struct mailbox *m, struct fault *why)
{
	char text[HOLDER_SIZE + 1] = "";
	ssize_t n = file_read(m->lock, text, HOLDER_SIZE, HOLDER_AT);
	size_t len = n > 0 ? strcspn(text, "\n") : 0;
	fault_set(why, FAULT_BUSY, "mailbox in use by %.*s", len > 0 ? (int)len : 15,
	          len > 0 ? text : "another session");
}

bool mailbox_enter(struct mailbox *m, const char *holder, struct fault *why)
{
	if (!lock_byte(m, BYTE_SESSION, 0, why)) {
		if (why->kind == FAULT_BUSY)
			name_holder(m, why);
		return false;
	}
	write_holder(m, holder);
	return true;
}

bool mailbox_is_free(const struct mailbox *m, struct fault *why)
{
	/* Asked, not tried: a session that begins at this moment is not to find it taken. */
	if (file_lock_is_free(m->lock, BYTE_SESSION))
		return true;
	name_holder(m, why);
	return false;
}

bool mailbox_hold_alone(struct mailbox *m, struct fault *why)
{
	if (!mailbox_hold(m, why))
		return false;
	if (mailbox_is_free(m, why))
		return true;
	mailbox_let(m);
	return false;
}

bool mailbox_create(struct mailbox *m, struct fault *why)
{
	if (m->mail >= 0)
		return true;
	m->mail = file_open(m->dir, m->place->mail, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (m->mail < 0 || !file_look(m->mail, &m->look))
		return fault_errno(why, "cannot make %s/%s", m->user, m->place->mail);
	/* Syncs the names, too, and makes the empty index. */
	return recover_mailbox(m, why);
}

void mailbox_drop_index(struct mailbox *m)
{
	index_close(&m->index);
	unlinkat(m->dir, m->place->index, 0);
}

void mailbox_describe(struct mailbox *m)
{
	uint64_t deleted_size;
	struct fault ignored;
	if (!file_look(m->mail, &m->look) || !mailbox_deleted_size(m, &deleted_size, &ignored) ||
	    !index_describe(&m->index, &m->look, deleted_size))
		mailbox_drop_index(m);
}

uint64_t mailbox_chain(uint64_t chain, const unsigned char *hash)
{
	uint64_t word;
	memcpy(&word, hash, sizeof word);
	return (chain ^ word) * 0x9e3779b97f4a7c15u + 1;
}

/* Of notes that were never synced a power cut may leave parts of several: a sum of their fields let a note of nobody's pass. */
static uint64_t note_check(const struct append_note *n)
{
	return checksum(n, offsetof(struct append_note, check));
}

static const char note_magic[4] = "PRAN";

bool mailbox_write_note(struct mailbox *m, struct append_note *note, struct fault *why)
{
	memcpy(note->magic, note_magic, sizeof note_magic);
	note->check = note_check(note);
	return file_write(m->lock, note, sizeof *note, NOTE_AT) ||
	       fault_errno(why, "cannot write %s/%s", m->user, mailbox_lock_name);
}

bool mailbox_settle_note(struct mailbox *m, struct append_note *note, struct fault *why)
{
	struct fault ignored;
	if (file_sync(m->lock))
		return true;
	fault_errno(why, "cannot sync %s/%s", m->user, mailbox_lock_name);
	note->open = 1;
	mailbox_write_note(m, note, &ignored);
	return false;
}

bool mailbox_close_note(struct mailbox *m, struct append_note *note, struct fault *why)
{
	note->open = 0;
	return mailbox_write_note(m, note, why) && mailbox_settle_note(m, note, why);
}

bool mailbox_read_note(const struct mailbox *m, struct append_note *note, struct fault *why)
{
	ssize_t n = file_read(m->lock, note, sizeof *note, NOTE_AT);
	if (n < 0)
		return fault_errno(why, "cannot read %s/%s", m->user, mailbox_lock_name);
	if (n < (ssize_t)sizeof *note || memcmp(note->magic, note_magic, sizeof note_magic) != 0 ||
	    note->check != note_check(note))
		*note = (struct append_note){ 0 };
	return true;
}
