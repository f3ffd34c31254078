/*
 * work: see work.h.
 */
#include "work.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "store/mailbox.h"
#include "store/store.h"
#include "turns.h"

enum { SESSION_MAILS = 64, BATCH_MAX = 3 };
static const char user[] = "alice", mailbox[] = "mymailbox", index_name[] = ".mymailbox.index";

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
		                 .told_at = WORK_NEVER };
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

static void deliver(struct working *w, char process, size_t n, bool in_file)
{
	struct store *s = store_of(w, process);
	struct work_mail *mails[BATCH_MAX];
	struct draft *drafts[BATCH_MAX];
	struct fault why;
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		mails[i] = new_mail(w);
		mails[i]->batch = (size_t)(mails[0] - w->ledger->mails);
		drafts[i] = draft_of(s, mails[i], in_file);
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
static bool read_mail(struct maildrop *drop, size_t i, char text[WORK_TEXT])
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

static int find_mail(const struct ledger *l, const char *text)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->mails[i].text, text) == 0)
			return (int)i;
	}
	return -1;
}

static void tell(struct working *w, size_t i)
{
	char text[WORK_TEXT];
	struct mail_info info;
	struct fault why;
	w->session[i] = -1;
	if (!read_mail(w->drop, i, text) || w->drop->ops->info(w->drop, i, true, &info, &why) != STORE_GOT)
		return;
	int found = find_mail(w->ledger, text);
	if (found < 0)
		return;
	w->session[i] = found;
	struct work_mail *m = &w->ledger->mails[found];
	if (m->typed && m->acked_at == WORK_NEVER)
		m->acked_at = now(w);
	if (m->told_at != WORK_NEVER)
		return;
	snprintf(m->uid, sizeof m->uid, "%s", info.uid);
	m->told_at = now(w);
}

static void begin_session(struct working *w)
{
	struct store *s = store_of(w, 'C');
	struct fault why;
	w->drop = s->ops->open(s, user, "alice from 192.0.2.1", &why);
	w->session_count = 0;
	if (!w->drop)
		return;
	if (!w->drop->ops->number(w->drop, &why))
		return;
	w->session_count = w->drop->ops->count(w->drop);
	for (size_t i = 0; i < w->session_count; i++)
		tell(w, i);
}

static void end_session(struct working *w)
{
	if (w->drop)
		w->drop->ops->close(w->drop);
	w->drop = NULL;
}

static void remove_mails(struct working *w, const char *numbers)
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
		gone[n]->asked_at = now(w);
		gone[n++]->removal = removal;
	}
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

static void one_word(struct working *w, const char *word)
{
	size_t n = 1;
	bool in_file = false;
	switch (word[0]) {
	case '+':
		word++;
		if (*word == 's') {
			in_file = true;
			word++;
		} else if (*word == '3') {
			n = 3;
			word++;
		}
		deliver(w, *word, n, in_file);
		break;
	case '(':
		begin_session(w);
		break;
	case ')':
		end_session(w);
		break;
	case '-':
		remove_mails(w, word + 2);
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
	end_session(&w);
	work_users_end(&w.users);
	for (int i = 0; i < 3; i++) {
		if (w.stores[i])
			w.stores[i]->ops->free(w.stores[i]);
	}
}

/* ---- the check ---- */

struct found {
	int mail; /* the ledger's; -1: in no ledger */
	char uid[64];
};

static bool look_in(struct store *s, const struct ledger *l, struct found *found, size_t *count, char *why, size_t size)
{
	struct fault fault;
	char text[WORK_TEXT];
	struct mail_info info;
	struct maildrop *drop = s->ops->open(s, user, "checker", &fault);
	if (!drop) {
		snprintf(why, size, "the mailbox does not open: %s", fault.text);
		return false;
	}
	bool good = drop->ops->number(drop, &fault);
	*count = drop->ops->count(drop);
	for (size_t i = 0; good && i < *count && i < SESSION_MAILS; i++) {
		good = read_mail(drop, i, text) && drop->ops->info(drop, i, true, &info, &fault) == STORE_GOT;
		found[i].mail = good ? find_mail(l, text) : -1;
		snprintf(found[i].uid, sizeof found[i].uid, "%s", good ? info.uid : "");
	}
	drop->ops->close(drop);
	if (!good)
		snprintf(why, size, "a mail cannot be read: %s", fault.text);
	return good;
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
	return a->batch == b->batch || a->acked_at <= b->begun_at;
}

static bool compare(const struct ledger *l, unsigned at, const struct found *found, size_t count, char *why,
                    size_t size)
{
	unsigned seen[WORK_MAILS] = { 0 };
	int last = -1;
	for (size_t i = 0; i < count; i++) {
		if (found[i].mail < 0) {
			if (l->power_cut && something_was_under_way(l, at))
				continue;
			snprintf(why, size, "mail %zu of the mailbox is none that was sent", i + 1);
			return false;
		}
		const struct work_mail *m = &l->mails[found[i].mail];
		seen[found[i].mail]++;
		if (last >= 0 && found[i].mail < last && must_precede(m, &l->mails[last])) {
			snprintf(why, size, "mail %d stands behind mail %d", found[i].mail + 1, last + 1);
			return false;
		}
		last = found[i].mail;
		if (m->told_at <= at && strcmp(m->uid, found[i].uid) != 0) {
			snprintf(why, size, "mail %d had the unique id %s and now has %s", found[i].mail + 1, m->uid,
			         found[i].uid);
			return false;
		}
	}
	int part[WORK_MAILS] = { 0 }; /* of each removal: 1 something is there, 2 something is gone */
	for (size_t i = 0; i < l->count; i++) {
		const struct work_mail *m = &l->mails[i];
		bool must = m->acked_at <= at && m->asked_at > at;
		bool may = m->begun_at <= at && m->removed_at > at;
		if (seen[i] > 1 || (must && seen[i] == 0) || (!may && seen[i] > 0)) {
			snprintf(why, size, "mail %zu is there %u times%s", i + 1, seen[i],
			         must  ? ", and was acknowledged"
			         : may ? ""
			               : ", and must not be");
			return false;
		}
		if (m->removal > 0 && m->asked_at <= at && m->acked_at <= at)
			part[m->removal] |= seen[i] > 0 ? 1 : 2;
	}
	for (int r = 1; r < WORK_MAILS; r++) {
		if (part[r] == 3) {
			snprintf(why, size, "removal %d has taken a part of its mails", r);
			return false;
		}
	}
	return true;
}

/* The mailbox takes one more, and then holds the same and that. */
static bool use_once_more(struct store *s, const struct ledger *l, const struct found *before, size_t count, char *why,
                          size_t size)
{
	struct work_mail more = { .text = "From: the@end\n\nafterwards\n" };
	struct draft *d = draft_of(s, &more, false);
	struct found after[SESSION_MAILS + 1];
	struct fault fault = { 0 };
	size_t n = 0;
	bool good = d && s->ops->append(s, user, &d, 1, &fault);
	draft_free(d);
	if (!good) {
		snprintf(why, size, "no mail is taken afterwards: %s", fault.text);
		return false;
	}
	if (!look_in(s, l, after, &n, why, size))
		return false;
	good = n == count + 1;
	for (size_t i = 0; good && i < count; i++)
		good = strcmp(before[i].uid, after[i].uid) == 0;
	if (!good)
		snprintf(why, size, "the mailbox is another after one more mail: %zu, then %zu", count, n);
	return good;
}

static bool check_mails(const struct ledger *ledger, unsigned at, bool thorough, char *why, size_t size)
{
	struct found found[SESSION_MAILS];
	struct fault fault;
	size_t count = 0;
	struct store *s = file_store_new(disk_root(), mailbox, &fault);
	if (!s)
		disk_fatal(fault.text);
	bool good = look_in(s, ledger, found, &count, why, size) && compare(ledger, at, found, count, why, size) &&
	            (!thorough || use_once_more(s, ledger, found, count, why, size));
	s->ops->free(s);
	return good;
}

bool work_check(const struct ledger *l, unsigned at, struct disk *d, bool thorough, char *why, size_t size)
{
	disk_use(d);
	if (l->users.count > 0 && !work_users_check(&l->users, at, l->power_cut, d, thorough, why, size))
		return false;
	return (l->users.count > 0 && l->count == 0) || check_mails(l, at, thorough, why, size);
}
