/*
 * mail: options and actions by their tables. See mail.h.
 */
#include "admin/mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/mail_look.h"
#include "admin/mail_pick.h"
#include "server/config_table.h"
#include "server/serve.h"

enum { AGE_MAX_S = 36500U * 86400 };

/* ---- options ---- */

static bool set_format(void *at, const char *value)
{
	static const char *const formats[] = { "mboxrd", "mbox", "maildir", "mail" };
	*(const char **)at = value;
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (strcmp(formats[i], value) == 0)
			return true;
	}
	return false;
}

/* As postroom.conf has them. */
static bool set_limit(enum config_type type, void *to, const char *value)
{
	char expected[120];
	const struct config_row row = { .type = type,
		                        .most = type == CONFIG_SIZE ? OPTIONS_SIZE_MAX : (uint64_t)AGE_MAX_S };
	return config_value_set(&row, to, value, NULL, expected);
}

static bool set_size(void *at, const char *value)
{
	struct mail_limit *limit = at;
	return limit->said = set_limit(CONFIG_SIZE, &limit->size, value);
}

static bool set_seconds(void *at, const char *value)
{
	struct mail_limit *limit = at;
	return limit->said = set_limit(CONFIG_SECONDS, &limit->seconds, value);
}

static const char a_size[] = "give octets such as 52428800, or 50M, or 1G";
static const char a_time[] = "give seconds, or a time such as 5m, 12h or 7d";

static const struct admin_option options[] = {
	{ .name = "dir",
	  .argument = "DIR",
	  .help = "where the users file is (default: the configuration's, or the current directory)",
	  .at = offsetof(struct mail_wishes, dir) },
	{ .name = "config",
	  .argument = "FILE",
	  .help = "a postroom.conf: it says the directory, quota, undelete, and how long mail is kept",
	  .at = offsetof(struct mail_wishes, config),
	  .set = admin_set_word,
	  .expected = "give a file" },
	{ .name = "course",
	  .argument = "NAME|FILE",
	  .help = "which course's mailboxes (default: that of the users file)",
	  .at = offsetof(struct mail_wishes, course) },
	{ .name = "json", .help = "list: print it as JSON", .at = offsetof(struct mail_wishes, json) },
	{ .name = "deleted",
	  .help = "list: the deleted mails that undelete can take back",
	  .at = offsetof(struct mail_wishes, deleted) },
	{ .name = "all", .help = "undelete: all that can be taken back", .at = offsetof(struct mail_wishes, all) },
	{ .name = "raw", .help = "show: the mail's own text", .at = offsetof(struct mail_wishes, raw) },
	{ .name = "dry-run",
	  .help = "delete: say what would go, and delete nothing",
	  .at = offsetof(struct mail_wishes, dry_run) },
	{ .name = "undelete",
	  .argument = "TIME",
	  .help = "delete: so that undelete can take it back for so long",
	  .at = offsetof(struct mail_wishes, undelete),
	  .set = set_seconds,
	  .expected = a_time },
	{ .name = "quota",
	  .argument = "SIZE",
	  .help = "import, undelete: no more than the mailbox may hold",
	  .at = offsetof(struct mail_wishes, quota),
	  .set = set_size,
	  .expected = a_size },
	{ .name = "retain-age",
	  .argument = "TIME",
	  .help = "expire: mails that came so long ago go",
	  .at = offsetof(struct mail_wishes, retain_age),
	  .set = set_seconds,
	  .expected = a_time },
	{ .name = "retain-size",
	  .argument = "SIZE",
	  .help = "expire: the oldest go where a mailbox holds more",
	  .at = offsetof(struct mail_wishes, retain_size),
	  .set = set_size,
	  .expected = a_size },
	{ .name = "mbox",
	  .argument = "FILE|-",
	  .help = "export: into a new file in mboxrd format, or to stdout",
	  .at = offsetof(struct mail_wishes, mbox) },
	{ .name = "maildir",
	  .argument = "DIR",
	  .help = "export: into a Maildir, which is made where there is none",
	  .at = offsetof(struct mail_wishes, maildir) },
	{ .name = "format",
	  .argument = "FORMAT",
	  .help = "import: mboxrd, mbox, maildir or mail (default: by what it looks like)",
	  .at = offsetof(struct mail_wishes, format),
	  .set = set_format,
	  .expected = "give mboxrd, mbox, maildir or mail" },
	{ 0 },
};

/* ---- delete ---- */

struct maildrop *mail_session(struct mail_job *job, const char *action, struct fault *why)
{
	char holder[STORE_HOLDER_MAX];
	struct store *s = job->place.store;
	snprintf(holder, sizeof holder, "postroom mail %s (process %ld)", action, (long)getpid());
	return s->ops->open(s, job->place.user, holder, why);
}

/* What goes: how many mails, and their octets on the wire. */
struct toll {
	size_t mails;
	uint64_t octets;
};

static int count_toll(struct maildrop *m, const unsigned char *marks, struct toll *toll)
{
	struct mail_info info;
	struct fault why;
	*toll = (struct toll){ 0 };
	for (size_t i = 0; i < m->ops->count(m); i++) {
		if (!store_marked(marks, i))
			continue;
		if (m->ops->info(m, i, true, &info, &why) != STORE_GOT)
			return mail_place_fail(&why);
		toll->mails++;
		toll->octets += info.octets;
	}
	return EX_OK;
}

static void say_toll(const char *what, const struct toll *toll)
{
	printf("%s %zu %s, %llu octets\n", what, toll->mails, toll->mails == 1 ? "mail" : "mails",
	       (unsigned long long)toll->octets);
}

static int delete_marked(struct mail_job *job, struct maildrop *m, const unsigned char *marks)
{
	struct toll toll;
	struct fault why;
	int status = count_toll(m, marks, &toll);
	if (status != EX_OK)
		return status;
	if (job->wishes->dry_run) {
		status = mail_look_rows(m, marks);
		say_toll("would delete", &toll);
		return status;
	}
	if (!m->ops->remove(m, marks, &why))
		return mail_place_fail(&why);
	say_toll("deleted", &toll);
	if (job->limits.undelete > 0)
		puts("`postroom mail list --deleted` shows what undelete can take back");
	return EX_OK;
}

static int delete_in(struct mail_job *job, struct maildrop *m)
{
	struct fault why;
	if (!m->ops->number(m, &why))
		return mail_place_fail(&why);
	unsigned char *marks = calloc(m->ops->count(m) / 8 + 1, 1);
	if (!marks)
		return admin_fail(EX_OSERR, "out of memory");
	int status = mail_pick(m, job->words, job->count, marks);
	if (status == EX_OK)
		status = delete_marked(job, m, marks);
	free(marks);
	return status;
}

int mail_delete(struct mail_job *job)
{
	struct fault why;
	struct store *s = job->place.store;
	if (!job->place.there)
		return admin_fail(EX_NOINPUT, "%s has no mail", job->place.user);
	struct maildrop *m = mail_session(job, "delete", &why);
	if (!m)
		return mail_place_fail(&why);
	int status = delete_in(job, m);
	m->ops->close(m);
	if (status == EX_OK && !job->wishes->dry_run)
		s->ops->tidy(s, job->place.user);
	return status == EX_OK ? admin_done() : status;
}

/* ---- actions ---- */

static const struct action {
	const char *name;
	const char *words; /* behind the user's name, for people */
	size_t least;
	size_t most;
	bool raw; /* the options that mean something to it */
	bool dry_run;
	bool target;
	bool format;
	bool json; /* and --deleted */
	bool all;
	bool undelete;
	bool quota;
	bool retain;
	int (*run)(struct mail_job *job);
} actions[] = {
	{ .name = "list", .words = "", .json = true, .run = mail_list },
	{ .name = "show", .words = " NUMBER|ID", .least = 1, .most = 1, .raw = true, .run = mail_show },
	{ .name = "delete",
	  .words = " NUMBER|FROM-TO|ID …",
	  .least = 1,
	  .most = SIZE_MAX,
	  .dry_run = true,
	  .undelete = true,
	  .run = mail_delete },
	{ .name = "export", .words = " --mbox FILE|- or --maildir DIR", .target = true, .run = mail_export },
	{ .name = "import", .words = " [FILE|DIR|-]", .most = 1, .format = true, .quota = true, .run = mail_import },
	{ .name = "undelete",
	  .words = " NUMBER|FROM-TO|ID …, or --all",
	  .most = SIZE_MAX,
	  .all = true,
	  .quota = true,
	  .run = mail_undelete },
	{ .name = "expire", .words = "", .retain = true, .run = mail_expire },
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

/* An option that an action would pass over is a mistake. */
static const char *find_stray(const struct action *a, const struct mail_wishes *w)
{
	return w->raw && !a->raw           ? "--raw"
	       : w->dry_run && !a->dry_run ? "--dry-run"
	       : w->mbox && !a->target     ? "--mbox"
	       : w->maildir && !a->target  ? "--maildir"
	       : w->format && !a->format   ? "--format"
	       : w->json && !a->json       ? "--json"
	       : w->deleted && !a->json    ? "--deleted"
	       : w->all && !a->all         ? "--all"
	                                   : NULL;
}

static const char *find_stray_limit(const struct action *a, const struct mail_wishes *w)
{
	return w->undelete.said && !a->undelete    ? "--undelete"
	       : w->quota.said && !a->quota        ? "--quota"
	       : w->retain_age.said && !a->retain  ? "--retain-age"
	       : w->retain_size.said && !a->retain ? "--retain-size"
	                                           : NULL;
}

static int check(const struct action *a, const struct mail_wishes *w, size_t words)
{
	const char *stray = find_stray(a, w) ? find_stray(a, w) : find_stray_limit(a, w);
	if (stray)
		return admin_fail(EX_USAGE, "%s means nothing to mail %s: leave it out", stray, a->name);
	if (words < a->least || words > a->most)
		return admin_fail(EX_USAGE, "say postroom mail %s USER%s", a->name, a->words);
	if (a->target && !w->mbox == !w->maildir)
		return admin_fail(EX_USAGE, "where to? Give --mbox FILE, --mbox - or --maildir DIR");
	return EX_OK;
}

/* What the command line says, else the configuration. */
static int find_limits(const struct mail_wishes *w, struct mail_limits *limits, const char **dir)
{
	static struct serve_mailboxes said;
	int status = w->config ? serve_mailboxes(w->config, &said) : EX_OK;
	*dir = w->dir || !w->config ? w->dir : said.dir;
	*limits = (struct mail_limits){
		.quota = w->quota.said ? w->quota.size : said.quota,
		.retain_size = w->retain_size.said ? w->retain_size.size : said.retain_size,
		.retain_age = w->retain_age.said ? w->retain_age.seconds : said.retain_age,
		.undelete = w->undelete.said ? w->undelete.seconds : said.undelete,
	};
	return status;
}

static int run_in_place(const struct action *action, struct mail_job *job, const struct mail_place_names *names)
{
	int status = mail_place_open(&job->place, names);
	if (status == EX_OK) {
		job->place.store->quota = job->limits.quota;
		job->place.store->undelete = job->limits.undelete;
		status = action->run(job);
	}
	mail_place_close(&job->place);
	return status;
}

static int run(void *wishes, int count, char **operands)
{
	const struct action *action = count > 0 ? find_action(operands[0]) : NULL;
	struct mail_job job = { .wishes = wishes };
	const char *dir;
	if (!action)
		return admin_fail(EX_USAGE, "%s%s%ssay list, show, delete, undelete, export, import or expire",
		                  count > 0 ? "'" : "", count > 0 ? operands[0] : "",
		                  count > 0 ? "' is not known: " : "");
	if (count < 2)
		return admin_fail(EX_USAGE, "whose mail? Say postroom mail %s USER%s", action->name, action->words);
	job.words = operands + 2;
	job.count = (size_t)count - 2;
	int status = check(action, wishes, job.count);
	if (status != EX_OK)
		return status;
	status = find_limits(wishes, &job.limits, &dir);
	if (status != EX_OK)
		return status;
	const struct mail_place_names names = { .dir = dir, .course = job.wishes->course, .user = operands[1] };
	return run_in_place(action, &job, &names);
}

const struct admin_command mail_command = {
	.name = "mail",
	.operands = "list USER | show USER MAIL | delete USER MAIL … | undelete USER MAIL … | export USER | "
	            "import USER [FILE|DIR|-] | expire USER",
	.summary = "lists, shows, deletes, undeletes, exports and imports a user's mail",
	.about = "Works on the mailbox files themselves, beside running servers. MAIL is a number, as list gives it, "
	         "or a "
	         "unique id;\n"
	         "delete takes ranges (3-7), too, and deletes all that is named or nothing. import takes an mbox file, "
	         "a "
	         "Maildir, or a\n"
	         "single mail. undelete takes back what was deleted where the server keeps it for a time (numbers are "
	         "those of\n"
	         "list --deleted). expire removes for good what is too old or too much.\n",
	.options = options,
	.wishes_size = sizeof(struct mail_wishes),
	.run = run,
};
