/*
 * trace: the stamper, a filter that reads lines only as far as it must to know where the stamp goes.
 *
 * Everything up to that point is held. Where TRACE_HOLD_MAX octets do not decide it, the stamp goes: to the front, when From, To
 * and Subject are not complete by then; directly behind the Subject's one line, when nothing but indented lines came after it (a text, not a
 * subject of that length); behind the Subject's last line otherwise (a long header, and the empty line is taken as sure to come).
 */
#include "mail/trace.h"

#include "mail/header.h"

size_t trace_course_date(time_t when, char *text, size_t size)
{
	struct tm local;
	localtime_r(&when, &local);
	return strftime(text, size, "%Y-%m-%d : %H : %M", &local);
}

size_t trace_course_line(time_t when, char *line, size_t size)
{
	struct tm local;
	localtime_r(&when, &local);
	return strftime(line, size, "Received: %Y-%m-%d : %H : %M\n", &local);
}

void trace_stamper_init(struct trace_stamper *t, time_t when, void (*out)(void *owner, const char *octets, size_t n),
                        void *owner)
{
	*t = (struct trace_stamper){ .out = out, .owner = owner };
	t->stamp_len = trace_course_line(when, t->stamp, sizeof t->stamp);
	buf_init(&t->held, TRACE_HOLD_MAX);
}

void trace_stamper_init_head(struct trace_stamper *t, struct slice head,
                             void (*out)(void *owner, const char *octets, size_t n), void *owner)
{
	*t = (struct trace_stamper){ .out = out, .owner = owner, .stamped = true };
	buf_init(&t->held, TRACE_HOLD_MAX);
	out(owner, head.ptr, head.len);
}

void trace_stamper_release(struct trace_stamper *t)
{
	buf_release(&t->held);
}

static void give(struct trace_stamper *t, struct slice octets)
{
	if (octets.len > 0)
		t->out(t->owner, octets.ptr, octets.len);
}

/* The stamp goes behind the first `place` octets of what is held. */
static void put_stamp(struct trace_stamper *t, size_t place)
{
	struct slice held = buf_slice(&t->held);
	give(t, slice_make(held.ptr, place));
	if (place > 0 && held.ptr[place - 1] != '\n') /* the last line of a message that ends without LF */
		give(t, slice_str("\n"));
	give(t, slice_make(t->stamp, t->stamp_len));
	give(t, slice_skip(held, place));
	buf_release(&t->held);
	t->stamped = true;
}

static bool is_indented(struct slice line)
{
	return line.len > 0 && slice_is_blank(line.ptr[0]);
}

/* A line of the beginning: only From, To and Subject, with continuation lines of the first two, lead on. */
static void read_beginning(struct trace_stamper *t, struct slice line, size_t end)
{
	static const char *const names[] = {
		[TRACE_FROM] = "From:",
		[TRACE_TO] = "To:",
		[TRACE_SUBJECT] = "Subject:",
	};
	if (t->stage != TRACE_FROM && is_indented(line))
		return;
	if (!slice_starts_nocase(line, names[t->stage])) {
		put_stamp(t, 0);
		return;
	}
	t->stage++;
	t->subject_line_end = t->subject_end = end;
}

/* A line behind the Subject: whether indented lines belong to it shows only where the header ends. */
static void read_behind_subject(struct trace_stamper *t, struct slice line, size_t end)
{
	if (is_indented(line)) {
		if (t->stage == TRACE_FOLDS)
			t->subject_end = end;
	} else if (slice_empty(line)) {
		put_stamp(t, t->subject_end);
	} else if (!header_is_field(line) || t->subject_end == t->subject_line_end) {
		put_stamp(t, t->subject_line_end);
	} else {
		t->stage = TRACE_FIELDS;
	}
}

/* The line that begins at t->line and ends, its LF included, at `end`. */
static void read_line(struct trace_stamper *t, size_t end)
{
	struct slice line = slice_make(t->held.data + t->line, end - t->line);
	if (line.len > 0 && line.ptr[line.len - 1] == '\n')
		line.len--;
	t->line = end;
	if (t->stage < TRACE_FOLDS)
		read_beginning(t, line, end);
	else
		read_behind_subject(t, line, end);
}

static void read_lines(struct trace_stamper *t)
{
	while (!t->stamped && t->seen < t->held.len) {
		const char *lf = memchr(t->held.data + t->seen, '\n', t->held.len - t->seen);
		if (!lf) {
			t->seen = t->held.len;
			return;
		}
		t->seen = (size_t)(lf - t->held.data) + 1;
		read_line(t, t->seen);
	}
}

static void decide_undecided(struct trace_stamper *t)
{
	if (t->stage < TRACE_FOLDS)
		put_stamp(t, 0);
	else
		put_stamp(t, t->stage == TRACE_FOLDS ? t->subject_line_end : t->subject_end);
}

bool trace_stamper_push(struct trace_stamper *t, const char *octets, size_t n)
{
	while (n > 0 && !t->stamped) {
		size_t room = TRACE_HOLD_MAX - t->held.len;
		size_t taken = n < room ? n : room;
		if (!buf_append(&t->held, octets, taken))
			return false;
		octets += taken;
		n -= taken;
		read_lines(t);
		if (!t->stamped && t->held.len == TRACE_HOLD_MAX)
			decide_undecided(t);
	}
	give(t, slice_make(octets, n));
	return true;
}

bool trace_stamper_finish(struct trace_stamper *t)
{
	if (!t->stamped && t->line < t->held.len)
		read_line(t, t->held.len);
	if (t->stamped)
		return true;
	/* The message ended within its header: it has no empty line. */
	put_stamp(t, t->stage < TRACE_FOLDS ? 0 : t->subject_line_end);
	return true;
}
