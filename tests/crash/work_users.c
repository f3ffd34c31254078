/*
 * work_users: see work_users.h.
 */
#include "work_users.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/password.h"
#include "auth/users.h"
#include "auth/users_edit.h"
#include "base/file.h"

static const char file_name[] = "users", beside[] = ".users.new";
static const struct users_form form = { .separator = ' ', .schemes = true };

/* Lines of the operator's that are no user's, in order; the second is a bad one. */
static const char *const others[] = { "# users of the lab", "nopassword", "# the end of the list" };
enum { OTHERS = sizeof others / sizeof others[0], BY_HAND = 0640 };

static unsigned now(const struct work_users *w)
{
	return (unsigned)w->disk->ops_count;
}

/* ---- edits ---- */

static struct work_edit *new_edit(struct work_users *w, const char *name, bool removal)
{
	struct users_ledger *l = w->ledger;
	if (l->count == USERS_EDITS)
		disk_fatal("too many edits in a workload");
	struct work_edit *e = &l->edits[l->count++];
	*e = (struct work_edit){ .begun_at = now(w), .ended_at = UINT32_MAX };
	snprintf(e->name, sizeof e->name, "%s", name);
	if (!removal)
		snprintf(e->secret, sizeof e->secret, "secret-%zu", l->count);
	return e;
}

static void write_by_hand(struct work_users *w)
{
	const struct work_edit *alice = new_edit(w, "alice", false), *carol = new_edit(w, "carol", false);
	char text[200];
	int n = snprintf(text, sizeof text, "%s\nalice %s\n%s\ncarol %s\n%s\n", others[0], alice->secret, others[1],
	                 carol->secret, others[2]);
	int root = disk_root();
	int fd = openat(root, file_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, BY_HAND) != 0 || fchown(fd, geteuid() + 1, getegid() + 1) != 0 ||
	    !file_write(fd, text, (size_t)n, 0))
		disk_fatal("no users file by hand");
	close(fd);
	close(root);
	w->ledger->by_hand = true;
	for (size_t i = 0; i < w->ledger->count; i++)
		w->ledger->edits[i].end = EDIT_DONE;
}

static void edit(struct work_users *w, char what, const char *name)
{
	struct fault why = { 0 };
	struct work_edit *e = new_edit(w, name, what == '-');
	const struct users_edit wish = {
		.path = DISK_PATH "/users", .form = form, .name = slice_str(e->name), .secret = e->secret
	};
	bool done = what == '+'   ? users_edit_add(&wish, &why)
	            : what == '*' ? users_edit_change(&wish, &why)
	                          : users_edit_remove(&wish, &why);
	e->end = done ? EDIT_DONE : why.kind == FAULT_PERMANENT ? EDIT_REFUSED : EDIT_UNSURE;
	e->ended_at = now(w);
}

/* Whether a user may have this secret (NULL: be none) for whoever looks between changes `from` and `to`: the edit that gave it had begun, and no other that
 * followed it was over. */
static bool may_be(const struct users_ledger *l, const char *name, const char *secret, unsigned from, unsigned to)
{
	static const struct work_edit never = { .end = EDIT_DONE };
	for (size_t i = 0; i <= l->count; i++) {
		const struct work_edit *e = i < l->count ? &l->edits[i] : &never;
		if (e != &never && (strcmp(e->name, name) != 0 || e->end == EDIT_REFUSED || e->begun_at > to))
			continue;
		if (strcmp(e->secret, secret ? secret : "") != 0)
			continue;
		bool replaced = false;
		for (size_t k = 0; k < l->count; k++) {
			const struct work_edit *f = &l->edits[k];
			replaced |= f != e && strcmp(f->name, name) == 0 && f->end == EDIT_DONE &&
			            f->ended_at <= from && (e == &never || (k > i && f->begun_at >= e->ended_at));
		}
		if (!replaced)
			return true;
	}
	return false;
}

/* ---- a server ---- */

static bool report_stale;
static void report(const char *text)
{
	report_stale |= strstr(text, "the users read before stay") != NULL;
}

/* The secret by which a server knows a user; NULL: it does not. */
static const char *secret_of(struct users *u, const struct users_ledger *l, const char *name)
{
	char spelled[USERS_NAME_MAX + 1];
	for (size_t i = 0; i < l->count; i++) {
		const struct work_edit *e = &l->edits[i];
		if (e->secret[0] && strcmp(e->name, name) == 0 &&
		    users_verify(u, slice_str(name), slice_str(e->secret), spelled))
			return e->secret;
	}
	return users_find(u, slice_str(name), spelled) ? "none it ever had" : NULL;
}

static bool compare(struct users *u, const struct users_ledger *l, unsigned from, unsigned to, char *why, size_t size)
{
	for (size_t i = 0; i < l->count; i++) {
		const char *name = l->edits[i].name, *secret = secret_of(u, l, name);
		if (may_be(l, name, secret, from, to))
			continue;
		snprintf(why, size, "a server knows %s with the secret %s", name, secret ? secret : "that nobody has");
		return false;
	}
	return true;
}

static void get_salt(struct users *u, char salt[USERS_SALT])
{
	struct password_keys keys = { .salt_len = 0 };
	users_scram_salt(u, slice_str("nobody"), &keys);
	memcpy(salt, keys.salt, USERS_SALT);
}

static struct users *open_users(struct fault *why)
{
	int root = disk_root();
	struct users *u = users_open(root, DISK_PATH, file_name, &form, report, why);
	close(root);
	return u;
}

static void look(struct work_users *w)
{
	struct fault why;
	unsigned from = now(w);
	report_stale = false;
	if (!w->server) {
		w->server = open_users(&why);
	} else if (users_changed(w->server)) {
		users_reload(w->server);
		w->stale = report_stale;
	}
	if (!w->server)
		return;
	if (!w->ledger->wrong[0])
		compare(w->server, w->ledger, w->stale ? 0 : from, now(w), w->ledger->wrong, sizeof w->ledger->wrong);
	/* Where its key could not be written a server makes do with one of its own. */
	if (w->ledger->salt_told_at == 0 && !w->disk->failing) {
		get_salt(w->server, w->ledger->salt);
		w->ledger->salt_told_at = now(w);
	}
}

void work_users_word(struct work_users *w, const char *word)
{
	if (word[1] == 'F')
		write_by_hand(w);
	else if (word[1] == 'S')
		look(w);
	else
		edit(w, word[1], word + 2);
}

void work_users_end(struct work_users *w)
{
	users_free(w->server);
	w->server = NULL;
}

void work_users_settle(struct users_ledger *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->edits[i].begun_at = l->edits[i].ended_at = 0;
}

/* ---- the check ---- */

static bool is_other(const char *line, size_t *next)
{
	for (size_t i = *next; i < OTHERS; i++) {
		if (strcmp(line, others[i]) == 0) {
			*next = i + 1;
			return true;
		}
	}
	return false;
}

/* A user's line, with a secret that it may have. */
static bool is_users(const struct users_ledger *l, unsigned at, const char *line, unsigned *seen)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct work_edit *e = &l->edits[i];
		char whole[40];
		snprintf(whole, sizeof whole, "%s %s", e->name, e->secret);
		if (strcmp(line, whole) == 0 && may_be(l, e->name, e->secret, at, at)) {
			seen[i]++;
			return true;
		}
	}
	return false;
}

static bool check_text(const struct users_ledger *l, unsigned at, const char *text, size_t len, char *why, size_t size)
{
	unsigned seen[USERS_EDITS] = { 0 };
	size_t next = 0;
	for (const char *end; len > 0; len -= (size_t)(end + 1 - text), text = end + 1) {
		char line[80];
		end = memchr(text, '\n', len);
		if (!end) {
			snprintf(why, size, "the users file ends with half a line");
			return false;
		}
		snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
		if (!is_users(l, at, line, seen) && !(l->by_hand && is_other(line, &next))) {
			snprintf(why, size, "the users file has a line '%s'", line);
			return false;
		}
	}
	for (size_t i = 0; i < l->count; i++) {
		unsigned lines = 0;
		for (size_t k = 0; k < l->count; k++)
			lines += strcmp(l->edits[k].name, l->edits[i].name) == 0 ? seen[k] : 0;
		if (lines > 1 || (lines == 0 && !may_be(l, l->edits[i].name, NULL, at, at))) {
			snprintf(why, size, "the users file has %u lines of %s", lines, l->edits[i].name);
			return false;
		}
	}
	if (l->by_hand && next != OTHERS)
		snprintf(why, size, "the users file has lost a comment");
	return !l->by_hand || next == OTHERS;
}

static bool must_be(const struct users_ledger *l, unsigned at)
{
	bool must = l->by_hand;
	for (size_t i = 0; i < l->count; i++)
		must |= l->edits[i].end == EDIT_DONE && l->edits[i].ended_at <= at;
	return must;
}

static bool check_file(const struct users_ledger *l, unsigned at, const struct disk *d, char *why, size_t size)
{
	int node = disk_find(d, 0, file_name);
	if (node < 0) {
		snprintf(why, size, "there is no users file");
		return !must_be(l, at);
	}
	const struct disk_access *a = &d->nodes[node].access;
	unsigned more = l->by_hand ? 1 : 0;
	if ((a->mode & 07777) != (l->by_hand ? BY_HAND : 0600) || a->owner != geteuid() + more ||
	    a->group != getegid() + more) {
		snprintf(why, size, "the users file has mode %o and owner %u:%u", a->mode & 07777, a->owner, a->group);
		return false;
	}
	return check_text(l, at, d->data[node], d->nodes[node].size, why, size);
}

/* What a server sees that starts now, and one that starts later. */
static bool check_servers(const struct users_ledger *l, unsigned at, char *why, size_t size)
{
	char salts[2][USERS_SALT];
	struct fault fault;
	for (int i = 0; i < 2; i++) {
		struct users *u = open_users(&fault);
		if (!u) {
			snprintf(why, size, "a server does not start: %s", fault.text);
			return false;
		}
		bool good = compare(u, l, at, at, why, size);
		get_salt(u, salts[i]);
		users_free(u);
		if (!good)
			return false;
	}
	bool told = l->salt_told_at > 0 && l->salt_told_at <= at;
	if (memcmp(salts[0], salts[1], USERS_SALT) == 0 && !(told && memcmp(salts[0], l->salt, USERS_SALT) != 0))
		return true;
	snprintf(why, size, "an unknown user has another salt now");
	return false;
}

/* One more is added, and all others stay. */
static bool edit_once_more(const struct users_ledger *l, unsigned at, struct disk *d, char *why, size_t size)
{
	struct users_ledger after = *l;
	struct work_users w = { .disk = d, .ledger = &after };
	edit(&w, '+', "zoe");
	struct work_edit *zoe = &after.edits[after.count - 1];
	zoe->begun_at = zoe->ended_at = at;
	if (zoe->end != EDIT_DONE || disk_find(d, 0, beside) >= 0) {
		snprintf(why, size, "a user cannot be added afterwards");
		return false;
	}
	return check_file(&after, at, d, why, size);
}

bool work_users_check(const struct users_ledger *l, unsigned at, struct disk *d, bool thorough, char *why, size_t size)
{
	if (l->wrong[0]) {
		snprintf(why, size, "%s", l->wrong);
		return false;
	}
	if (!check_file(l, at, d, why, size))
		return false;
	if (disk_find(d, 0, file_name) >= 0 && !check_servers(l, at, why, size))
		return false;
	return !thorough || edit_once_more(l, at, d, why, size);
}
