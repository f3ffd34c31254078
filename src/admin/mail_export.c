/*
 * mail_export: a mailbox into an mbox file or a Maildir that other programs read. Whatever cuts it short leaves no half of a file under its name, and no half
 * of a mail in `new`. Memory does not grow with the mails.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/mail.h"
#include "admin/mail_head.h"
#include "admin/mail_mbox.h"
#include "base/clock.h"
#include "base/file.h"
#include "terminal/progress.h"

enum { OUT_BLOCK = 256 * 1024, NAME_SIZE = 400, AT_ONCE = 256 };

struct export
{
	struct maildrop *drop;
	struct progress progress;
	FILE *out; /* the mbox file, or the mail's own in a Maildir */
	struct mail_head head;
	struct mail_mbox_plain plain;
	struct mail_mbox_writer writer;
	int maildir; /* -1: an mbox file */
	int tmp;
	int fresh;    /* Maildir's `new` */
	size_t first; /* of the mails that lie in tmp */
	size_t written;
	char host[HOST_NAME_MAX + 1];
	struct timespec begun;
};

static void write_octets(void *owner, const char *octets, size_t n)
{
	struct export *e = owner;
	fwrite(octets, 1, n, e->out);
}

static void write_line(void *owner, const char *octets, size_t n)
{
	mail_mbox_writer_push(&((struct export *)owner)->writer, octets, n);
}

static bool take_head(void *owner, const char *octets, size_t n)
{
	return mail_head_push(&((struct export *)owner)->head, octets, n);
}

static bool take_text(void *owner, const char *octets, size_t n)
{
	struct export *e = owner;
	mail_mbox_plain_push(&e->plain, octets, n);
	e->progress.done += n;
	progress_tick(&e->progress);
	return !ferror(e->out);
}

/* Sender and time, which stand beside the mail in both formats. */
static bool read_head(struct export *e, size_t i, struct fault *why)
{
	mail_head_init(&e->head);
	bool good = mail_place_read(e->drop, i, take_head, e, why);
	mail_head_finish(&e->head);
	if (!e->head.has_when)
		e->head.when = e->begun.tv_sec;
	return good;
}

static bool write_mail(struct export *e, size_t i, struct mail_mbox_out out, struct fault *why)
{
	mail_mbox_plain_init(&e->plain, out);
	bool good = mail_place_read(e->drop, i, take_text, e, why);
	mail_mbox_plain_finish(&e->plain);
	if (good && ferror(e->out))
		good = fault_errno(why, "cannot write");
	return good;
}

/* ---- mbox ---- */

static struct slice sender_of(const struct mail_head *h)
{
	if (h->has_return_path || strcmp(h->summary.from, "-") == 0)
		return slice_str(h->return_path);
	return slice_str(h->summary.from);
}

static bool add_to_mbox(struct export *e, size_t i, struct fault *why)
{
	const struct mail_mbox_out out = { .text = write_octets, .owner = e };
	bool good = read_head(e, i, why);
	if (good) {
		mail_mbox_writer_begin(&e->writer, out, sender_of(&e->head), e->head.when);
		good = write_mail(e, i, (struct mail_mbox_out){ .text = write_line, .owner = e }, why);
		mail_mbox_writer_finish(&e->writer);
	}
	mail_head_release(&e->head);
	return good;
}

/* ---- Maildir ---- */

/* https://cr.yp.to/proto/maildir.html. Names sort in the mails' order. */
static void name_mail(const struct export *e, size_t i, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%lld.M%06ldP%ldQ%08zu.%s", (long long)e->begun.tv_sec, e->begun.tv_nsec / 1000,
	         (long)getpid(), i + 1, e->host);
}

static bool open_in_tmp(struct export *e, const char *name, struct fault *why)
{
	int fd = file_open(e->tmp, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	e->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (e->out)
		return true;
	fault_errno(why, "cannot write to the Maildir's tmp");
	file_close(fd);
	return false;
}

/* All that was written goes to the disk, then each mail gets its name in `new`. After a fault none does: they go. */
static bool publish(struct export *e, bool good, struct fault *why)
{
	char name[NAME_SIZE];
	/* Of the whole file system, once: an fsync for each file took twelve times as long. */
	if (good && e->written > 0 && syncfs(e->tmp) != 0)
		good = fault_errno(why, "cannot sync the Maildir");
	for (size_t k = 0; k < e->written; k++) {
		name_mail(e, e->first + k, name);
		if (good && renameat(e->tmp, name, e->fresh, name) != 0)
			good = fault_errno(why, "cannot put a mail in the Maildir's new");
		if (!good)
			unlinkat(e->tmp, name, 0);
	}
	e->written = 0;
	return good;
}

/* The file's time is what readers take for the time of receipt. */
static bool close_in_tmp(struct export *e, size_t i, struct fault *why)
{
	const struct timespec times[2] = { { .tv_sec = e->head.when }, { .tv_sec = e->head.when } };
	bool good = fflush(e->out) == 0 && futimens(fileno(e->out), times) == 0;
	if (!good)
		fault_errno(why, "cannot write to the Maildir");
	if (fclose(e->out) != 0 && good)
		good = fault_errno(why, "cannot write to the Maildir");
	e->first = e->written > 0 ? e->first : i;
	e->written++;
	return good;
}

static bool add_to_maildir(struct export *e, size_t i, struct fault *why)
{
	char name[NAME_SIZE];
	struct fault unwritten;
	name_mail(e, i, name);
	bool good = read_head(e, i, why) && open_in_tmp(e, name, why);
	if (good) {
		good = write_mail(e, i, (struct mail_mbox_out){ .text = write_octets, .owner = e }, why);
		good = close_in_tmp(e, i, good ? why : &unwritten) && good;
	}
	mail_head_release(&e->head);
	if (!good || e->written == AT_ONCE)
		good = publish(e, good, why);
	return good;
}

static bool make_directory(int at, const char *name, int *dir, struct fault *why)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return fault_errno(why, "cannot make %s", name);
	*dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *dir >= 0 || fault_errno(why, "cannot open %s", name);
}

static bool open_maildir(struct export *e, const char *path, struct fault *why)
{
	int cur = -1;
	bool good = make_directory(AT_FDCWD, path, &e->maildir, why) && make_directory(e->maildir, "cur", &cur, why) &&
	            make_directory(e->maildir, "tmp", &e->tmp, why) &&
	            make_directory(e->maildir, "new", &e->fresh, why);
	file_close(cur);
	if (gethostname(e->host, sizeof e->host - 1) != 0)
		snprintf(e->host, sizeof e->host, "localhost");
	/* What a file's name cannot hold: the specification's own escapes. */
	for (char *c = e->host; *c; c++)
		*c = *c == '/' || *c == ':' ? '_' : *c;
	return good;
}

static bool close_maildir(struct export *e, bool good, struct fault *why)
{
	good = publish(e, good, why);
	if (good && !(file_sync_directory(e->fresh) && file_sync_directory(e->maildir)))
		good = fault_errno(why, "cannot sync the Maildir");
	file_close(e->tmp);
	file_close(e->fresh);
	file_close(e->maildir);
	return good;
}

/* ---- all mails ---- */

static bool add_all(struct export *e, struct fault *why)
{
	bool good = true;
	progress_begin(&e->progress, "Exporting", false);
	e->progress.total = e->drop->ops->octets(e->drop);
	for (size_t i = 0; good && i < e->drop->ops->count(e->drop); i++)
		good = e->maildir >= 0 ? add_to_maildir(e, i, why) : add_to_mbox(e, i, why);
	progress_end(&e->progress);
	return good;
}

static int to_maildir(struct export *e, const char *path)
{
	struct fault why;
	bool good = open_maildir(e, path, &why) && add_all(e, &why);
	if (!close_maildir(e, good, &why))
		return admin_fail(why.error == EACCES ? EX_NOPERM : EX_CANTCREAT, "%s: %s", path, why.text);
	printf("%zu mails in %s\n", e->drop->ops->count(e->drop), path);
	return admin_done();
}

/* The file has no name before it is whole. */
static int open_unnamed(const char *path, struct fault *why)
{
	assert(path);
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	char *dir = slash ? slice_dup(len > 0 ? slice_make(path, len) : slice_str("/")) : slice_dup(slice_str("."));
	int fd = dir ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		fault_errno(why, "cannot make a file in %s", dir ? dir : path);
	else if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		fault_set(why, FAULT_PERMANENT, "there is a file of that name already: give another, or remove it");
		file_close(fd);
		fd = -1;
	}
	free(dir);
	return fd;
}

static bool give_name(int fd, const char *path, struct fault *why)
{
	char self[40];
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (!file_sync(fd) || linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0)
		return fault_errno(why, "cannot write it");
	return true;
}

static int to_file(struct export *e, const char *path)
{
	struct fault why;
	int fd = open_unnamed(path, &why);
	e->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (fd >= 0 && !e->out)
		fault_errno(&why, "cannot write it");
	if (!e->out) {
		file_close(fd);
		return admin_fail(EX_CANTCREAT, "%s: %s", path, why.text);
	}
	setvbuf(e->out, NULL, _IOFBF, OUT_BLOCK);
	bool good = add_all(e, &why);
	if (good && fflush(e->out) != 0)
		good = fault_errno(&why, "cannot write it");
	good = good && give_name(fd, path, &why);
	fclose(e->out);
	if (!good)
		return admin_fail(mail_place_status(&why), "%s: %s", path, why.text);
	printf("%zu mails in %s\n", e->drop->ops->count(e->drop), path);
	return admin_done();
}

static int to_stdout(struct export *e)
{
	struct fault why;
	e->out = stdout;
	setvbuf(stdout, NULL, _IOFBF, OUT_BLOCK);
	return add_all(e, &why) ? admin_done() : mail_place_fail(&why);
}

int mail_export(struct mail_job *job)
{
	const struct mail_wishes *w = job->wishes;
	struct export e = { .maildir = -1, .tmp = -1, .fresh = -1 };
	struct fault why;
	clock_gettime(CLOCK_REALTIME, &e.begun);
	bool to_pipe = w->mbox && strcmp(w->mbox, "-") == 0;
	if (to_pipe && isatty(STDOUT_FILENO))
		return admin_fail(EX_USAGE,
		                  "stdout is a terminal, which would obey what is in the mails: send it to a file");
	e.drop = mail_session(job, "export", &why);
	if (!e.drop)
		return mail_place_fail(&why);
	int status = w->maildir ? to_maildir(&e, w->maildir) : to_pipe ? to_stdout(&e) : to_file(&e, w->mbox);
	e.drop->ops->close(e.drop);
	return status;
}
