/*
 * aliases: the aliases file as it stands now. See aliases.h.
 *
 * A reading makes a whole new table, which then takes the old one's place; whoever is at the old one keeps it until done. Names stay in the file's text.
 */
#include "auth/aliases.h"

#include "auth/watched_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Targets looked at: a file that leads round and round ends soon, too. */
enum {
	LOOKED_AT_MAX = 10 * 1000, /* for one name */
	CHECKED_MAX = 1000 * 1000, /* in a reading, to see whether somebody stands behind each name */
};

struct alias {
	struct slice name;
	struct slice targets; /* the rest of its line */
	size_t line;          /* its number */
};

struct table {
	atomic_uint holders;
	char *text;
	struct alias *list;
	size_t count;
	uint32_t *slots; /* numbers in the list, from 1; 0: free */
	size_t mask;
};

struct aliases {
	struct watched_file watched;
	struct users *users;
	void (*report)(const char *text);
	pthread_mutex_t reading; /* one reading at a time */
	pthread_mutex_t lock;    /* guards what follows */
	struct table *table;
};

/* ---- a table ---- */

static void release(struct table *t)
{
	if (!t || atomic_fetch_sub(&t->holders, 1) > 1)
		return;
	free(t->text);
	free(t->list);
	free(t->slots);
	free(t);
}

/* The slot that holds the name, or the one where it belongs. */
static uint32_t *slot_of(const struct table *t, struct slice name)
{
	size_t i = slice_hash_nocase(name) & t->mask;
	while (t->slots[i] != 0 && !slice_equal_nocase(t->list[t->slots[i] - 1].name, name))
		i = (i + 1) & t->mask;
	return &t->slots[i];
}

static const struct alias *find(const struct table *t, struct slice name)
{
	uint32_t slot = *slot_of(t, name);
	return slot ? &t->list[slot - 1] : NULL;
}

static size_t count_lines(struct slice text)
{
	size_t lines = 1;
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

/* Takes the text over. */
static struct table *table_new(char *text, size_t size)
{
	size_t lines = count_lines(slice_make(text, size));
	struct table *t = calloc(1, sizeof *t);
	size_t slots = 4;
	while (slots < 2 * lines)
		slots *= 2;
	if (!t) {
		free(text);
		return NULL;
	}
	atomic_init(&t->holders, 1);
	t->text = text;
	t->mask = slots - 1;
	t->list = calloc(lines, sizeof *t->list);
	t->slots = calloc(slots, sizeof *t->slots);
	if (t->list && t->slots)
		return t;
	release(t);
	return NULL;
}

/* ---- lines ---- */

/* The next target: words with blanks or commas between; false: that was all. */
static bool next_target(struct slice *rest, struct slice *target)
{
	while (rest->len > 0 && (slice_is_blank(rest->ptr[0]) || rest->ptr[0] == ','))
		*rest = slice_skip(*rest, 1);
	if (rest->len > 0 && rest->ptr[0] == '#') /* the rest is a comment */
		*rest = slice_skip(*rest, rest->len);
	size_t len = 0;
	while (len < rest->len && !slice_is_blank(rest->ptr[len]) && rest->ptr[len] != ',')
		len++;
	*target = slice_make(rest->ptr, len);
	*rest = slice_skip(*rest, len);
	return len > 0;
}

/* What is wrong with a line's targets, or NULL. */
static const char *fault_of_targets(struct slice targets)
{
	struct slice target;
	size_t count = 0;
	while (next_target(&targets, &target)) {
		if (slice_has(target, '@'))
			return "a target is a user or an alias of this server, without a domain: nothing is sent "
			       "elsewhere";
		count++;
	}
	return count == 0 ? "an alias needs a target: the name, a blank, and users or aliases" : NULL;
}

static void complain(const struct aliases *a, size_t line, const char *what)
{
	char text[400];
	if (!a->report)
		return;
	snprintf(text, sizeof text, "%.150s:%zu: %s", a->watched.file, line, what);
	a->report(text);
}

static void read_line(const struct aliases *a, struct table *t, struct slice line, size_t number)
{
	struct slice rest = slice_trim(line);
	struct slice name = slice_word(&rest);
	if (slice_empty(name) || name.ptr[0] == '#')
		return;
	if (name.ptr[name.len - 1] == ':') /* as other mail systems write it */
		name.len--;
	const char *fault = slice_empty(name) ? "the alias has no name" : fault_of_targets(rest);
	uint32_t *slot = fault ? NULL : slot_of(t, name);
	if (!fault && *slot != 0)
		fault = "this alias is there already; the first line counts";
	if (fault) {
		complain(a, number, fault);
		return;
	}
	t->list[t->count++] = (struct alias){ .name = name, .targets = rest, .line = number };
	*slot = (uint32_t)t->count;
}

/* ---- resolving ---- */

/* Who was found so far. */
struct found {
	struct users *of;
	const struct table *table;
	char users[ALIASES_TARGETS_MAX][USERS_NAME_MAX + 1];
	size_t count;
	bool more;                                   /* than there is room for */
	bool circle;                                 /* an alias stands behind itself */
	const struct alias *path[ALIASES_DEPTH_MAX]; /* on which the search is */
	size_t steps;                                /* targets that may still be looked at */
};

/* It need not be followed once more. */
static bool is_on_path(const struct found *f, unsigned depth, const struct alias *alias)
{
	for (unsigned i = 0; i < depth; i++) {
		if (f->path[i] == alias)
			return true;
	}
	return false;
}

static void add_user(struct found *f, const char *user)
{
	for (size_t i = 0; i < f->count; i++) {
		if (strcmp(f->users[i], user) == 0)
			return;
	}
	f->more = f->count == ALIASES_TARGETS_MAX;
	if (!f->more)
		memcpy(f->users[f->count++], user, strlen(user) + 1);
}

/* A user of the name comes before an alias; of a circle the users in it count. */
static void follow(struct found *f, const struct alias *alias, unsigned depth)
{
	char user[USERS_NAME_MAX + 1];
	struct slice rest = alias->targets, target;
	f->path[depth - 1] = alias;
	while (f->steps > 0 && !f->more && next_target(&rest, &target)) {
		const struct alias *next = NULL;
		f->steps--;
		if (users_find(f->of, target, user))
			add_user(f, user);
		else
			next = find(f->table, target);
		if (next && is_on_path(f, depth, next))
			f->circle = true;
		else if (next && depth < ALIASES_DEPTH_MAX)
			follow(f, next, depth + 1);
	}
}

/* Looks at so many targets at most; what is left of them: f->steps. */
static void resolve(struct found *f, struct users *of, const struct table *t, const struct alias *alias, size_t steps)
{
	f->of = of;
	f->table = t;
	f->count = 0;
	f->more = f->circle = false;
	f->steps = steps;
	follow(f, alias, 1);
}

/* ---- reading ---- */

/* An alias for nobody (a circle, a name that is not there), or for too many, is said once the whole file is known; the users file may change later. */
static void check_targets(const struct aliases *a, const struct table *t, const struct alias *alias, size_t *budget)
{
	struct found f;
	char what[200];
	int len = (int)(alias->name.len < 60 ? alias->name.len : 60);
	size_t steps = *budget < LOOKED_AT_MAX ? *budget : LOOKED_AT_MAX;
	resolve(&f, a->users, t, alias, steps);
	*budget -= steps - f.steps;
	if (*budget == 0)
		return;
	if (f.more)
		snprintf(what, sizeof what,
		         "alias %.*s: more than %d users stand behind it: its mail is refused for now", len,
		         alias->name.ptr, ALIASES_TARGETS_MAX);
	else if (f.count == 0)
		snprintf(what, sizeof what, "alias %.*s: %sno user stands behind it", len, alias->name.ptr,
		         f.circle ? "it goes in a circle, and " : "");
	else
		return;
	complain(a, alias->line, what);
}

static void check_all(const struct aliases *a, const struct table *t)
{
	size_t budget = CHECKED_MAX;
	for (size_t i = 0; i < t->count; i++) {
		check_targets(a, t, &t->list[i], &budget);
		if (budget > 0)
			continue;
		complain(a, t->list[i].line, "so many names lead on to others that those from here on are not checked");
		return;
	}
}

static void read_lines(const struct aliases *a, struct table *t, size_t size)
{
	struct slice rest = slice_make(t->text, size);
	for (size_t number = 1; !slice_empty(rest); number++) {
		size_t end = slice_find(rest, '\n');
		struct slice line = slice_make(rest.ptr, end);
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		read_line(a, t, line, number);
		rest = slice_skip(rest, end < rest.len ? end + 1 : end);
	}
	check_all(a, t);
}

/* A file that is not there is an empty one. */
static struct table *read_table(struct aliases *a, struct fault *why)
{
	size_t size = 0;
	why->error = 0;
	char *text = watched_file_read(&a->watched, ALIASES_FILE_MAX, &size, why);
	if (!text && why->error != ENOENT)
		return NULL;
	struct table *t = table_new(text ? text : calloc(1, 1), size);
	if (!t)
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", a->watched.path);
	else
		read_lines(a, t, size);
	return t;
}

static bool read_again(struct aliases *a, struct fault *why)
{
	pthread_mutex_lock(&a->reading);
	struct table *t = read_table(a, why);
	struct table *old = NULL;
	pthread_mutex_lock(&a->lock);
	if (t) {
		old = a->table;
		a->table = t;
	}
	if (t || why->kind != FAULT_TEMPORARY)
		watched_file_taken(&a->watched);
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(&a->reading);
	release(old);
	return t != NULL;
}

struct aliases *aliases_open(int dir, const char *dir_name, const char *file, struct users *users,
                             void (*report)(const char *text), struct fault *why)
{
	struct aliases *a = calloc(1, sizeof *a);
	if (!a) {
		fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", file);
		return NULL;
	}
	pthread_mutex_init(&a->reading, NULL);
	pthread_mutex_init(&a->lock, NULL);
	a->users = users;
	a->report = report;
	if (watched_file_init(&a->watched, dir, dir_name, file, why) && read_again(a, why))
		return a;
	aliases_free(a);
	return NULL;
}

void aliases_free(struct aliases *a)
{
	if (!a)
		return;
	release(a->table);
	watched_file_release(&a->watched);
	pthread_mutex_destroy(&a->reading);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

bool aliases_changed(struct aliases *a)
{
	return watched_file_changed(&a->watched);
}

void aliases_reload(struct aliases *a)
{
	struct fault why;
	char text[sizeof why.text + 60];
	if (read_again(a, &why) || !a->report)
		return;
	snprintf(text, sizeof text, "%s; the aliases read before stay", why.text);
	a->report(text);
}

size_t aliases_resolve(struct aliases *a, struct slice name, void (*each)(void *owner, const char *user), void *owner)
{
	pthread_mutex_lock(&a->lock);
	struct table *t = a->table;
	atomic_fetch_add(&t->holders, 1);
	pthread_mutex_unlock(&a->lock);
	const struct alias *alias = t->count > 0 ? find(t, name) : NULL;
	struct found f;
	f.count = 0;
	f.more = false;
	if (alias)
		resolve(&f, a->users, t, alias, LOOKED_AT_MAX);
	release(t);
	if (f.more)
		return ALIASES_TOO_MANY;
	for (size_t i = 0; i < f.count; i++)
		each(owner, f.users[i]);
	return f.count;
}
