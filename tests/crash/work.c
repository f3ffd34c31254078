/*
 * work: see work.h.
 */
#include "work.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/mailbox.h"
#include "store/store.h"
#include "turns.h"
#include "work_kept.h"

enum { SESSION_MAILS = 64, BATCH_MAX = 3, FOR_GROUP = 0660 };
static const char user[] = "alice", mailbox[] = "mymailbox", index_name[] = ".mymailbox.index";
static const char torn_name[] = ".mymailbox.torn";

struct working {
	struct disk *disk;
	struct ledger *ledger;
	struct store *stores[3]; /* A, B, C */
	struct maildrop *drop;
	int session[SESSION_MAILS]; /* the ledger's number of each mail of the snapshot; -1: unknown */
	size_t session_count;
	struct work_users users;
};

static unsigned now(const struct working *w)
{
	return (unsigned)w->disk->ops_count;
}

static struct store *store_of(struct working *w, char process)
{
	struct store **s = &w->stores[process - 'A'];
	struct fault why;
	if (!*s) {
		int root = disk_root();
		*s = file_store_new(root, mailbox, &why);
		if (!*s)
			disk_fatal(why.text);
	}
	return *s;
}

/* ---- mails ---- */

static void write_text(char *text, size_t size, size_t number)
{
	int n = snprintf(text, size, "From: a@b\nTo: alice@lab\nSubject: mail %zu\n\n..a stuffed line\n", number);
	for (size_t i = 0; i < number % 5; i++)
		n += snprintf(text + n, size - (size_t)n, "line %zu of mail %zu, so that sizes differ\n", i, number);
	snprintf(text + n, size - (size_t)n, "the end of mail %zu\n", number);
}

static struct work_mail *new_mail(struct working *w)
{
	struct ledger *l = w->ledger;
	if (l->count == WORK_MAILS)
		disk_fatal("too many mails in a workload");
	struct work_mail *m = &l->mails[l->count++];
	*m = (struct work_mail){ .begun_at = now(w),
		                 .acked_at = WORK_NEVER,
		                 .asked_at = WORK_NEVER,
		                 .removed_at = WORK_NEVER,
		                 .refused_at = WORK_NEVER,
		                 .kept_at = WORK_NEVER,
		                 .told_at = WORK_NEVER,
		                 .back_asked_at = WORK_NEVER,
		                 .back_at = WORK_NEVER,
		                 .cut_asked_at = WORK_NEVER,
		                 .cut_at = WORK_NEVER };
	work_kept_at_mail(l->count);
	write_text(m->text, sizeof m->text, l->count);
	return m;
}

static struct draft *draft_of(struct store *s, const struct work_mail *m, bool in_file)
{
	struct fault why;
	struct draft *d = s->ops->draft(s);
	bool good = d && draft_write(d, m->text, strlen(m->text));
	good = good && (!in_file || draft_spill(d, &why)) && draft_finish(d, &why);
	if (good)
		return d;
	draft_free(d);
	return NULL;
}

struct delivery {
	char process;
	size_t n;
	bool in_file;
	size_t twin; /* of the mail with this number; 0: none */
};

static void deliver(struct working *w, struct delivery how)
{
	size_t n = how.n;
	struct store *s = store_of(w, how.process);
	struct work_mail *mails[BATCH_MAX];
	struct draft *drafts[BATCH_MAX];
	struct fault why;
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		mails[i] = new_mail(w);
		mails[i]->batch = (size_t)(mails[0] - w->ledger->mails);
		if (how.twin > 0)
			memcpy(mails[i]->text, w->ledger->mails[how.twin - 1].text, WORK_TEXT);
		drafts[i] = draft_of(s, mails[i], how.in_file);
		good &= drafts[i] != NULL;
	}
	good = good && s->ops->append(s, user, drafts, n, &why);
	for (size_t i = 0; i < n; i++) {
		if (good)
			mails[i]->acked_at = now(w);
		else
			mails[i]->refused_at = now(w);
		draft_free(drafts[i]);
	}
}

/* ---- sessions ---- */

/* A mail's text as it is stored; false: it cannot be read. */
bool work_read_mail(struct maildrop *drop, size_t i, char text[WORK_TEXT])
{
	struct fault why;
	size_t at = 0;
	for (;;) {
		struct store_span span = { .offset = at, .octets = text + at, .size = WORK_TEXT - 1 - at };
		if (drop->ops->read(drop, i, &span, true, &why) != STORE_GOT)
			return false;
		if (span.got == 0)
			break;
		at += span.got;
	}
	text[at] = '\0';
	return true;
}

static bool has_twin(const struct ledger *l, size_t mail)
{
	for (size_t i = 0; i < l->count; i++) {
		if (i != mail && strcmp(l->mails[i].text, l->mails[mail].text) == 0)
			return true;
	}
	return false;
}

/* Whether a mail must have the id that clients know. Equal mails may swap theirs when the index is lost (docs/store.md): any change of it that is not synced can
 * have that happen. */
static bool keeps_id(const struct ledger *l, unsigned at, size_t mail)
{
	unsigned told_at = l->mails[mail].told_at;
	return told_at <= at && (!has_twin(l, mail) || (told_at == at && !l->again));
}

static bool must_be_there(const struct work_mail *m, unsigned at)
{
	return m->acked_at <= at && (m->asked_at > at || m->kept_at <= at || m->back_at <= at);
}

/* Of equal mails the one that is meant most likely. */
static int likelihood(const struct ledger *l, unsigned at, size_t mail, const char *uid)
{
	const struct work_mail *m = &l->mails[mail];
	if (m->removed_at <= at && m->back_asked_at > at)
		return 0;
	if (keeps_id(l, at, mail))
		return strcmp(m->uid, uid) == 0 ? 4 : 1;
	return must_be_there(m, at) ? 3 : 2;
}

/* The mail with this text and id, of those that are not `taken`; -1: none. */
static int find_mail(const struct ledger *l, unsigned at, const char *text, const char *uid, const bool *taken)
{
	int best = -1, likely = -1;
	for (size_t i = 0; i < l->count; i++) {
		if (taken[i] || strcmp(l->mails[i].text, text) != 0)
			continue;
		int now = likelihood(l, at, i, uid);
		if (now > likely) {
			best = (int)i;
			likely = now;
		}
	}
	return best;
}

static bool tell(struct working *w, size_t i, bool *taken)
{
	char text[WORK_TEXT];
	struct mail_info info;
	struct fault why;
	if (!work_read_mail(w->drop, i, text) || w->drop->ops->info(w->drop, i, true, &info, &why) != STORE_GOT)
		return false;
	int found = find_mail(w->ledger, now(w), text, info.uid, taken);
	if (found < 0)
		return true;
	taken[found] = true;
	w->session[i] = found;
	struct work_mail *m = &w->ledger->mails[found];
	if (m->typed && m->acked_at == WORK_NEVER)
		m->acked_at = now(w);
	if (m->asked_at != WORK_NEVER && m->kept_at == WORK_NEVER)
		m->kept_at = now(w);
	if (m->told_at != WORK_NEVER)
		return true;
	snprintf(m->uid, sizeof m->uid, "%s", info.uid);
	m->told_at = now(w);
	return true;
}

static void begin_session(struct working *w)
{
	struct store *s = store_of(w, 'C');
	struct fault why;
	bool taken[WORK_MAILS] = { false };
	w->drop = s->ops->open(s, user, "alice from 192.0.2.1", &why);
	w->session_count = 0;
	if (!w->drop)
		return;
	if (!w->drop->ops->number(w->drop, &why))
		return;
	w->session_count = w->drop->ops->count(w->drop);
	for (size_t i = 0; i < w->session_count; i++)
		w->session[i] = -1;
	for (size_t i = 0; i < w->session_count && tell(w, i, taken);)
		i++;
}

static void end_session(struct working *w)
{
	if (w->drop)
		w->drop->ops->close(w->drop);
	w->drop = NULL;
}

static void remove_mails(struct working *w, const char *numbers, bool kept)
{
	unsigned char marks[SESSION_MAILS / 8] = { 0 };
	struct fault why;
	int removal = ++w->ledger->removals;
	struct work_mail *gone[SESSION_MAILS];
	size_t n = 0;
	for (const char *at = numbers; w->drop && *at; at += *at == ',') {
		size_t i = (size_t)strtoul(at, (char **)&at, 10);
		if (i >= w->session_count || w->session[i] < 0)
			continue;
		marks[i / 8] |= (unsigned char)(1 << i % 8);
		gone[n] = &w->ledger->mails[w->session[i]];
		if (gone[n]->removed_at != WORK_NEVER)
			continue; /* behind the back of a session that has lost its lock: it will be told */
		gone[n]->asked_at = now(w);
		gone[n]->kept = kept;
		gone[n++]->removal = removal;
	}
	store_of(w, 'C')->undelete = kept ? WORK_KEPT_S : 0;
	if (n > 0 && w->drop->ops->remove(w->drop, marks, &why)) {
		for (size_t i = 0; i < n; i++)
			gone[i]->removed_at = now(w);
	}
	end_session(w);
}

/* ---- others ---- */

static void drop_index(void)
{
	int root = disk_root();
	int dir = openat(root, user, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	unlinkat(dir, index_name, 0);
	fsync(dir);
	close(dir);
	close(root);
}

static void delete_mailbox(struct working *w)
{
	int root = disk_root(), dir = openat(root, user, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || unlinkat(dir, mailbox, 0) != 0 || fsync(dir) != 0)
		disk_fatal("no mailbox to delete");
	close(dir);
	close(root);
	for (size_t i = 0; i < w->ledger->count; i++) {
		struct work_mail *m = &w->ledger->mails[i];
		if (m->removed_at == WORK_NEVER)
			m->asked_at = m->removed_at = now(w);
	}
}

static void edit(struct working *w)
{
	struct work_mail *m = new_mail(w);
	struct file_look look;
	char path[64];
	int root = disk_root();
	snprintf(path, sizeof path, "%s/%s", user, mailbox);
	int fd = openat(root, path, O_RDWR | O_CLOEXEC);
	m->typed = true;
	if (fd >= 0 && file_look(fd, &look) && file_write(fd, m->text, strlen(m->text), (off_t)look.size))
		file_sync(fd);
	file_close(fd);
	close(root);
}

static void leave_unfinished(void)
{
	static const char half[] = "From: a@b\n\nhalf of a mail";
	struct mailbox_place place = { .root = disk_root(), .deleted = ".mymailbox.deleted" };
	struct append_note note = { .open = 1, .length = 200, .chain = 1 };
	struct mailbox m;
	struct fault why;
	snprintf(place.mail, sizeof place.mail, "%s", mailbox);
	snprintf(place.index, sizeof place.index, "%s", index_name);
	bool good = mailbox_open(&m, &place, user, &why) && mailbox_hold(&m, &why);
	note.inode = m.look.inode;
	note.birth = m.look.birth;
	note.offset = m.look.size;
	if (!good || !mailbox_write_note(&m, &note, &why) ||
	    !file_write(m.mail, half, strlen(half), (off_t)m.look.size))
		disk_fatal("no unfinished delivery");
	mailbox_close(&m);
}

static void open_to_group(struct working *w)
{
	int root = disk_root(), fd = openat(root, "alice/mymailbox", O_RDWR | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, FOR_GROUP) != 0)
		disk_fatal("no mailbox to open to its group");
	close(fd);
	close(root);
	w->ledger->for_group = true;
}

static struct delivery read_delivery(const char *word)
{
	struct delivery d = { .n = 1 };
	if (*word == 's')
		d.in_file = true;
	else if (*word == '3')
		d.n = 3;
	else if (*word == '=')
		d.twin = strtoul(word + 1, NULL, 10);
	d.process = word[strlen(word) - 1];
	return d;
}

static void one_word(struct working *w, const char *word)
{
	switch (word[0]) {
	case '+':
		deliver(w, read_delivery(word + 1));
		break;
	case '(':
		begin_session(w);
		break;
	case ')':
		end_session(w);
		break;
	case '-':
	case 'k':
		remove_mails(w, word + 2, word[0] == 'k');
		break;
	case '<':
		work_take_back(store_of(w, word[1]), w->ledger, w->disk, word + 2);
		break;
	case '!':
		work_expire(store_of(w, word[1]), w->ledger, w->disk, (size_t)strtoul(word + 2, NULL, 10));
		break;
	case '~': {
		struct store *s = store_of(w, word[1]);
		s->ops->tidy(s, user);
		break;
	}
	case 'x':
		if (word[1] == 'I')
			drop_index();
		else if (word[1] == 'U')
			leave_unfinished();
		else if (word[1] == 'D')
			delete_mailbox(w);
		else if (word[1] == 'M')
			open_to_group(w);
		else if (word[1] == 'S')
			work_misplace_marks();
		else if (word[1] == 'O')
			work_old_marks(w->ledger, w->disk);
		else
			edit(w);
		break;
	case 'u':
		work_users_word(&w->users, word);
		break;
	default:
		disk_fatal(word);
	}
}

struct both {
	struct working *working;
	const char *words[2];
};

static void one_of_both(void *owner, int which)
{
	struct both *b = owner;
	one_word(b->working, b->words[which]);
}

static void two_at_once(struct working *w, char *first, char *bar)
{
	struct both both = { .working = w, .words = { first, bar + 1 } };
	*bar = '\0';
	w->disk->turns_begin = w->disk->calls + 1;
	turns_run(one_of_both, &both);
	w->disk->turns_end = w->disk->calls;
}

void work_run(const char *script, struct ledger *ledger, struct disk *d)
{
	struct working w = { .disk = d, .ledger = ledger, .users = { .disk = d, .ledger = &ledger->users } };
	char words[256];
	snprintf(words, sizeof words, "%s", script);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
		char *bar = strchr(word, '|');
		if (bar)
			two_at_once(&w, word, bar);
		else
			one_word(&w, word);
	}
	/* A mode that cannot be given does not stop a removal. */
	ledger->for_group &= !d->failing;
	end_session(&w);
	work_users_end(&w.users);
	for (int i = 0; i < 3; i++) {
		if (w.stores[i])
			w.stores[i]->ops->free(w.stores[i]);
	}
}

/* ---- the check ---- */

struct check {
	const struct ledger *ledger;
	unsigned at;
	struct store *store;
	char *why;
	size_t size;
};

/* What a session is shown. */
struct shown {
	size_t count;
	struct {
		int mail; /* the ledger's; -1: in no ledger */
		char uid[64];
	} mails[SESSION_MAILS];
};

static bool broken(const struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool broken(const struct check *c, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(c->why, c->size, format, args);
	va_end(args);
	return false;
}

static bool look_in(const struct check *c, struct shown *shown)
{
	struct fault fault;
	char text[WORK_TEXT];
	struct mail_info info;
	bool taken[WORK_MAILS] = { false };
	struct maildrop *drop = c->store->ops->open(c->store, user, "checker", &fault);
	if (!drop)
		return broken(c, "the mailbox does not open: %s", fault.text);
	bool good = drop->ops->number(drop, &fault);
	shown->count = drop->ops->count(drop);
	for (size_t i = 0; good && i < shown->count && i < SESSION_MAILS; i++) {
		good = work_read_mail(drop, i, text) && drop->ops->info(drop, i, true, &info, &fault) == STORE_GOT;
		int mail = good ? find_mail(c->ledger, c->at, text, info.uid, taken) : -1;
		if (mail >= 0)
			taken[mail] = true;
		shown->mails[i].mail = mail;
		snprintf(shown->mails[i].uid, sizeof shown->mails[i].uid, "%s", good ? info.uid : "");
	}
	drop->ops->close(drop);
	return good || broken(c, "a mail cannot be read: %s", fault.text);
}

/* What was never acknowledged, and not refused for good: after a power cut it may be there in part. */
static bool something_was_under_way(const struct ledger *l, unsigned at)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct work_mail *m = &l->mails[i];
		if (m->begun_at <= at && m->acked_at > at && m->refused_at > at)
			return true;
	}
	return false;
}

/* Of two mails that came at once either may be the first, unless they came together. */
static bool must_precede(const struct work_mail *a, const struct work_mail *b)
{
	return (a->batch == b->batch || a->acked_at <= b->begun_at) && strcmp(a->text, b->text) != 0;
}

/* The mails are in order, and have the ids that clients were told. */
static bool compare_shown(const struct check *c, const struct shown *shown, unsigned *seen)
{
	const struct ledger *l = c->ledger;
	int last = -1;
	for (size_t i = 0; i < shown->count; i++) {
		int mail = shown->mails[i].mail;
		if (mail < 0) {
			if (l->power_cut && something_was_under_way(l, c->at))
				continue;
			return broken(c, "mail %zu of the mailbox is none that was sent", i + 1);
		}
		const struct work_mail *m = &l->mails[mail];
		seen[mail]++;
		if (last >= 0 && mail < last && must_precede(m, &l->mails[last]))
			return broken(c, "mail %d stands behind mail %d", mail + 1, last + 1);
		last = mail;
		if (keeps_id(l, c->at, (size_t)mail) && strcmp(m->uid, shown->mails[i].uid) != 0)
			return broken(c, "mail %d had the unique id %s and now has %s", mail + 1, m->uid,
			              shown->mails[i].uid);
	}
	return true;
}

/* Every mail is there that must be, and none that must not; a removal has taken all its mails or none. */
static bool compare_ledger(const struct check *c, const unsigned *seen)
{
	int part[WORK_MAILS] = { 0 }; /* of each removal: 1 something is there, 2 something is gone */
	for (size_t i = 0; i < c->ledger->count; i++) {
		const struct work_mail *m = &c->ledger->mails[i];
		bool acked = m->acked_at <= c->at, kept = m->kept_at <= c->at;
		bool must = must_be_there(m, c->at);
		bool may = m->begun_at <= c->at && (m->removed_at > c->at || m->back_asked_at <= c->at);
		if (seen[i] > 1 || (must && seen[i] == 0) || (!may && seen[i] > 0))
			return broken(c, "mail %zu is there %u times%s", i + 1, seen[i],
			              must  ? ", and was acknowledged"
			              : may ? ""
			                    : ", and must not be");
		if (m->removal > 0 && m->asked_at <= c->at && acked && !kept && m->back_asked_at > c->at)
			part[m->removal] |= seen[i] > 0 ? 1 : 2;
	}
	for (int r = 1; r < WORK_MAILS; r++) {
		if (part[r] == 3)
			return broken(c, "removal %d has taken a part of its mails", r);
	}
	return true;
}

static bool file_has(const struct disk *d, const char *name, const char *text)
{
	int dir = disk_find(d, 0, user), file = dir < 0 ? -1 : disk_find(d, dir, name);
	return file >= 0 && memmem(d->data[file], d->nodes[file].size, text, strlen(text)) != NULL;
}

static bool access_is_kept(const struct check *c, const struct disk *d)
{
	int dir = disk_find(d, 0, user), file = dir < 0 ? -1 : disk_find(d, dir, mailbox);
	if (!c->ledger->for_group || (file >= 0 && (d->nodes[file].access.mode & 07777) == FOR_GROUP))
		return true;
	return broken(c, "the mailbox is not open to its group any more");
}

/* What somebody typed is in the mailbox or, where it stood behind a delivery that was never finished, was set aside. */
static bool typed_is_kept(const struct check *c, const struct disk *d)
{
	for (size_t i = 0; i < c->ledger->count; i++) {
		const struct work_mail *m = &c->ledger->mails[i];
		if (m->typed && m->begun_at == 0 && m->asked_at == WORK_NEVER && !file_has(d, mailbox, m->text) &&
		    !file_has(d, torn_name, m->text))
			return broken(c, "text %zu that was typed is gone", i + 1);
	}
	return true;
}

/* The mailbox takes one more, and then holds the same and that. */
static bool use_once_more(const struct check *c, const struct shown *before)
{
	struct work_mail more = { .text = "From: the@end\n\nafterwards\n" };
	struct draft *d = draft_of(c->store, &more, false);
	struct shown after;
	struct fault fault = { 0 };
	bool good = d && c->store->ops->append(c->store, user, &d, 1, &fault);
	draft_free(d);
	if (!good)
		return broken(c, "no mail is taken afterwards: %s", fault.text);
	if (!look_in(c, &after))
		return false;
	good = after.count == before->count + 1;
	for (size_t i = 0; good && i < before->count; i++)
		good = strcmp(before->mails[i].uid, after.mails[i].uid) == 0;
	return good ||
	       broken(c, "the mailbox is another after one more mail: %zu, then %zu", before->count, after.count);
}

static bool check_mails(struct check *c, const struct disk *d, bool thorough)
{
	unsigned seen[WORK_MAILS] = { 0 };
	struct shown shown;
	struct fault fault;
	c->store = file_store_new(disk_root(), mailbox, &fault);
	if (!c->store)
		disk_fatal(fault.text);
	const struct work_kept_check kept = {
		.ledger = c->ledger, .at = c->at, .store = c->store, .why = c->why, .size = c->size
	};
	bool good = look_in(c, &shown) && compare_shown(c, &shown, seen) && compare_ledger(c, seen) &&
	            work_kept_check(&kept, seen) && typed_is_kept(c, d) && access_is_kept(c, d) &&
	            (!thorough || (use_once_more(c, &shown) && work_kept_use(&kept)));
	c->store->ops->free(c->store);
	return good;
}

bool work_check(const struct ledger *l, unsigned at, struct disk *d, bool thorough, char *why, size_t size)
{
	struct check c = { .ledger = l, .at = at, .why = why, .size = size };
	disk_use(d);
	if (l->users.count > 0 && !work_users_check(&l->users, at, d, thorough, why, size))
		return false;
	return (l->users.count > 0 && l->count == 0) || check_mails(&c, d, thorough);
}
