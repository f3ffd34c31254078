/*
 * users: the users file as it stands now. Reads it (users_table.c), reads it again when it changes, finds names and checks passwords.
 *
 * A reading makes a whole new table, which then takes the old one's place; whoever is at the old one keeps it until done. Finding
 * holds a lock for moments only, never while a file is read.
 */
#include "auth/users.h"

#include "auth/users_table.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What stat() said of the file when it was read; all zero where there was none. */
struct stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed;
};

struct users {
	int dir;
	char *file;
	char *path; /* dir_name/file, for messages */
	char separator;
	void (*report)(const char *text);

	pthread_mutex_t reading; /* one reading at a time */
	pthread_mutex_t lock;    /* guards what follows */
	struct users_table *table;
	struct stamp stamp;
	int64_t settles_at; /* clock_ms(); 0: settled. See is_young() */
};

enum { SETTLE_MS = 50 };

static struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){ st->st_dev, st->st_ino, st->st_size, st->st_mtim, st->st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static struct stamp stamp_now(const struct users *u)
{
	struct stat st;
	return fstatat(u->dir, u->file, &st, 0) == 0 ? stamp_of(&st) : (struct stamp){ 0 };
}

/* A file's times go by a coarse clock: one that was written just before it was read may be written again and look
 * the same to stat(). Such a file is read once more after SETTLE_MS. */
static bool is_young(const struct stamp *s)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t age = (int64_t)(now.tv_sec - s->changed.tv_sec) * 1000 + (now.tv_nsec - s->changed.tv_nsec) / 1000000;
	return age >= 0 && age < SETTLE_MS;
}

/* Reading */

/* The text, which the caller owns, and its size; NULL with why. */
static char *read_text(const struct users *u, int fd, size_t *size, struct stamp *stamp, struct fault *why)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		fault_set(why, FAULT_PERMANENT, "cannot read %.100s: it is not a regular file", u->path);
		return NULL;
	}
	*stamp = stamp_of(&st);
	if (st.st_size > USERS_FILE_MAX) {
		fault_set(why, FAULT_PERMANENT, "cannot read %.100s: it is larger than %d octets", u->path,
		          USERS_FILE_MAX);
		return NULL;
	}
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? file_read(fd, text, (size_t)st.st_size, 0) : -1;
	if (n < 0) {
		fault_set(why, FAULT_PERMANENT, "cannot read %.100s: %s", u->path, strerror(errno));
		users_text_free(text, (size_t)st.st_size);
		return NULL;
	}
	*size = (size_t)n;
	return text;
}

static void cannot_open(const struct users *u, int error, struct fault *why)
{
	const char *advice = error == ENOENT ? "create it" : "let this program read it";
	fault_set(why, FAULT_PERMANENT, "cannot read %.100s: %s: %s, with a line `name%cpassword` for each user",
	          u->path, strerror(error), advice, u->separator);
}

static struct users_table *read_table(const struct users *u, struct stamp *stamp, struct fault *why)
{
	*stamp = stamp_now(u);
	/* Not file_open(): the file is the operator's own, and may well be a symbolic link. */
	int fd = openat(u->dir, u->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0) {
		cannot_open(u, errno, why);
		return NULL;
	}
	size_t size;
	char *text = read_text(u, fd, &size, stamp, why);
	file_close(fd);
	if (!text)
		return NULL;
	struct users_table *t = users_table_new(text, size, u->separator, u->file, u->report);
	if (!t)
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", u->path);
	return t;
}

/* False with why: the old table stays. The stamp is noted in both cases, so that a file that cannot be read is not tried again
 * before it changes. */
static bool read_again(struct users *u, struct fault *why)
{
	struct stamp stamp;
	pthread_mutex_lock(&u->reading);
	struct users_table *t = read_table(u, &stamp, why);
	struct users_table *old = NULL;

	pthread_mutex_lock(&u->lock);
	if (t) {
		old = u->table;
		u->table = t;
	}
	u->stamp = stamp;
	u->settles_at = is_young(&stamp) ? clock_ms() + SETTLE_MS : 0;
	pthread_mutex_unlock(&u->lock);

	pthread_mutex_unlock(&u->reading);
	if (old)
		users_table_release(old);
	return t != NULL;
}

static char *join(const char *dir_name, const char *file)
{
	char *path;
	size_t len = strlen(dir_name);
	const char *slash = len > 0 && dir_name[len - 1] == '/' ? "" : "/";
	return asprintf(&path, "%s%s%s", dir_name, slash, file) < 0 ? NULL : path;
}

struct users *users_open(int dir, const char *dir_name, const char *file, char separator,
                         void (*report)(const char *text), struct fault *why)
{
	struct users *u = calloc(1, sizeof *u);
	if (!u) {
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", file);
		return NULL;
	}
	pthread_mutex_init(&u->reading, NULL);
	pthread_mutex_init(&u->lock, NULL);
	u->separator = separator;
	u->report = report;
	u->file = strdup(file);
	u->path = join(dir_name, file);
	/* An own descriptor: the caller may close his. */
	u->dir = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool ok = u->file && u->path;
	if (!ok)
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", file);
	else if (u->dir < 0)
		ok = fault_set(why, FAULT_PERMANENT, "cannot read the directory %.100s: %s", dir_name, strerror(errno));
	if (ok && read_again(u, why))
		return u;
	users_free(u);
	return NULL;
}

void users_free(struct users *u)
{
	if (!u)
		return;
	if (u->table)
		users_table_release(u->table);
	file_close(u->dir);
	pthread_mutex_destroy(&u->reading);
	pthread_mutex_destroy(&u->lock);
	free(u->file);
	free(u->path);
	free(u);
}

bool users_changed(struct users *u)
{
	struct stamp now = stamp_now(u);
	pthread_mutex_lock(&u->lock);
	bool unsettled = u->settles_at != 0 && clock_ms() >= u->settles_at;
	bool changed = unsettled || !same_stamp(&now, &u->stamp);
	pthread_mutex_unlock(&u->lock);
	return changed;
}

void users_reload(struct users *u)
{
	struct fault why;
	char text[sizeof why.text + 60];
	if (read_again(u, &why) || !u->report)
		return;
	snprintf(text, sizeof text, "%s; the users read before stay", why.text);
	u->report(text);
}

/* Finding */

/* The caller gives it back with users_table_release(). */
static struct users_table *current_table(struct users *u)
{
	pthread_mutex_lock(&u->lock);
	struct users_table *t = users_table_retain(u->table);
	pthread_mutex_unlock(&u->lock);
	return t;
}

static void copy_name(char spelled[USERS_NAME_MAX + 1], struct slice name)
{
	memcpy(spelled, name.ptr, name.len);
	spelled[name.len] = '\0';
}

bool users_find(struct users *u, struct slice name, char spelled[USERS_NAME_MAX + 1])
{
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found = users_table_find(t, name, &entry);
	if (found)
		copy_name(spelled, entry.name);
	users_table_release(t);
	return found;
}

/* Takes the same time whatever the two hold: they are compared at full length, filled up with NUL, which no
 * password in the file holds. */
static bool same_password(struct slice right, struct slice given)
{
	char a[USERS_LINE_MAX] = { 0 }, b[USERS_LINE_MAX] = { 0 };
	size_t given_len = given.len < sizeof b ? given.len : sizeof b;
	memcpy(a, right.ptr, right.len);
	if (given_len > 0)
		memcpy(b, given.ptr, given_len);
	bool same = CRYPTO_memcmp(a, b, sizeof a) == 0;
	same &= right.len == given.len;
	explicit_bzero(a, sizeof a);
	explicit_bzero(b, sizeof b);
	return same;
}

bool users_verify(struct users *u, struct slice name, struct slice password, char spelled[USERS_NAME_MAX + 1])
{
	struct users_table *t = current_table(u);
	struct users_entry entry;
	bool found = users_table_find(t, name, &entry);
	if (!found) /* an unknown name costs the same comparison */
		entry = (struct users_entry){ .password = slice_str("unknown") };
	bool right = same_password(entry.password, password);
	right &= found;
	if (right)
		copy_name(spelled, entry.name);
	users_table_release(t);
	return right;
}

void users_each(struct users *u, void (*each)(void *owner, const char *name), void *owner)
{
	struct users_table *t = current_table(u);
	for (size_t i = 0; i < users_table_count(t); i++)
		each(owner, users_table_entry(t, i).name.ptr);
	users_table_release(t);
}
