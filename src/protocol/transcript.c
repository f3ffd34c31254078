/*
 * transcript: a queue of finished lines and the thread that writes them. See transcript.h.
 *
 * A line is made ready under the queue's lock and goes in whole or is counted as lost; the writer takes the whole queue at once. It writes in
 * pieces that a pipe takes without blocking, so that it can give up a reader who has stopped reading when the server ends.
 */
#include "protocol/transcript.h"

#include "base/clock.h"
#include "base/thread.h"
#include "mail/utf8.h"
#include "protocol/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	QUEUE_MAX = 1024 * 1024,
	LINE_SHOWN_MAX = 2048,   /* octets of one line; a longer one is shown so far, and "…" */
	LAST_PATIENCE_MS = 1000, /* for a reader who does not read, when all ends */
	INDENT = 5,              /* of an explanation: two columns behind "C: " */
	COLUMNS_DEFAULT = 80,
	COLUMNS_NARROW = 60, /* a terminal with fewer has no columns to spare for the time above an explanation */
};

struct transcript {
	int fd;
	bool terminal;
	bool colours;
	bool explains;
	void (*begin)(void);
	const struct course_verb *verbs;
	size_t verbs_len;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t some;  /* the queue is no longer empty, or the end has come */
	pthread_cond_t none;  /* all that was queued is written */
	struct buf queue;
	bool writing;  /* what was taken from it is not yet written */
	uint64_t lost; /* lines for which there was no room */
	unsigned connections;
	bool ending;
};

/* ---- the writer ---- */

/* False: nobody reads any more. */
static bool wait_for_reader(struct transcript *t)
{
	struct pollfd p = { .fd = t->fd, .events = POLLOUT };
	for (;;) {
		int n = poll(&p, 1, LAST_PATIENCE_MS);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		pthread_mutex_lock(&t->lock);
		bool ending = t->ending;
		pthread_mutex_unlock(&t->lock);
		if (ending && n == 0)
			return false;
	}
}

static bool write_all(struct transcript *t, struct slice octets)
{
	while (octets.len > 0) {
		if (!wait_for_reader(t))
			return false;
		ssize_t n = write(t->fd, octets.ptr, octets.len < PIPE_BUF ? octets.len : PIPE_BUF);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		octets = slice_skip(octets, n > 0 ? (size_t)n : 0);
	}
	return true;
}

/* Waits for lines and takes them all. False: the end has come. */
static bool take_queue(struct transcript *t, struct buf *lines, uint64_t *lost)
{
	buf_clear(lines);
	pthread_mutex_lock(&t->lock);
	t->writing = false;
	pthread_cond_broadcast(&t->none);
	while (t->queue.len == 0 && !t->ending)
		pthread_cond_wait(&t->some, &t->lock);
	struct buf taken = t->queue;
	t->queue = *lines;
	*lines = taken;
	t->writing = lines->len > 0;
	*lost = t->lost;
	t->lost = 0;
	pthread_mutex_unlock(&t->lock);
	return lines->len > 0;
}

static bool write_lost(struct transcript *t, uint64_t lost)
{
	char note[96];
	if (lost == 0)
		return true;
	snprintf(note, sizeof note, "(%" PRIu64 " lines are lost here: they came faster than they are read)\n", lost);
	return write_all(t, slice_str(note));
}

static void *write_lines(void *arg)
{
	struct transcript *t = arg;
	struct buf lines;
	uint64_t lost;
	if (t->begin)
		t->begin();
	bool read = true; /* by anybody; lines go on being taken, and are thrown away, when not */
	buf_init(&lines, QUEUE_MAX);
	while (take_queue(t, &lines, &lost))
		read = read && write_all(t, buf_slice(&lines)) && write_lost(t, lost);
	buf_release(&lines);
	return NULL;
}

static void release(struct transcript *t)
{
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->some);
	pthread_cond_destroy(&t->none);
	buf_release(&t->queue);
	free(t);
}

struct transcript *transcript_new(int fd, void (*begin)(void))
{
	struct transcript *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	const char *no_color = getenv("NO_COLOR");
	t->fd = fd;
	t->begin = begin;
	t->terminal = isatty(fd);
	t->colours = t->terminal && !(no_color && *no_color);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->some, NULL);
	pthread_cond_init(&t->none, NULL);
	buf_init(&t->queue, QUEUE_MAX);
	if (thread_start(&t->thread, NULL, write_lines, t))
		return t;
	release(t);
	return NULL;
}

void transcript_free(struct transcript *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->ending = true;
	pthread_cond_signal(&t->some);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	release(t);
}

void transcript_explain(struct transcript *t, const struct course_verb *verbs, size_t verbs_len)
{
	t->explains = true;
	t->verbs = verbs;
	t->verbs_len = verbs_len;
}

void transcript_flush(struct transcript *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	while (t->queue.len > 0 || t->writing)
		pthread_cond_wait(&t->none, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

/* ---- lines ---- */

/* A character that does something to a terminal: C0, DEL, C1, and those that change the direction of what follows. */
static bool is_obeyed(const char *c, size_t len)
{
	const unsigned char *u = (const unsigned char *)c;
	if (len == 1)
		return (u[0] < ' ' && u[0] != '\t') || u[0] == 0x7f;
	if (len == 2)
		return u[0] == 0xc2 && u[1] < 0xa0;
	return len == 3 && u[0] == 0xe2 &&
	       ((u[1] == 0x80 && u[2] >= 0xaa && u[2] <= 0xae) || (u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9));
}

static bool add_visible(struct buf *out, struct slice text)
{
	bool ok = true;
	while (ok && text.len > 0) {
		size_t len = utf8_character(text);
		if (len == 0 || is_obeyed(text.ptr, len)) {
			ok = buf_printf(out, "\\x%02X", (unsigned char)text.ptr[0]);
			len = 1;
		} else {
			ok = buf_append(out, text.ptr, len);
		}
		text = slice_skip(text, len);
	}
	return ok;
}

static bool add_where(struct buf *out, const struct transcript_feed *f)
{
	char clock[16];
	time_t now = clock_wall();
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(clock, sizeof clock, "%H:%M:%S", &tm);
	return buf_printf(out, "%s #%u ", clock, f->connection);
}

/* "C: HELO kgp" */
static bool add_line(struct buf *out, const struct transcript_feed *f, enum transcript_side side, struct slice line,
                     bool cut)
{
	const struct transcript *t = f->transcript;
	const char *colour = side == TRANSCRIPT_CLIENT ? "\033[36m" : "\033[32m";
	return (!t->terminal || add_where(out, f)) && (!t->colours || buf_append_text(out, colour)) &&
	       buf_printf(out, "%c: ", side) && add_visible(out, line) && (!cut || buf_append_text(out, "…")) &&
	       (!t->colours || buf_append_text(out, "\033[0m")) && buf_append_char(out, '\n');
}

/* ---- explanations ---- */

static size_t terminal_columns(const struct transcript *t)
{
	struct winsize size = { .ws_col = 0 };
	if (ioctl(t->fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return COLUMNS_DEFAULT;
	return size.ws_col;
}

/* As many words as fit, taken off the front; a word that is too long stands alone. Explanations are ASCII: an octet is a column. */
static struct slice take_columns(struct slice *text, size_t room)
{
	size_t end = text->len;
	if (end > room) {
		end = room;
		while (end > 0 && text->ptr[end] != ' ')
			end--;
		if (end == 0)
			end = slice_find(*text, ' ');
	}
	struct slice line = slice_make(text->ptr, end);
	*text = slice_trim(slice_skip(*text, end));
	return line;
}

static bool add_dim_line(struct buf *out, const struct transcript *t, struct slice line, size_t indent)
{
	return buf_printf(out, "%*s", (int)indent, "") && (!t->colours || buf_append_text(out, "\033[2m")) &&
	       buf_append_slice(out, line) && (!t->colours || buf_append_text(out, "\033[0m")) &&
	       buf_append_char(out, '\n');
}

/* `indent` puts it under a line's text. */
static bool add_explanation(struct buf *out, const struct transcript *t, struct slice text, size_t indent)
{
	if (!t->terminal)
		return slice_empty(text) || add_dim_line(out, t, text, indent);
	size_t columns = terminal_columns(t);
	if (columns < COLUMNS_NARROW)
		indent = INDENT;
	size_t room = columns > 2 * indent ? columns - indent : indent;
	bool ok = true;
	while (ok && text.len > 0)
		ok = add_dim_line(out, t, take_columns(&text, room), indent);
	return ok;
}

/* ---- the queue ---- */

/* The line and what is said about it; all or nothing. */
static bool add_entry(struct buf *out, const struct transcript_feed *f, enum transcript_side side, struct slice line,
                      bool cut, struct slice explanation)
{
	char where[40];
	const struct transcript *t = f->transcript;
	int indent = t->terminal ? snprintf(where, sizeof where, "hh:mm:ss #%u ", f->connection) : 0;
	return add_line(out, f, side, line, cut) && add_explanation(out, t, explanation, (size_t)indent + INDENT);
}

static void queue_line(struct transcript_feed *f, enum transcript_side side, struct slice line, bool cut,
                       struct slice explanation)
{
	struct transcript *t = f->transcript;
	if (line.len > LINE_SHOWN_MAX) {
		line.len = LINE_SHOWN_MAX;
		cut = true;
	}
	pthread_mutex_lock(&t->lock);
	size_t before = t->queue.len;
	if (!add_entry(&t->queue, f, side, line, cut, explanation)) {
		t->queue.len = before;
		t->lost++;
	}
	if (before == 0)
		pthread_cond_signal(&t->some);
	pthread_mutex_unlock(&t->lock);
}

/* A line that was said; it is followed also where the queue has no room for it. `cut`: it went on. */
static void take_line(struct transcript_feed *f, enum transcript_side side, struct slice line, bool cut)
{
	struct slice explanation = slice_make("", 0);
	if (f->heard)
		f->sink->line(f->heard, side, line, cut ? TRANSCRIPT_SECRET : TRANSCRIPT_SAID);
	if (!f->transcript)
		return;
	if (f->explain && side == TRANSCRIPT_CLIENT)
		explanation = explain_client(f->explain, line, cut);
	else if (f->explain)
		explanation = explain_server(f->explain, line);
	queue_line(f, side, line, cut, explanation);
}

/* ---- the feed ---- */

static struct buf *partial_of(struct transcript_feed *f, enum transcript_side side)
{
	return &f->partial[side == TRANSCRIPT_SERVER];
}

void transcript_feed_init(struct transcript_feed *f, struct transcript *t)
{
	*f = (struct transcript_feed){ .transcript = t };
	/* One octet more than is shown, so that a cut is seen to be one; and a CR. */
	buf_init(&f->partial[0], LINE_SHOWN_MAX + 2);
	buf_init(&f->partial[1], LINE_SHOWN_MAX + 2);
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	f->connection = ++t->connections;
	pthread_mutex_unlock(&t->lock);
	/* Where memory is out the lines are shown all the same. */
	f->explain = t->explains ? malloc(sizeof *f->explain) : NULL;
	if (f->explain)
		explain_init(f->explain, t->verbs, t->verbs_len);
}

void transcript_feed_tell(struct transcript_feed *f, const struct transcript_sink *sink)
{
	f->sink = sink;
	f->heard = sink ? sink->begin(sink->owner) : NULL;
}

void transcript_secured(struct transcript_feed *f, const char *version, const char *cipher)
{
	if (f->heard)
		f->sink->secured(f->heard, version, cipher);
}

static bool is_heard(const struct transcript_feed *f)
{
	return f->transcript || f->heard;
}

void transcript_feed_release(struct transcript_feed *f)
{
	if (f->heard)
		f->sink->end(f->heard);
	f->heard = NULL;
	buf_release(&f->partial[0]);
	buf_release(&f->partial[1]);
	if (f->explain)
		explain_release(f->explain);
	free(f->explain);
	f->explain = NULL;
}

void transcript_line(struct transcript_feed *f, enum transcript_side side, struct slice line)
{
	if (is_heard(f))
		take_line(f, side, line, false);
}

void transcript_secret(struct transcript_feed *f, enum transcript_side side, struct slice line, size_t hidden)
{
	if (is_heard(f))
		take_line(f, side, slice_make(line.ptr, hidden < line.len ? hidden : line.len), hidden < line.len);
}

/* Where a command's secret begins, or its length: behind a verb that brings one, known here or not, and behind a bare CR or LF, where another
 * command may hide. */
static size_t find_secret(struct slice line)
{
	static const char *const verbs[] = { "PASS", "AUTH", "APOP" };
	struct slice rest = line;
	struct slice verb = slice_word(&rest);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (slice_equal_text_nocase(verb, verbs[i]))
			return (size_t)(verb.ptr - line.ptr) + verb.len + 1;
	}
	size_t cr = slice_find(line, '\r'), lf = slice_find(line, '\n');
	return cr < lf ? cr : lf;
}

void transcript_command(struct transcript_feed *f, struct slice line)
{
	if (is_heard(f))
		transcript_secret(f, TRANSCRIPT_CLIENT, line, find_secret(line));
}

/* A line of a text; a server's replies come as one. */
static void take_text_line(struct transcript_feed *f, enum transcript_side side, struct slice line)
{
	bool mail = side == TRANSCRIPT_CLIENT;
	if (mail && f->heard)
		f->sink->line(f->heard, side, line, TRANSCRIPT_MAIL);
	if (mail && !f->transcript)
		return;
	if (f->explain && mail)
		queue_line(f, side, line, false, explain_text(f->explain, line));
	else if (mail)
		queue_line(f, side, line, false, slice_make("", 0));
	else
		take_line(f, side, line, false);
}

/* What there is of an unfinished line, as a line. */
static void end_partial(struct transcript_feed *f, enum transcript_side side)
{
	struct slice line = buf_slice(partial_of(f, side));
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	take_text_line(f, side, line);
	buf_release(partial_of(f, side));
}

/* Part of a line; of a long one, more than will be shown is not kept. */
static void add_partial(struct buf *partial, struct slice part)
{
	size_t room = partial->max - partial->len;
	buf_append(partial, part.ptr, part.len < room ? part.len : room);
}

void transcript_text(struct transcript_feed *f, enum transcript_side side, const char *octets, size_t n)
{
	struct slice rest = slice_make(octets, n);
	while (is_heard(f) && rest.len > 0) {
		size_t end = slice_find(rest, '\n');
		add_partial(partial_of(f, side), slice_make(rest.ptr, end));
		if (end < rest.len)
			end_partial(f, side);
		rest = slice_skip(rest, end + 1);
	}
}

void transcript_text_end(struct transcript_feed *f, enum transcript_side side)
{
	if (is_heard(f) && partial_of(f, side)->len > 0)
		end_partial(f, side);
}

void transcript_note(struct transcript_feed *f, enum transcript_side side, const char *note)
{
	transcript_text_end(f, side);
	if (!f->transcript)
		return;
	queue_line(f, side, slice_str(note), false, f->explain ? explain_note(f->explain) : slice_make("", 0));
}
