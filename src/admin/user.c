/*
 * user: the actions of `postroom user` by their table, over the users file of the directory's course. See user.h; auth/users_edit.c writes.
 */
#include "admin/user.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/password_input.h"
#include "auth/password.h"
#include "auth/users_edit.h"
#include "auth/users_table.h"
#include "base/file.h"
#include "course/course.h"

static const char standard[] = "standard"; /* the course of a directory that has no users file yet */

struct wishes {
	const char *dir;
	const char *course; /* NULL: the users file decides */
	const char *scheme; /* NULL: the best that the course has */
	const char *password_file;
};

/* ---- options ---- */

static const struct scheme {
	const char *name;
	enum password_kind kind;
} schemes[] = { { "yescrypt", PASSWORD_CRYPT }, { "scram-sha-256", PASSWORD_SCRAM }, { "plain", PASSWORD_PLAIN } };

enum { SCHEMES = sizeof schemes / sizeof *schemes };

static const struct scheme *find_scheme(const char *name)
{
	for (size_t i = 0; i < SCHEMES; i++) {
		if (strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	}
	return NULL;
}

static bool set_scheme(void *at, const char *value)
{
	*(const char **)at = value;
	return find_scheme(value) != NULL;
}

static const struct admin_option options[] = {
	{ .name = "dir",
	  .argument = "DIR",
	  .help = "where the users file is (default: the current directory)",
	  .at = offsetof(struct wishes, dir) },
	{ .name = "course",
	  .argument = "NAME|FILE",
	  .help = "the course (default: the users file decides; where there is none, standard)",
	  .at = offsetof(struct wishes, course) },
	{ .name = "scheme",
	  .argument = "SCHEME",
	  .help = "yescrypt, scram-sha-256 or plain (default: yescrypt; plain in a course)",
	  .at = offsetof(struct wishes, scheme),
	  .set = set_scheme,
	  .expected = "give yescrypt, scram-sha-256 or plain" },
	{ .name = "password-file",
	  .argument = "FILE|-",
	  .help = "take the password from the file's first line, or stdin's (default: ask)",
	  .at = offsetof(struct wishes, password_file) },
	{ 0 },
};

/* ---- the users file ---- */

/* What an action works on. */
struct job {
	const struct wishes *wishes;
	const char *dir;
	const char *name; /* NULL for list */
	struct course *course;
	struct users_form form;
	char path[PATH_MAX]; /* of the users file */
	struct users_table *users;
};

static void report(const char *text)
{
	admin_fail(EX_OK, "%s", text);
}

static int find_course(struct job *job, bool makes)
{
	struct fault why;
	int dir = open(job->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return admin_fail(EX_NOINPUT, "cannot open the directory %s: %s", job->dir, strerror(errno));
	if (job->wishes->course)
		job->course = course_load(job->wishes->course, &why);
	else
		job->course = course_detect(dir, job->dir, &why);
	file_close(dir);
	bool none = !job->course && !job->wishes->course && why.kind == FAULT_TEMPORARY;
	if (none && makes)
		job->course = course_load(standard, &why);
	if (!job->course)
		return admin_fail(none ? EX_NOINPUT : EX_CONFIG, "%s", why.text);
	if (!job->course->users_file)
		return admin_fail(EX_CONFIG, "the course %s has no users file: its clients register by themselves",
		                  job->course->name);
	job->form = (struct users_form){ .separator = job->course->separator, .schemes = job->course->standard };
	snprintf(job->path, sizeof job->path, "%s/%s", job->dir, job->course->users_file);
	return EX_OK;
}

static char *read_text(int fd, size_t *size, struct fault *why)
{
	struct file_look look;
	char *text = NULL;
	if (!file_look(fd, &look))
		fault_errno(why, "cannot be read");
	else if (!S_ISREG(look.mode) || look.size > USERS_FILE_MAX)
		fault_set(why, FAULT_PERMANENT, "is no file of at most %d MiB", USERS_FILE_MAX / 1024 / 1024);
	else if (!(text = malloc((size_t)look.size + 1)))
		fault_set(why, FAULT_TEMPORARY, "out of memory");
	ssize_t n = text ? file_read(fd, text, (size_t)look.size, 0) : -1;
	if (text && n < 0) {
		fault_errno(why, "cannot be read");
		free(text);
		text = NULL;
	}
	*size = n > 0 ? (size_t)n : 0;
	return text;
}

/* A file that is not there has no users, where one may be made. */
static int read_users(struct job *job, bool makes)
{
	struct fault why = { .kind = FAULT_NONE };
	int fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool fresh = fd < 0 && errno == ENOENT && makes;
	if (fd < 0 && !fresh)
		return admin_fail(EX_NOINPUT, "cannot read %s: %s", job->path, strerror(errno));
	size_t size = 0;
	char *text = fresh ? calloc(1, 1) : read_text(fd, &size, &why);
	file_close(fd);
	if (!text)
		return admin_fail(EX_NOINPUT, "%s: %s", job->path, why.kind ? why.text : "out of memory");
	job->users = users_table_new(text, size, &job->form, job->path, report);
	return job->users ? EX_OK : admin_fail(EX_OSERR, "out of memory");
}

static bool is_there(const struct job *job)
{
	struct users_entry entry;
	return users_table_find(job->users, slice_str(job->name), &entry);
}

static int no_such_user(const struct job *job)
{
	return admin_fail(EX_NOUSER, "there is no user '%s' in %s", job->name, job->path);
}

/* ---- actions ---- */

static int edit(struct job *job, bool (*how)(const struct users_edit *, struct fault *), const char *secret)
{
	struct fault why;
	const struct users_edit edit = {
		.path = job->path, .form = job->form, .name = slice_str(job->name), .secret = secret
	};
	if (how(&edit, &why))
		return EX_OK;
	int status = why.kind == FAULT_PERMANENT ? EX_DATAERR : why.kind == FAULT_BUSY ? EX_TEMPFAIL : EX_CANTCREAT;
	return admin_fail(status, "%s", why.text);
}

static int choose_kind(const struct job *job, enum password_kind *kind)
{
	const char *scheme = job->wishes->scheme;
	*kind = scheme ? find_scheme(scheme)->kind : job->form.schemes ? PASSWORD_CRYPT : PASSWORD_PLAIN;
	if (*kind == PASSWORD_PLAIN || job->form.schemes)
		return EX_OK;
	return admin_fail(EX_USAGE, "the course %s keeps its passwords in clear in %s: say --scheme plain",
	                  job->course->name, job->course->users_file);
}

/* Asks for a password, and writes the secret that is made of it. */
static int set_secret(struct job *job, bool (*how)(const struct users_edit *, struct fault *), enum password_kind *kind)
{
	struct fault why;
	struct buf password;
	char secret[PASSWORD_SECRET_MAX] = "";
	int status = choose_kind(job, kind);
	if (status != EX_OK)
		return status;
	buf_init(&password, PASSWORD_INPUT_MAX);
	if (!password_input(job->name, job->wishes->password_file, &password, &why))
		status = admin_fail(why.kind == FAULT_PERMANENT ? EX_DATAERR : EX_NOINPUT, "%s", why.text);
	else if (!password_make(*kind, buf_slice(&password), secret, &why))
		status = admin_fail(EX_DATAERR, "%s", why.text);
	else
		status = edit(job, how, secret);
	explicit_bzero(secret, sizeof secret);
	if (password.cap > 0)
		explicit_bzero(password.data, password.cap);
	buf_release(&password);
	return status;
}

/* ---- what the servers offer ---- */

enum { NO_KIND = PASSWORD_KINDS };

/* How many secrets of a kind there are when one of the kind `gone` has become one of the kind `come`. */
static size_t count_then(const struct job *job, unsigned kind, unsigned gone, unsigned come)
{
	return users_table_count_of(job->users, (enum password_kind)kind) - (kind == gone) + (kind == come);
}

/* A mechanism is offered where it works for every user: one user can take it from all, which nobody would guess. */
static void tell_offer(const struct job *job, unsigned gone, unsigned come)
{
	size_t users = users_table_count(job->users), then = users - (gone != NO_KIND) + (come != NO_KIND);
	bool scram = count_then(job, PASSWORD_CRYPT, NO_KIND, NO_KIND) == 0;
	bool scram_then = count_then(job, PASSWORD_CRYPT, gone, come) == 0;
	bool apop = count_then(job, PASSWORD_PLAIN, NO_KIND, NO_KIND) == users;
	bool apop_then = count_then(job, PASSWORD_PLAIN, gone, come) == then;
	if (!job->form.schemes || users == 0 || then == 0)
		return;
	if (scram && !scram_then)
		printf("the servers no longer offer %s, to anybody: with %s's secret only logins that send the "
		       "password work; --scheme scram-sha-256 keeps SCRAM\n",
		       apop ? "SCRAM and APOP" : "SCRAM", job->name);
	else if (apop && !apop_then)
		printf("the servers no longer offer APOP, to anybody: it needs every password in clear\n");
	else if (scram_then && !scram)
		printf("the servers offer %s again: every user's secret works with it\n",
		       apop_then ? "SCRAM and APOP" : "SCRAM");
	else if (apop_then && !apop)
		printf("the servers offer APOP again: every password is in clear\n");
}

static int done_with(const struct job *job, unsigned gone, unsigned come)
{
	tell_offer(job, gone, come);
	return admin_done();
}

static unsigned kind_of(const struct job *job)
{
	struct users_entry entry;
	return users_table_find(job->users, slice_str(job->name), &entry) ? entry.kind : NO_KIND;
}

/* ---- actions that change something ---- */

static int add(struct job *job)
{
	enum password_kind kind;
	if (is_there(job))
		return admin_fail(EX_DATAERR,
		                  "the user '%s' is in %s already: postroom user passwd changes the password",
		                  job->name, job->path);
	int status = set_secret(job, users_edit_add, &kind);
	if (status != EX_OK)
		return status;
	printf("%s is a user now, in %s\n", job->name, job->path);
	return done_with(job, NO_KIND, kind);
}

static int passwd(struct job *job)
{
	enum password_kind kind;
	if (!is_there(job))
		return no_such_user(job);
	int status = set_secret(job, users_edit_change, &kind);
	if (status != EX_OK)
		return status;
	printf("%s has a new password, in %s\n", job->name, job->path);
	return done_with(job, kind_of(job), kind);
}

static int remove_user(struct job *job)
{
	struct users_entry entry;
	if (!users_table_find(job->users, slice_str(job->name), &entry))
		return no_such_user(job);
	int status = edit(job, users_edit_remove, NULL);
	if (status != EX_OK)
		return status;
	printf("%.*s is a user no more; the mail stays, in %s/%.*s\n", SLICE_FMT(entry.name), job->dir,
	       SLICE_FMT(entry.name));
	return done_with(job, entry.kind, NO_KIND);
}

static int list(struct job *job)
{
	static const char *const kinds[PASSWORD_KINDS] = {
		[PASSWORD_PLAIN] = "password in clear",
		[PASSWORD_CRYPT] = "crypt(3) hash",
		[PASSWORD_SCRAM] = "SCRAM-SHA-256 keys",
	};
	for (size_t i = 0; i < users_table_count(job->users); i++) {
		struct users_entry entry = users_table_entry(job->users, i);
		printf("%-24.*s %s\n", SLICE_FMT(entry.name), kinds[entry.kind]);
	}
	return admin_done();
}

static const struct action {
	const char *name;
	bool names_user;
	bool makes; /* a users file, where there is none */
	int (*run)(struct job *job);
} actions[] = {
	{ .name = "add", .names_user = true, .makes = true, .run = add },
	{ .name = "passwd", .names_user = true, .run = passwd },
	{ .name = "remove", .names_user = true, .run = remove_user },
	{ .name = "list", .run = list },
};

static const struct action *find_action(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	}
	return NULL;
}

static int run_action(const struct action *action, const struct wishes *wishes, const char *name)
{
	struct job job = { .wishes = wishes, .dir = wishes->dir ? wishes->dir : ".", .name = name };
	int status = find_course(&job, action->makes);
	if (status == EX_OK)
		status = read_users(&job, action->makes);
	if (status == EX_OK)
		status = action->run(&job);
	if (job.users)
		users_table_release(job.users);
	course_free(job.course);
	return status;
}

static int run(void *wishes, int count, char **operands)
{
	const struct action *action = count > 0 ? find_action(operands[0]) : NULL;
	if (count == 0)
		return admin_fail(EX_USAGE, "say what to do: add NAME, passwd NAME, remove NAME or list");
	if (!action)
		return admin_fail(EX_USAGE, "'%s' is not known: say add NAME, passwd NAME, remove NAME or list",
		                  operands[0]);
	if (count < 1 + action->names_user)
		return admin_fail(EX_USAGE, "whom? Give a name, as in `postroom user %s alice`", action->name);
	if (count > 1 + action->names_user)
		return admin_fail(EX_USAGE, "'%s' is one argument too many: postroom user --help shows what there is",
		                  operands[count - 1]);
	return run_action(action, wishes, action->names_user ? operands[1] : NULL);
}

const struct admin_command user_command = {
	.name = "user",
	.operands = "add NAME | passwd NAME | remove NAME | list",
	.summary = "adds, changes, removes and lists users",
	.about = "Changes the users file of a directory at once, under running servers, too; what else stands in it "
	         "stays. A\n"
	         "password is asked for twice, and not shown; where stdin is no terminal, its first line is the "
	         "password.\n",
	.options = options,
	.wishes_size = sizeof(struct wishes),
	.run = run,
};
