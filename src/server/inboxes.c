/*
 * inboxes: a tree by names, and a list by last use. See inboxes.h.
 *
 * Each is removed outside of the lock; whoever wants it meanwhile waits until it is gone, and begins it anew.
 */
#include "server/inboxes.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define LOCK_NAME ".catch-all"
enum { TRIES = 8 }; /* to remove one, where another program is at it */

struct inbox {
	char name[USERS_NAME_MAX + 1];
	int64_t used;   /* seconds since 1970 */
	unsigned users; /* who are at it now */
	bool leaving;   /* it is being removed */
	struct inbox *older;
	struct inbox *newer;
};

struct inboxes {
	struct store *store;
	struct inboxes_limits limits;
	int lock;              /* a file: one process at a time */
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t gone;   /* one that was leaving */
	void *tree;
	struct inbox *oldest;
	struct inbox *newest;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct inbox *)a)->name, ((const struct inbox *)b)->name);
}

/* ---- under the mutex ---- */

static void unlink_inbox(struct inboxes *b, struct inbox *i)
{
	*(i->older ? &i->older->newer : &b->oldest) = i->newer;
	*(i->newer ? &i->newer->older : &b->newest) = i->older;
}

/* Its place is behind all that were used before. */
static void link_inbox(struct inboxes *b, struct inbox *i)
{
	struct inbox *before = b->newest;
	while (before && before->used > i->used)
		before = before->older;
	i->older = before;
	i->newer = before ? before->newer : b->oldest;
	*(i->older ? &i->older->newer : &b->oldest) = i;
	*(i->newer ? &i->newer->older : &b->newest) = i;
}

static void touch(struct inboxes *b, struct inbox *i)
{
	unlink_inbox(b, i);
	i->used = clock_wall();
	link_inbox(b, i);
}

static struct inbox *find(struct inboxes *b, const char *name)
{
	struct inbox key;
	memccpy(key.name, name, '\0', sizeof key.name - 1);
	key.name[sizeof key.name - 1] = '\0';
	struct inbox **at = tfind(&key, &b->tree, compare);
	return at ? *at : NULL;
}

/* NULL: memory is out. */
static struct inbox *add(struct inboxes *b, const char *name, int64_t used)
{
	struct inbox *i = calloc(1, sizeof *i);
	if (!i)
		return NULL;
	assert(strlen(name) < sizeof i->name);
	memcpy(i->name, name, strlen(name) + 1);
	i->used = used;
	if (!tsearch(i, &b->tree, compare)) {
		free(i);
		return NULL;
	}
	link_inbox(b, i);
	b->count++;
	return i;
}

static void forget(struct inboxes *b, struct inbox *i)
{
	tdelete(i, &b->tree, compare);
	unlink_inbox(b, i);
	b->count--;
	free(i);
}

/* The one that was not used for the longest time, or NULL: all are in use. */
static struct inbox *idlest(struct inboxes *b)
{
	struct inbox *i = b->oldest;
	while (i && (i->users > 0 || i->leaving))
		i = i->newer;
	return i;
}

/* The mutex is given up meanwhile. False: it could not be removed, and now counts as used. */
static bool remove_inbox(struct inboxes *b, struct inbox *i, const char *reason)
{
	struct fault why;
	i->leaving = true;
	pthread_mutex_unlock(&b->mutex);
	bool removed = b->store->ops->discard(b->store, i->name, &why);
	if (removed)
		log_warning("inbox %s is removed: %s", i->name, reason);
	else
		log_warning("inbox %s cannot be removed: %s", i->name, why.text);
	pthread_mutex_lock(&b->mutex);
	i->leaving = false;
	if (removed)
		forget(b, i);
	else
		touch(b, i);
	pthread_cond_broadcast(&b->gone);
	return removed;
}

static void remove_old(struct inboxes *b)
{
	int64_t limit = clock_wall() - b->limits.age;
	struct inbox *i;
	for (int tries = 0; tries < TRIES && (i = idlest(b)) && i->used <= limit;)
		tries += !remove_inbox(b, i, "it was not used for a long time");
}

/* Room for one more. */
static bool make_room(struct inboxes *b, struct fault *why)
{
	struct inbox *i;
	for (int tries = 0; b->count >= b->limits.most; tries += !remove_inbox(b, i, "there are too many")) {
		i = tries < TRIES ? idlest(b) : NULL;
		if (!i)
			return fault_set(why, FAULT_FULL, "all %zu inboxes are in use", b->count);
	}
	return true;
}

/* The one by that name, old or new. NULL with why. */
static struct inbox *get(struct inboxes *b, const char *name, struct fault *why)
{
	struct inbox *i;
	while ((i = find(b, name)) && i->leaving)
		pthread_cond_wait(&b->gone, &b->mutex);
	if (i)
		return i;
	if (!make_room(b, why))
		return NULL;
	i = find(b, name); /* somebody may have been faster */
	if (i && i->leaving)
		return get(b, name, why);
	if (!i)
		i = add(b, name, clock_wall());
	if (!i)
		fault_set(why, FAULT_TEMPORARY, "memory is out");
	return i;
}

/* ---- */

bool inboxes_hold(struct inboxes *b, const char *name, struct fault *why)
{
	pthread_mutex_lock(&b->mutex);
	remove_old(b);
	struct inbox *i = get(b, name, why);
	if (i) {
		i->users++;
		touch(b, i);
	}
	pthread_mutex_unlock(&b->mutex);
	return i != NULL;
}

void inboxes_release(struct inboxes *b, const char *name)
{
	pthread_mutex_lock(&b->mutex);
	struct inbox *i = find(b, name);
	assert(i && i->users > 0);
	i->users--;
	touch(b, i);
	pthread_mutex_unlock(&b->mutex);
}

void inboxes_sweep(struct inboxes *b)
{
	pthread_mutex_lock(&b->mutex);
	remove_old(b);
	pthread_mutex_unlock(&b->mutex);
}

size_t inboxes_count(struct inboxes *b)
{
	pthread_mutex_lock(&b->mutex);
	size_t count = b->count;
	pthread_mutex_unlock(&b->mutex);
	return count;
}

/* ---- the beginning ---- */

/* Without memory for one it is not counted, and stays. */
static void look_at(struct inboxes *b, int dir, const char *name)
{
	struct stat st;
	if (strlen(name) <= USERS_NAME_MAX && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		add(b, name, st.st_mtim.tv_sec);
}

/* `fresh`: it has held no inboxes yet, and must not hold anything else. */
static bool look_around(struct inboxes *b, int dir, bool fresh, struct fault *why)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	bool ok = true;
	if (!d) {
		fault_errno(why, "cannot look for inboxes");
		file_close(again);
		return false;
	}
	for (const struct dirent *e; ok && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		ok = !fresh || fault_set(why, FAULT_PERMANENT,
		                         "there is %.60s in the directory, which is no inbox: give an empty directory",
		                         e->d_name);
		look_at(b, dir, e->d_name);
	}
	closedir(d);
	return ok;
}

static bool lock_directory(struct inboxes *b, int dir, struct fault *why)
{
	b->lock = file_open(dir, LOCK_NAME, O_RDWR | O_CREAT, 0600);
	if (b->lock < 0)
		return fault_errno(why, "cannot open " LOCK_NAME);
	if (file_lock(b->lock, 0, 0))
		return true;
	if (errno == EAGAIN)
		return fault_set(why, FAULT_BUSY,
		                 "another server takes mail for anybody in this directory: give it one of its own");
	return fault_errno(why, "cannot lock " LOCK_NAME);
}

struct inboxes *inboxes_new(struct store *store, int dir, const struct inboxes_limits *limits, struct fault *why)
{
	struct inboxes *b = calloc(1, sizeof *b);
	if (!b) {
		fault_set(why, FAULT_TEMPORARY, "memory is out");
		return NULL;
	}
	*b = (struct inboxes){ .store = store, .limits = *limits, .lock = -1 };
	pthread_mutex_init(&b->mutex, NULL);
	pthread_cond_init(&b->gone, NULL);
	struct file_look look;
	bool fresh = !file_look_at(dir, LOCK_NAME, &look);
	if (lock_directory(b, dir, why) && look_around(b, dir, fresh, why))
		return b;
	if (fresh)
		unlinkat(dir, LOCK_NAME, 0);
	inboxes_free(b);
	return NULL;
}

void inboxes_free(struct inboxes *b)
{
	if (!b)
		return;
	while (b->oldest)
		forget(b, b->oldest);
	file_close(b->lock);
	pthread_cond_destroy(&b->gone);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}
