/*
 * retention: a tree of mailboxes by name, and a heap by when they are due. See retention.h.
 */
#include "server/retention.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum {
	SWEEP_MS = 5000,
	AGAIN_S = 3600, /* after a look that failed */
	FIRST_CAP = 64,
};

struct box {
	char name[USERS_NAME_MAX + 1];
	int64_t due; /* seconds since 1970 */
	size_t at;   /* in the heap */
};

struct retention {
	struct store *store;
	struct users *users;
	int dir;
	pthread_mutex_t mutex; /* guards what follows */
	struct retention_limits limits;
	bool listed; /* the mailboxes that there were already are known */
	void *tree;
	struct box **heap; /* the first is due first */
	size_t count;
	size_t cap;
};

/* ---- under the mutex ---- */

static bool wants_anything(const struct retention *r)
{
	return r->limits.age > 0 || r->limits.size > 0 || r->limits.undelete > 0;
}

static void put(struct retention *r, struct box *b, size_t at)
{
	r->heap[at] = b;
	b->at = at;
}

static void move_up(struct retention *r, struct box *b)
{
	while (b->at > 0 && r->heap[(b->at - 1) / 2]->due > b->due) {
		size_t above = (b->at - 1) / 2;
		put(r, r->heap[above], b->at);
		put(r, b, above);
	}
}

static void move_down(struct retention *r, struct box *b)
{
	for (;;) {
		size_t below = b->at * 2 + 1;
		if (below + 1 < r->count && r->heap[below + 1]->due < r->heap[below]->due)
			below++;
		if (below >= r->count || r->heap[below]->due >= b->due)
			return;
		put(r, r->heap[below], b->at);
		put(r, b, below);
	}
}

static void set_due(struct retention *r, struct box *b, int64_t due)
{
	b->due = due;
	move_up(r, b);
	move_down(r, b);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct box *)a)->name, ((const struct box *)b)->name);
}

static struct box *find(struct retention *r, const char *name)
{
	struct box key;
	memccpy(key.name, name, '\0', sizeof key.name - 1);
	key.name[sizeof key.name - 1] = '\0';
	struct box **at = tfind(&key, &r->tree, compare);
	return at ? *at : NULL;
}

static bool has_room(struct retention *r)
{
	if (r->count < r->cap)
		return true;
	size_t cap = r->cap > 0 ? r->cap * 2 : FIRST_CAP;
	struct box **heap = realloc(r->heap, cap * sizeof(void *));
	if (!heap)
		return false;
	r->heap = heap;
	r->cap = cap;
	return true;
}

/* Without memory for one it is looked at when its next mail comes. */
static void add(struct retention *r, const char *name, int64_t due)
{
	struct box *b = strlen(name) <= USERS_NAME_MAX && has_room(r) ? calloc(1, sizeof *b) : NULL;
	if (!b)
		return;
	memcpy(b->name, name, strlen(name) + 1);
	b->due = due;
	if (!tsearch(b, &r->tree, compare)) {
		free(b);
		return;
	}
	put(r, b, r->count++);
	move_up(r, b);
}

static void forget(struct retention *r, struct box *b)
{
	struct box *last = r->heap[--r->count];
	size_t at = b->at;
	tdelete(b, &r->tree, compare);
	if (last != b) {
		put(r, last, at);
		set_due(r, last, last->due);
	}
	free(b);
}

/* What comes to a mailbox, or is removed from it, after a look at it is not due before this. */
static int64_t next_look(const struct retention_limits *limits, int64_t now)
{
	int64_t next = INT64_MAX;
	if (limits->age > 0)
		next = now + limits->age;
	if (limits->undelete > 0 && now + limits->undelete < next)
		next = now + limits->undelete;
	return next;
}

/* ---- looking ---- */

/* Those whose user there is: others' directories are not ours. False: they cannot be listed now. */
static bool list_mailboxes(struct retention *r)
{
	char name[USERS_NAME_MAX + 1];
	int again = openat(r->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	if (!d) {
		log_warning("cannot look for mailboxes: mail in those that get none is kept for now");
		file_close(again);
		return false;
	}
	for (const struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] != '.' && users_find(r->users, slice_str(e->d_name), name) &&
		    strcmp(name, e->d_name) == 0)
			retention_note(r, name);
	}
	closedir(d);
	return true;
}

static void say(const char *name, const struct store_expiry *e)
{
	if (e->removed > 0)
		log_info("user=%s removed=%zu octets=%llu: too old, or too much", name, e->removed,
		         (unsigned long long)e->octets);
}

enum { GONE = -1 };

/* When the next look is due; GONE: there is no such mailbox any more. */
static int64_t look_at(struct retention *r, const char *name, const struct retention_limits *limits)
{
	struct store_expiry e = { .now = clock_wall(), .age = limits->age, .size = limits->size };
	struct fault why;
	bool good = file_store_expire(r->store, name, &e, &why);
	say(name, &e);
	if (!good && why.kind == FAULT_BUSY)
		return e.now + 1;
	if (!good) {
		log_warning("user=%s retention: %s", name, why.text);
		return e.now + AGAIN_S;
	}
	if (!e.there)
		return GONE;
	int64_t later = next_look(limits, e.now);
	return e.next < later ? e.next : later;
}

/* The one that is due, and will not be for now; false: none. */
static bool take_due(struct retention *r, char name[USERS_NAME_MAX + 1], struct retention_limits *limits)
{
	pthread_mutex_lock(&r->mutex);
	bool due = wants_anything(r) && r->count > 0 && r->heap[0]->due <= clock_wall();
	*limits = r->limits;
	if (due) {
		memcpy(name, r->heap[0]->name, sizeof r->heap[0]->name);
		set_due(r, r->heap[0], INT64_MAX);
	}
	pthread_mutex_unlock(&r->mutex);
	return due;
}

/* Unless somebody has asked for an earlier look meanwhile. */
static void put_back(struct retention *r, const char *name, int64_t due)
{
	pthread_mutex_lock(&r->mutex);
	struct box *b = find(r, name);
	if (b && due == GONE && b->due == INT64_MAX)
		forget(r, b);
	else if (b && due != GONE && due < b->due)
		set_due(r, b, due);
	pthread_mutex_unlock(&r->mutex);
}

static bool has_to_list(struct retention *r)
{
	pthread_mutex_lock(&r->mutex);
	bool has_to = wants_anything(r) && !r->listed;
	r->listed = r->listed || has_to;
	pthread_mutex_unlock(&r->mutex);
	return has_to;
}

static void list_again(struct retention *r)
{
	pthread_mutex_lock(&r->mutex);
	r->listed = false;
	pthread_mutex_unlock(&r->mutex);
}

/* ---- */

void retention_sweep(struct retention *r)
{
	char name[USERS_NAME_MAX + 1];
	struct retention_limits limits;
	int64_t until = clock_ms() + SWEEP_MS;
	if (has_to_list(r) && !list_mailboxes(r))
		list_again(r);
	while (clock_ms() < until && take_due(r, name, &limits))
		put_back(r, name, look_at(r, name, &limits));
}

void retention_note(struct retention *r, const char *user)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->mutex);
	struct box *b = wants_anything(r) ? find(r, user) : NULL;
	if (b && r->limits.size > 0)
		set_due(r, b, clock_wall());
	else if (!b && wants_anything(r))
		add(r, user, clock_wall());
	pthread_mutex_unlock(&r->mutex);
}

void retention_set(struct retention *r, const struct retention_limits *limits)
{
	pthread_mutex_lock(&r->mutex);
	r->limits = *limits;
	/* All at once, so that the heap's order stays what it is. */
	for (size_t i = 0; i < r->count; i++)
		r->heap[i]->due = clock_wall();
	/* Who was not noted while nothing was wanted. */
	r->listed = false;
	pthread_mutex_unlock(&r->mutex);
}

struct retention *retention_new(struct store *store, int dir, struct users *users,
                                const struct retention_limits *limits)
{
	struct retention *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	*r = (struct retention){ .store = store, .dir = dir, .users = users, .limits = *limits };
	pthread_mutex_init(&r->mutex, NULL);
	return r;
}

void retention_free(struct retention *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++) {
		tdelete(r->heap[i], &r->tree, compare);
		free(r->heap[i]);
	}
	free(r->heap);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}
