/*
 * check: findings of store/inspect in words: what is there, what a session would make of it, what --repair does. See check.h.
 */
#include "admin/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "admin/mail_place.h"
#include "base/buf.h"
#include "base/file.h"
#include "server/privileges.h"
#include "store/inspect.h"

enum { STATUS_FINDINGS = 1, TEXT_MAX = 1024 };

struct check_wishes {
	const char *dir;
	const char *course;
	bool repair;
	bool dry_run;
};

/* ---- what findings mean ---- */

/* A note is no finding: it is as it should be, and good to know. */
enum weight { NOTE, FINDING, MENDABLE };

static void describe_size(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "%" PRIu64 " octets", f->octets);
}

static void describe_text(struct buf *b, const struct inspect_finding *f)
{
	buf_append_text(b, f->text);
}

static void describe_mode(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "mode %04" PRIo64, f->other);
}

static void describe_other(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "%" PRIu64 " octets", f->other);
}

static void describe_mails(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "%" PRIu64 " %s", f->other, f->other == 1 ? "mail" : "mails");
}

static void describe_record(struct buf *b, const struct inspect_finding *f)
{
	if (f->mail == 0)
		buf_append_text(b, "its header is not whole");
	else
		buf_printf(b, "the record of mail %" PRIu64, f->mail);
}

static void describe_merged(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "mail %" PRIu64 ", and %" PRIu64 " mails are one now", f->mail, f->other);
}

static void describe_changed(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "mail %" PRIu64 " has %" PRIu64 " octets; the index knows one of %" PRIu64, f->mail, f->octets,
	           f->other);
}

static void describe_moved(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "mail %" PRIu64 "; the index has it at octet %" PRIu64, f->mail, f->other);
}

static void describe_flag(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "mail %" PRIu64 " is %s by the index, and %s by the marks", f->mail,
	           f->other ? "removed" : "there", f->other ? "there" : "removed");
}

static void describe_mark(struct buf *b, const struct inspect_finding *f)
{
	buf_printf(b, "for a mail that stood at octet %" PRIu64, f->offset);
}

static const char rebuilds[] = "it would be made anew with one scan of the mailbox, ids kept";

static const struct meaning {
	const char *what;
	void (*describe)(struct buf *b, const struct inspect_finding *f); /* NULL: nothing to add */
	const char *then; /* what a session or delivery would do, and --repair with it */
	enum weight weight;
} meanings[INSPECT_KINDS] = {
	[INSPECT_SESSION] = { "a session has it", describe_text, "others are told that it is in use", NOTE },
	[INSPECT_UNUSABLE] = { "the mailbox file cannot be used", describe_text,
	                       "sessions and deliveries are refused until that is put right by hand", FINDING },
	[INSPECT_OPEN_MAIL] = { "others may read or write the mailbox file", describe_mode,
	                        "it would be used as it is; chmod 600 keeps it private", FINDING },
	[INSPECT_OPEN_HOME] = { "others may look or write into the directory", describe_mode,
	                        "it would be used as it is; chmod 700 keeps it private", FINDING },
	[INSPECT_UNFINISHED] = { "a delivery that was never finished", describe_size,
	                         "it was never acknowledged: it would be set aside in the .torn file", MENDABLE },
	[INSPECT_UNSETTLED] = { "a delivery whose end was never noted", NULL,
	                        "its mails are whole: they would be synced, and stay", MENDABLE },
	[INSPECT_TAIL] = { "text that no line `.' ends", describe_size,
	                   "it would be closed with that line, and be a mail", MENDABLE },
	[INSPECT_TAIL_DOT] = { "a last line `.' without its line end", describe_size,
	                       "it would be completed, and what it ends be a mail", MENDABLE },
	[INSPECT_TAIL_BLANK] = { "blank lines behind the last mail", describe_size, "they would be cut off", MENDABLE },
	[INSPECT_INDEX_NONE] = { "there is no index", NULL, rebuilds, NOTE },
	[INSPECT_INDEX_BAD] = { "the index is damaged", describe_record, rebuilds, MENDABLE },
	[INSPECT_INDEX_OLD] = { "the index describes the mailbox as it was, when it had", describe_other, rebuilds,
	                        MENDABLE },
	[INSPECT_INDEX_SUMS] = { "the index's header and its records disagree", NULL,
	                         "it would be believed until the machine starts anew: counts may be wrong; --repair "
	                         "makes it anew",
	                         MENDABLE },
	[INSPECT_LOST_DIVIDER] = { "the line `.' behind a mail is gone", describe_merged,
	                           "they would be read as one mail; put the line back by hand", FINDING },
	[INSPECT_CHANGED] = { "a mail that the index knows otherwise", describe_changed,
	                      "it would be read as it stands in the file, under a new unique id", MENDABLE },
	[INSPECT_MOVED] = { "a mail that the index has elsewhere", describe_moved,
	                    "reading it would fail; --repair makes the index anew", MENDABLE },
	[INSPECT_ADDED] = { "not in the index, from here on", describe_mails, "they would be found by a scan, and stay",
	                    MENDABLE },
	[INSPECT_GONE] = { "in the index, and no longer in the file", describe_mails,
	                   "they would be gone, and their ids not be given again", MENDABLE },
	[INSPECT_FLAG] = { "the index and the marks disagree", describe_flag,
	                   "the index would be believed; --repair goes by the marks", MENDABLE },
	[INSPECT_MARKS_BAD] = { "the marks of removed mails cannot be read", describe_text,
	                        "sessions and deliveries would be refused once the index has to be made anew",
	                        FINDING },
	[INSPECT_MARKS_TORN] = { "the marks' file ends in a removal that was never finished", describe_other,
	                         "that part counts not at all, and would be cut off", MENDABLE },
	[INSPECT_MARKS_VOID] = { "the marks are for a file that was rewritten since", NULL, "they would be dropped",
	                         MENDABLE },
	[INSPECT_MARKS_VAIN] = { "the marks name a rewrite that never came", NULL,
	                         "they count, and that name would be forgotten", MENDABLE },
	[INSPECT_MARK_LOST] = { "a mark that matches no mail", describe_mark, "it would be dropped", MENDABLE },
	[INSPECT_TORN] = { "deliveries that were never finished wait in the .torn file", describe_other,
	                   "nobody reads it: look at it, and remove it", FINDING },
	[INSPECT_FRESH] = { "a rewrite that was never finished lies beside the mailbox", describe_other,
	                    "it is never read, and would go with the next rewrite", NOTE },
};

/* ---- the report ---- */

struct report {
	char name[TEXT_MAX]; /* of the mailbox file */
	const struct check_wishes *wishes;
	bool again; /* after a repair: what is left */
	size_t notes;
	size_t findings;
	size_t mendable;
	size_t merged; /* mails without their end: the repair forgets that there were two, and the file stays as it is */
};

static void tell(void *owner, const struct inspect_finding *f)
{
	static const char *const labels[] = { [NOTE] = "note: ", [FINDING] = "", [MENDABLE] = "" };
	struct report *r = owner;
	const struct meaning *m = &meanings[f->kind];
	struct buf detail;
	buf_init(&detail, TEXT_MAX);
	if (m->describe)
		m->describe(&detail, f);
	r->notes += m->weight == NOTE;
	r->findings += m->weight != NOTE;
	r->mendable += m->weight == MENDABLE;
	r->merged += f->kind == INSPECT_LOST_DIVIDER;
	printf("%s: ", r->name);
	if (f->placed)
		printf("line %" PRIu64 ", octet %" PRIu64 ": ", f->line, f->offset);
	printf("%s%s%s%.*s\n", labels[m->weight], m->what, detail.len > 0 ? ": " : "", SLICE_FMT(buf_slice(&detail)));
	printf("\t%s\n", m->then);
	buf_release(&detail);
}

static void sum_up(const struct report *r, const struct inspect_sums *sums)
{
	printf("%s: %s%" PRIu64 " mails, %" PRIu64 " octets", r->name, r->again ? "after the repair " : "", sums->live,
	       sums->size);
	if (sums->dead > 0)
		printf(", %" PRIu64 " more mails are removed and still take room", sums->dead);
	if (r->findings == 0)
		puts(": sound");
	else
		printf(": %zu %s\n", r->findings, r->findings == 1 ? "finding" : "findings");
}

/* ---- where it is ---- */

struct target {
	int root;
	char user[MAILBOX_USER_MAX + 1];
	struct store *store;
	struct mail_place place; /* where a user was named */
};

/* root/user/mailbox out of a path. The names are the store's, and have its bounds. */
static int split(struct target *t, char *path)
{
	char *mailbox = strrchr(path, '/');
	if (mailbox)
		*mailbox++ = '\0';
	char *user = strrchr(path, '/');
	if (!mailbox || !user || user[1] == '\0')
		return admin_fail(EX_USAGE, "a mailbox file stands in its user's directory, as in ./alice/mymailbox");
	*user++ = '\0';
	if (strlen(user) > MAILBOX_USER_MAX || strlen(mailbox) > MAILBOX_NAME_MAX)
		return admin_fail(EX_USAGE, "%s/%s: these names are longer than a mailbox's can be", user, mailbox);
	snprintf(t->user, sizeof t->user, "%s", user);
	struct fault why;
	char name[PRIVILEGES_NAME_MAX];
	t->root = open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->root < 0)
		return admin_fail(EX_NOINPUT, "cannot open %s: %s", path, strerror(errno));
	if (!privileges_drop(NULL, t->root, name, &why) || !(t->store = file_store_new(t->root, mailbox, &why)))
		return admin_fail(EX_OSERR, "%s", why.text);
	return EX_OK;
}

/* The directory is made plain; the file itself may be a link, which is a finding. */
static int open_file(struct target *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *given = slash ? slice_dup(slice_make(path, (size_t)(slash - path) + 1)) : slice_dup(slice_str("."));
	char *dir = given ? realpath(given, NULL) : NULL;
	char *whole = NULL;
	if (dir && asprintf(&whole, "%s/%s", dir, slash ? slash + 1 : path) < 0)
		whole = NULL;
	int status = whole ? split(t, whole) : admin_fail(EX_NOINPUT, "cannot find %s: %s", path, strerror(errno));
	free(whole);
	free(dir);
	free(given);
	return status;
}

static int open_user(struct target *t, const struct check_wishes *w, const char *user)
{
	const struct mail_place_names names = { .dir = w->dir, .course = w->course, .user = user };
	int status = mail_place_open(&t->place, &names);
	if (status != EX_OK)
		return status;
	t->root = t->place.dir;
	t->store = t->place.store;
	snprintf(t->user, sizeof t->user, "%s", t->place.user);
	return EX_OK;
}

/* A name with a slash is a file's. */
static int open_target(struct target *t, const struct check_wishes *w, const char *operand)
{
	*t = (struct target){ .root = -1, .place.dir = -1 };
	return strchr(operand, '/') ? open_file(t, operand) : open_user(t, w, operand);
}

static void close_target(struct target *t)
{
	if (t->place.dir_name) {
		mail_place_close(&t->place);
		return;
	}
	if (t->store)
		t->store->ops->free(t->store);
	file_close(t->root);
}

/* ---- check and repair ---- */

static int inspect(struct mailbox *m, struct report *r)
{
	struct inspect_sums sums;
	struct fault why;
	r->notes = r->findings = r->mendable = 0;
	if (!inspect_mailbox(m, tell, r, &sums, &why))
		return mail_place_fail(&why);
	sum_up(r, &sums);
	return r->findings > 0 ? STATUS_FINDINGS : EX_OK;
}

static int repair(struct mailbox *m, struct report *r)
{
	struct fault why;
	if (r->mendable == 0) {
		printf("%s: there is nothing that --repair could do\n", r->name);
		return r->findings > 0 ? STATUS_FINDINGS : EX_OK;
	}
	if (r->wishes->dry_run) {
		printf("%s: --repair would do what is said of %zu of the findings\n", r->name, r->mendable);
		return STATUS_FINDINGS;
	}
	if (!inspect_repair(m, &why))
		return mail_place_fail(&why);
	r->again = true;
	int status = inspect(m, r);
	return status == EX_OK && r->merged > 0 ? STATUS_FINDINGS : status;
}

static int check(struct target *t, const struct check_wishes *w)
{
	const struct mailbox_place *place = file_store_place(t->store);
	struct report r = { .wishes = w };
	struct mailbox m;
	struct fault why;
	snprintf(r.name, sizeof r.name, "%s/%s", t->user, place->mail);
	if (!mailbox_open(&m, place, t->user, &why))
		return mail_place_fail(&why);
	int status = inspect(&m, &r);
	if (w->repair && (status == EX_OK || status == STATUS_FINDINGS))
		status = repair(&m, &r);
	mailbox_close(&m);
	int done = admin_done();
	return done == EX_OK ? status : done;
}

/* Looking makes no directory. */
static bool is_there(const struct target *t)
{
	struct file_look look;
	return file_look_at(t->root, t->user, &look);
}

static int run(void *wishes, int count, char **operands)
{
	const struct check_wishes *w = wishes;
	struct target t;
	if (count != 1)
		return admin_fail(EX_USAGE, "say whose mailbox, as in postroom check-mailbox alice, or which, as in "
		                            "postroom check-mailbox ./alice/mymailbox");
	if (w->dry_run && !w->repair)
		return admin_fail(EX_USAGE, "--dry-run goes with --repair: without it nothing is changed anyway");
	int status = open_target(&t, w, operands[0]);
	if (status == EX_OK)
		status = is_there(&t) ? check(&t, w) : admin_fail(EX_NOINPUT, "%s has no mailbox yet", t.user);
	close_target(&t);
	return status;
}

/* ---- options ---- */

static const struct admin_option options[] = {
	{ .name = "dir",
	  .argument = "DIR",
	  .help = "where the users file is (default: the current directory)",
	  .at = offsetof(struct check_wishes, dir) },
	{ .name = "course",
	  .argument = "NAME|FILE",
	  .help = "which course's mailbox (default: that of the users file)",
	  .at = offsetof(struct check_wishes, course) },
	{ .name = "repair",
	  .help = "then do what the next session would: it deletes no mail",
	  .at = offsetof(struct check_wishes, repair) },
	{ .name = "dry-run",
	  .help = "with --repair: say what it would do, and change nothing",
	  .at = offsetof(struct check_wishes, dry_run) },
	{ 0 },
};

const struct admin_command check_command = {
	.name = "check-mailbox",
	.operands = "USER|FILE",
	.summary = "says what is wrong with a mailbox, and repairs it",
	.about = "Prints each finding with its line and octet, and what a session would make of it; an operand with a "
	         "slash is a\n"
	         "mailbox file. The exit status is 0 for a sound mailbox, 1 where something was found.\n",
	.options = options,
	.wishes_size = sizeof(struct check_wishes),
	.run = run,
};
