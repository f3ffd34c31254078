/*
 * users_edit: see users_edit.h.
 *
 * Who edits holds a lock on the users file itself; the new text is written beside it, synced, and renamed over it. Whoever waited for the lock then holds a
 * file that has no name any more, sees that, and begins again with the new one. What a killed edit leaves beside is removed by the next.
 */
#include "auth/users_edit.h"

#include "auth/users_line.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum what { ADD, CHANGE, REMOVE };

/* One edit under way. */
struct editor {
	const struct users_edit *edit;
	enum what what;
	int dir;                   /* where the file really is */
	char path[PATH_MAX];       /* … for messages */
	const char *file;          /* its name there: of `path` */
	char beside[NAME_MAX + 1]; /* the new one's */
	int old;                   /* locked */
	struct stat look;
	struct buf text; /* the new file's */
	bool found;
};

/* ---- the file ---- */

/* Through symbolic links: the new file takes the place of what they point at. The last part may be missing, where a file is made. */
static bool resolve(struct editor *e, struct fault *why)
{
	char *real = realpath(e->edit->path, NULL);
	if (!real && errno != ENOENT)
		return fault_errno(why, "cannot find %.100s", e->edit->path);
	int n = snprintf(e->path, sizeof e->path, "%s%s", real || strchr(e->edit->path, '/') ? "" : "./",
	                 real ? real : e->edit->path);
	free(real);
	char *slash = n > 0 && (size_t)n < sizeof e->path ? strrchr(e->path, '/') : NULL;
	if (!slash || strlen(slash + 1) > NAME_MAX - sizeof ".new")
		return fault_set(why, FAULT_PERMANENT, "the path %.100s is too long", e->edit->path);
	e->file = slash + 1;
	*slash = '\0';
	e->dir = open(*e->path ? e->path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir < 0)
		return fault_errno(why, "cannot open the directory %.100s", *e->path ? e->path : "/");
	*slash = '/';
	snprintf(e->beside, sizeof e->beside, ".%s.new", e->file);
	return true;
}

/* Whether what is locked is what has the name. */
static bool still_named(const struct editor *e)
{
	struct stat named;
	return fstatat(e->dir, e->file, &named, AT_SYMLINK_NOFOLLOW) == 0 && named.st_dev == e->look.st_dev &&
	       named.st_ino == e->look.st_ino;
}

/* What root has just made is for the servers, which go on as the directory's owner. */
static void own_as_directory(struct editor *e)
{
	struct stat dir;
	if (e->look.st_size > 0 || e->look.st_uid != 0 || geteuid() != 0 || fstat(e->dir, &dir) != 0)
		return;
	e->look.st_uid = dir.st_uid;
	e->look.st_gid = dir.st_gid;
}

static bool open_and_lock(struct editor *e, int wait_ms, struct fault *why)
{
	int create = e->what == ADD ? O_CREAT : 0;
	e->old = file_open(e->dir, e->file, O_RDWR | O_NONBLOCK | create, 0600);
	if (e->old < 0)
		return fault_errno(why, "cannot open %.100s", e->path);
	if (!file_lock(e->old, 0, wait_ms))
		return fault_errno(why, "cannot lock %.100s: is somebody else editing it?", e->path);
	if (fstat(e->old, &e->look) != 0 || !S_ISREG(e->look.st_mode))
		return fault_set(why, FAULT_PERMANENT, "%.100s is not a regular file", e->path);
	own_as_directory(e);
	return true;
}

static bool take_file(struct editor *e, struct fault *why)
{
	int64_t until = clock_ms() + USERS_EDIT_WAIT_MS;
	for (;;) {
		int64_t left = until - clock_ms();
		if (!open_and_lock(e, left > 0 ? (int)left : 0, why))
			return false;
		if (still_named(e))
			return true;
		file_close(e->old);
		e->old = -1;
	}
}

static bool read_old(const struct editor *e, char **text, size_t *size, struct fault *why)
{
	if (e->look.st_size > USERS_FILE_MAX)
		return fault_set(why, FAULT_PERMANENT, "%.100s is larger than %d octets", e->path, USERS_FILE_MAX);
	*size = (size_t)e->look.st_size;
	*text = malloc(*size + 1);
	if (!*text)
		return fault_set(why, FAULT_TEMPORARY, "cannot read %.100s: out of memory", e->path);
	ssize_t n = file_read(e->old, *text, *size, 0);
	if (n < 0)
		return fault_errno(why, "cannot read %.100s", e->path);
	*size = (size_t)n;
	return true;
}

/* Mode and owner first: what is in it is for the same eyes as before. */
static bool write_beside(const struct editor *e, int fd)
{
	struct stat own;
	if (fstat(fd, &own) != 0)
		return false;
	bool owned = own.st_uid == e->look.st_uid && own.st_gid == e->look.st_gid;
	if (!owned && fchown(fd, e->look.st_uid, e->look.st_gid) != 0)
		return false;
	return fchmod(fd, e->look.st_mode & 07777) == 0 && file_write(fd, e->text.data, e->text.len, 0) &&
	       file_sync_whole(fd);
}

/* Behind the renaming `beside` is the next editor's. */
static bool replace(const struct editor *e, struct fault *why)
{
	unlinkat(e->dir, e->beside, 0);
	int fd = file_open(e->dir, e->beside, O_WRONLY | O_CREAT | O_EXCL, 0600);
	bool ok = fd >= 0 && write_beside(e, fd) && renameat(e->dir, e->beside, e->dir, e->file) == 0;
	if (!ok) {
		fault_errno(why, "cannot write %.100s anew", e->path);
		unlinkat(e->dir, e->beside, 0);
	}
	file_close(fd);
	if (ok && !file_sync_directory(e->dir))
		return fault_errno(why, "%.100s is written anew, and a loss of power may undo that", e->path);
	return ok;
}

/* ---- its lines ---- */

/* The line with another secret; what stands around it stays. */
static bool append_changed(struct buf *to, struct slice text, struct slice secret, const char *new_secret)
{
	size_t before = (size_t)(secret.ptr - text.ptr);
	return buf_append(to, text.ptr, before) && buf_append_text(to, new_secret) &&
	       buf_append_slice(to, slice_skip(text, before + secret.len));
}

/* Whether a reader takes what was just written: blanks around a short secret may leave too little room for a longer one. */
static bool is_taken(const struct editor *e, size_t start)
{
	struct users_line line;
	struct slice written = slice_skip(buf_slice(&e->text), start);
	return !users_line_read(written, &e->edit->form, &line) && slice_equal_text(line.secret, e->edit->secret);
}

static bool append_plain(struct editor *e, struct slice name, const char *end)
{
	return buf_printf(&e->text, "%.*s%c%s%s", SLICE_FMT(name), e->edit->form.separator, e->edit->secret, end);
}

static bool change_line(struct editor *e, struct slice text, const struct users_line *line)
{
	size_t start = e->text.len;
	if (!append_changed(&e->text, text, line->secret, e->edit->secret))
		return false;
	if (is_taken(e, start))
		return true;
	e->text.len = start;
	return append_plain(e, line->name, slice_has(text, '\n') ? "\n" : "");
}

/* The first line with a name is the one that counts. False: no room. */
static bool edit_line(struct editor *e, struct slice text)
{
	struct users_line line;
	bool bad = users_line_read(text, &e->edit->form, &line) != NULL;
	bool its = !bad && !slice_empty(line.name) && slice_equal_nocase(line.name, e->edit->name);
	bool first = its && !e->found;
	e->found |= its;
	if (its && e->what == REMOVE)
		return true;
	if (first && e->what == CHANGE)
		return change_line(e, text, &line);
	return buf_append_slice(&e->text, text);
}

static bool edit_lines(struct editor *e, struct slice rest)
{
	/* Some editors' byte order mark belongs to no name. */
	if (rest.ptr && rest.len >= 3 && memcmp(rest.ptr, "\xef\xbb\xbf", 3) == 0) {
		if (!buf_append(&e->text, rest.ptr, 3))
			return false;
		rest = slice_skip(rest, 3);
	}
	while (rest.len > 0) {
		size_t end = slice_find(rest, '\n');
		struct slice line = slice_make(rest.ptr, end < rest.len ? end + 1 : end);
		if (!edit_line(e, line))
			return false;
		rest = slice_skip(rest, line.len);
	}
	return true;
}

/* A last line that has no end gets one. */
static bool append_user(struct editor *e)
{
	struct buf *to = &e->text;
	bool ended = to->len == 0 || to->data[to->len - 1] == '\n';
	return (ended || buf_append_char(to, '\n')) && append_plain(e, e->edit->name, "\n");
}

static bool edit_text(struct editor *e, struct fault *why)
{
	char *old = NULL;
	size_t size = 0;
	bool ok = read_old(e, &old, &size, why);
	/* All the room at once: growing would leave pieces of secrets behind. */
	if (ok && (!buf_reserve(&e->text, size + USERS_LINE_MAX + 2) || !edit_lines(e, slice_make(old, size))))
		ok = fault_set(why, FAULT_FULL, "%.100s would be larger than %d octets", e->path, USERS_FILE_MAX);
	if (old)
		explicit_bzero(old, size);
	free(old);
	if (!ok)
		return false;
	if (e->what == ADD && e->found)
		return fault_set(why, FAULT_PERMANENT, "there is a user %.*s already in %.100s",
		                 SLICE_FMT(e->edit->name), e->path);
	if (e->what != ADD && !e->found)
		return fault_set(why, FAULT_PERMANENT, "there is no user %.*s in %.100s", SLICE_FMT(e->edit->name),
		                 e->path);
	return e->what != ADD || append_user(e) ||
	       fault_set(why, FAULT_FULL, "%.100s would be larger than %d octets", e->path, USERS_FILE_MAX);
}

/* In the standard mode mail comes by the local part: whoever has an @ in his name could log in, and would never get any. */
static const char *fault_of_name(const struct users_edit *edit, enum what what)
{
	if (slice_empty(edit->name))
		return "the name is empty";
	if (edit->name.ptr[0] == '#')
		return "a name may not begin with #: such a line is a comment";
	if (slice_starts_nocase(edit->name, "\xef\xbb\xbf"))
		return "a name may not begin with a byte order mark: at the beginning of the file it would be the "
		       "file's";
	if (edit->form.separator == ',' && slice_has(edit->name, ','))
		return "a name may not hold a comma: that ends it in this users file";
	if (what == ADD && edit->form.schemes && slice_has(edit->name, '@'))
		return "a user has a name without a domain: give what stands before the @, and mail for it at each of "
		       "the "
		       "server's domains (--domain) is the user's";
	return users_line_fault_of_name(edit->name);
}

/* The new line, as a reader would take it. */
static bool check_wish(const struct users_edit *edit, enum what what, struct fault *why)
{
	struct users_line line;
	char text[USERS_LINE_MAX + 2];
	const char *bad = fault_of_name(edit, what);
	if (!bad && what != REMOVE) {
		int n = snprintf(text, sizeof text, "%.*s%c%s", SLICE_FMT(edit->name), edit->form.separator,
		                 edit->secret);
		bad = n > USERS_LINE_MAX ? "the line would be longer than 1024 octets"
		                         : users_line_read(slice_make(text, (size_t)n), &edit->form, &line);
		if (!bad && !slice_equal_text(line.secret, edit->secret))
			bad = "the secret may not begin or end with blanks";
		explicit_bzero(text, sizeof text);
	}
	return !bad || fault_set(why, FAULT_PERMANENT, "%s", bad);
}

static bool run(const struct users_edit *edit, enum what what, struct fault *why)
{
	struct editor e = { .edit = edit, .what = what, .dir = -1, .old = -1 };
	if (!check_wish(edit, what, why))
		return false;
	buf_init(&e.text, USERS_FILE_MAX);
	bool ok = resolve(&e, why) && take_file(&e, why) && edit_text(&e, why) && replace(&e, why);
	if (e.text.data)
		explicit_bzero(e.text.data, e.text.cap);
	buf_release(&e.text);
	file_close(e.old);
	file_close(e.dir);
	return ok;
}

bool users_edit_add(const struct users_edit *edit, struct fault *why)
{
	return run(edit, ADD, why);
}

bool users_edit_change(const struct users_edit *edit, struct fault *why)
{
	return run(edit, CHANGE, why);
}

bool users_edit_remove(const struct users_edit *edit, struct fault *why)
{
	return run(edit, REMOVE, why);
}
