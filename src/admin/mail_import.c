/*
 * mail_import: mails from an mbox file, a Maildir or one file into a mailbox, in their order, as if they had just been delivered. What was said to be
 * imported is on the disk. A mail is written when it is whole: nothing that comes slowly holds a lock.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/mail.h"
#include "admin/mail_mbox.h"
#include "base/buf.h"
#include "base/file.h"
#include "terminal/progress.h"
#include "protocol/dot.h"

enum { BATCH = 256, BATCH_OCTETS = 8 * 1024 * 1024, BLOCK = 64 * 1024 };

struct import {
	struct store *store;
	const char *user;
	struct progress progress;
	uint64_t number;  /* of the mail under way, from 1 */
	const char *name; /* of its file in a Maildir */
	struct draft *draft;
	struct dot_decoder decoder;
	struct draft *batch[BATCH];
	uint64_t numbers[BATCH]; /* of its mails */
	size_t waiting;          /* in the batch */
	uint64_t octets;         /* … of memory */
	uint64_t imported;
	uint64_t refused;
	bool failed;        /* nothing more is taken … */
	uint64_t failed_at; /* … from this mail on */
	struct fault why;
};

/* ---- a mail ---- */

static void say(const struct import *im, uint64_t number, const char *what, const char *why)
{
	bool named = im->name && number == im->number;
	admin_fail(EX_OK, "mail %llu%s%s%s: %s", (unsigned long long)number, named ? ", " : "", named ? im->name : "",
	           what, why);
}

static bool fail_at(struct import *im, uint64_t number)
{
	progress_end(&im->progress);
	if (!im->failed) {
		say(im, number, "", im->why.text);
		im->failed_at = number;
	}
	im->failed = true;
	return false;
}

static void refuse(struct import *im, const char *why)
{
	progress_end(&im->progress);
	say(im, im->number, " is left out", why);
	im->refused++;
}

static void free_batch(struct import *im)
{
	for (size_t i = 0; i < im->waiting; i++)
		draft_free(im->batch[i]);
	im->waiting = 0;
	im->octets = 0;
}

static bool append(struct import *im, size_t first, size_t n)
{
	if (!im->store->ops->append(im->store, im->user, im->batch + first, n, &im->why))
		return false;
	im->imported += n;
	return true;
}

/* All of a batch, or as many of its mails as there is room for. */
static bool flush(struct import *im)
{
	size_t n = im->waiting, i = 0;
	if (im->failed)
		return false;
	if (n == 0 || append(im, 0, n)) {
		free_batch(im);
		return true;
	}
	bool room = im->why.kind == FAULT_FULL || im->why.kind == FAULT_QUOTA;
	while (room && i < n && append(im, i, 1))
		i++;
	uint64_t number = im->numbers[i < n ? i : n - 1];
	free_batch(im);
	return fail_at(im, number);
}

static void begin(void *owner)
{
	struct import *im = owner;
	im->number++;
	if (im->failed)
		return;
	im->draft = im->store->ops->draft(im->store);
	dot_decoder_init(&im->decoder, DOT_CHUNKS, false);
	if (!im->draft) {
		fault_set(&im->why, FAULT_TEMPORARY, "out of memory");
		fail_at(im, im->number);
	}
}

static void give_up_draft(struct import *im)
{
	draft_free(im->draft);
	im->draft = NULL;
}

static void write_stored(void *owner, const char *octets, size_t n)
{
	struct import *im = owner;
	if (im->draft && !draft_write(im->draft, octets, n)) {
		fault_set(&im->why, FAULT_TEMPORARY, "out of memory");
		fail_at(im, im->number);
		give_up_draft(im);
	}
}

/* At most BLOCK octets, as much as a draft takes between two spills. */
static void text(void *owner, const char *octets, size_t n)
{
	struct import *im = owner;
	if (!im->draft)
		return;
	dot_decode(&im->decoder, octets, n, write_stored, im);
	if (im->draft && draft_full(im->draft) && !draft_spill(im->draft, &im->why)) {
		fail_at(im, im->number);
		give_up_draft(im);
	}
}

static void keep_draft(struct import *im)
{
	im->octets += draft_text(im->draft).len;
	bool in_file = draft_in_file(im->draft);
	im->numbers[im->waiting] = im->number;
	im->batch[im->waiting++] = im->draft;
	im->draft = NULL;
	/* A spilled mail holds a descriptor. */
	if (im->waiting == BATCH || im->octets >= BATCH_OCTETS || in_file)
		flush(im);
}

static void end(void *owner)
{
	struct import *im = owner;
	if (!im->draft)
		return;
	dot_decode_end(&im->decoder);
	if (im->decoder.bare_cr) {
		refuse(im, "a CR in it ends no line, and no server would take it");
		give_up_draft(im);
	} else if (draft_finish(im->draft, &im->why)) {
		keep_draft(im);
	} else {
		fail_at(im, im->number);
		give_up_draft(im);
	}
}

/* ---- files ---- */

/* Gives a file's octets to push(), behind those of `front`. */
static bool read_file(struct import *im, int fd, struct slice front, void (*push)(void *, const char *, size_t),
                      void *owner)
{
	static char block[BLOCK];
	ssize_t n = (ssize_t)front.len;
	memcpy(block, front.ptr, front.len);
	do {
		if (n > 0)
			push(owner, block, (size_t)n);
		im->progress.done += n > 0 ? (uint64_t)n : 0;
		progress_tick(&im->progress);
		n = read(fd, block, sizeof block);
	} while (!im->failed && (n > 0 || (n < 0 && errno == EINTR)));
	return n >= 0 || fault_errno(&im->why, "cannot read it");
}

static void push_mbox(void *owner, const char *octets, size_t n)
{
	mail_mbox_reader_push(owner, octets, n);
}

static int import_mbox(struct import *im, int fd, struct slice front, bool keep_quotes)
{
	struct mail_mbox_reader reader = {
		.begin = begin, .text = text, .end = end, .owner = im, .keep_quotes = keep_quotes
	};
	mail_mbox_reader_init(&reader);
	bool read = read_file(im, fd, front, push_mbox, &reader);
	if (!read) {
		/* What came of the last mail is not all of it. */
		give_up_draft(im);
		fail_at(im, im->number);
	}
	mail_mbox_reader_finish(&reader);
	if (reader.stray)
		return admin_fail(EX_DATAERR, "this is no mbox file: text stands before its first `From ' line");
	return EX_OK;
}

static int import_mail(struct import *im, int fd, struct slice front)
{
	begin(im);
	if (!read_file(im, fd, front, text, im)) {
		fail_at(im, im->number);
		give_up_draft(im);
	}
	end(im);
	return EX_OK;
}

/* ---- Maildir ---- */

/* Names of mails, each with its directory: "cur/…". */
struct names {
	char **list;
	size_t count;
	size_t cap;
};

static bool add_name(struct names *names, const char *dir, const char *name)
{
	if (names->count == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 64;
		char **list = realloc(names->list, cap * sizeof *list);
		if (!list)
			return false;
		names->list = list;
		names->cap = cap;
	}
	char *path = NULL;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return false;
	names->list[names->count++] = path;
	return true;
}

static bool list_names(struct names *names, int maildir, const char *sub, struct fault *why)
{
	int fd = openat(maildir, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	bool good = true;
	if (!dir) {
		file_close(fd);
		return fault_errno(why, "cannot read the Maildir's %s", sub);
	}
	while (good && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			good = add_name(names, sub, entry->d_name) || fault_set(why, FAULT_TEMPORARY, "out of memory");
	}
	closedir(dir);
	return good;
}

/* A name begins with the time of its delivery; whatever counts within a second comes behind it. */
static int by_time(const void *a, const void *b)
{
	const char *x = *(char *const *)a + sizeof "cur";
	const char *y = *(char *const *)b + sizeof "new";
	return strverscmp(x, y);
}

static void import_one(struct import *im, int maildir, const char *name)
{
	struct file_look look;
	int fd = file_open(maildir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	im->name = name;
	if (fd < 0 || !file_look(fd, &look)) {
		im->number++;
		refuse(im, strerror(errno));
	} else if (!S_ISREG(look.mode)) {
		im->number++;
		refuse(im, "it is no file");
	} else {
		import_mail(im, fd, slice_make("", 0));
	}
	im->name = NULL;
	file_close(fd);
}

static int import_maildir(struct import *im, int maildir)
{
	struct names names = { 0 };
	struct fault why;
	bool listed = list_names(&names, maildir, "new", &why) && list_names(&names, maildir, "cur", &why);
	if (listed && names.count > 0)
		qsort(names.list, names.count, sizeof *names.list, by_time);
	im->progress.total = names.count;
	for (size_t i = 0; listed && i < names.count && !im->failed; i++) {
		import_one(im, maildir, names.list[i]);
		im->progress.done = i + 1;
	}
	for (size_t i = 0; i < names.count; i++)
		free(names.list[i]);
	free(names.list);
	return listed ? EX_OK : admin_fail(EX_NOINPUT, "%s", why.text);
}

/* ---- what it is ---- */

static int open_source(const char *path, int *fd)
{
	*fd = !path || strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return *fd >= 0 ? EX_OK : admin_fail(EX_NOINPUT, "cannot read %s: %s", path, strerror(errno));
}

/* Enough to know an mbox file by; a pipe may give it in pieces. */
static struct slice read_front(int fd, char *front, size_t size)
{
	size_t got = 0;
	ssize_t n = 1;
	while (got < size && (n > 0 || errno == EINTR)) {
		n = read(fd, front + got, size - got);
		if (n == 0)
			break;
		got += n > 0 ? (size_t)n : 0;
	}
	return slice_make(front, got);
}

static int import_stream(struct import *im, int fd, const char *format)
{
	char octets[5];
	struct slice front = read_front(fd, octets, sizeof octets);
	if (slice_empty(front))
		return admin_fail(EX_DATAERR, "there is no mail: the input is empty");
	bool mbox = format ? format[1] == 'b' : slice_equal_text(front, "From ");
	if (mbox)
		return import_mbox(im, fd, front, format && strcmp(format, "mbox") == 0);
	return import_mail(im, fd, front);
}

static int import_source(struct import *im, int fd, const char *format)
{
	struct file_look look;
	if (!file_look(fd, &look))
		return admin_fail(EX_NOINPUT, "cannot read it: %s", strerror(errno));
	bool maildir = format && strcmp(format, "maildir") == 0;
	if (S_ISDIR(look.mode) && (!format || maildir))
		return import_maildir(im, fd);
	if (maildir || S_ISDIR(look.mode))
		return admin_fail(EX_DATAERR, "this is %s directory: --format %s does not fit", maildir ? "no" : "a",
		                  format);
	im->progress.total = S_ISREG(look.mode) ? look.size : 0;
	return import_stream(im, fd, format);
}

static int sum_up(struct import *im, int status)
{
	printf("%llu mails imported", (unsigned long long)im->imported);
	if (im->refused > 0)
		printf(", %llu left out", (unsigned long long)im->refused);
	if (im->failed && im->why.kind == FAULT_QUOTA)
		printf("; mail %llu and what stands behind it are left out", (unsigned long long)im->failed_at);
	putchar('\n');
	int done = admin_done();
	if (status != EX_OK)
		return status;
	if (im->failed)
		return mail_place_status(&im->why);
	return im->refused > 0 ? EX_DATAERR : done;
}

int mail_import(struct mail_job *job)
{
	struct import *im = calloc(1, sizeof *im);
	int fd = -1;
	if (!im)
		return admin_fail(EX_OSERR, "out of memory");
	im->store = job->place.store;
	im->user = job->place.user;
	int status = open_source(job->count > 0 ? job->words[0] : NULL, &fd);
	if (status == EX_OK) {
		progress_begin(&im->progress, "Importing", false);
		status = import_source(im, fd, job->wishes->format);
		flush(im);
		progress_end(&im->progress);
		status = sum_up(im, status);
	}
	give_up_draft(im);
	free_batch(im);
	file_close(fd);
	free(im);
	return status;
}
