/*
 * scripted: see scripted_suite.h.
 */
#include "net/scripted_suite.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

static struct scripted *of(struct session *s)
{
	struct scripted *t = (struct scripted *)s;
	assert(!t->waiting);
	t->calls++;
	return t;
}

static void nap(struct job *job)
{
	struct scripted *t = (struct scripted *)((char *)job - offsetof(struct scripted, job));
	nanosleep(&(struct timespec){ .tv_nsec = t->job_ms * 1000000L }, NULL);
}

static void rested(struct job *job)
{
	struct scripted *t = (struct scripted *)((char *)job - offsetof(struct scripted, job));
	session_wake(&t->base);
	assert(t->job.done); /* it must still be there */
}

static enum session_next wait_then(struct scripted *t, enum session_next next)
{
	t->waiting = true;
	t->after_wait = next;
	if (t->jobs) {
		t->job = (struct job){ .work = nap, .done = rested, .home = t->loop };
		jobs_run(t->jobs, &t->job);
	}
	return NEXT_WAIT;
}

static enum session_next start(struct session *s)
{
	of(s);
	buf_append_text(s->out, "hello\n");
	return NEXT_LINE;
}

static enum session_next echo(struct scripted *t, const struct line *line)
{
	struct session *s = &t->base;
	buf_append_char(s->out, '[');
	buf_append_slice(s->out, line->text);
	buf_append_text(s->out, line->too_long ? "]long" : "]");
	buf_append_text(s->out, line->bare_lf ? "lf\n" : "\n");
	return NEXT_LINE;
}

static enum session_next line(struct session *s, const struct line *line)
{
	struct scripted *t = of(s);
	switch (line->text.len > 0 ? line->text.ptr[0] : '-') {
	case 'w':
		return wait_then(t, NEXT_LINE);
	case 's':
		t->waiting = true;
		t->after_wait = NEXT_LINE;
		session_wake(s);
		return NEXT_WAIT;
	case 'm':
		t->pieces = SCRIPTED_PIECES;
		return NEXT_MORE;
	case 'b':
		t->in_body = true;
		return NEXT_BODY;
	case 'e':
		s->ends = LINE_ENDS_CRLF;
		return echo(t, line);
	case 'E':
		s->ends = LINE_ENDS_EITHER;
		return echo(t, line);
	case 'T':
		if (!t->starttls)
			return echo(t, line);
		if (s->tls) {
			buf_printf(s->out, "have %s\n", s->tls->version);
			return NEXT_LINE;
		}
		buf_append_text(s->out, "begin\n");
		return NEXT_TLS;
	case 'f':
		s->farewell = true;
		/* fall through */
	case 'q':
		buf_append_text(s->out, "bye\n");
		return NEXT_CLOSE;
	default:
		return echo(t, line);
	}
}

static enum session_next body(struct session *s, const char *octets, size_t n, size_t *taken)
{
	struct scripted *t = of(s);
	for (size_t i = 0; i < n; i++) {
		*taken = i + 1;
		if (octets[i] == 'w')
			return wait_then(t, NEXT_BODY);
		if (octets[i] == '.') {
			t->in_body = false;
			buf_append_text(s->out, "end\n");
			return t->last_mail ? NEXT_CLOSE : NEXT_LINE;
		}
		buf_append_char(s->out, octets[i]);
		if (session_enough(s))
			break;
	}
	return NEXT_BODY;
}

static enum session_next more(struct session *s)
{
	struct scripted *t = of(s);
	char piece[SCRIPTED_PIECE];
	memset(piece, 'a' + t->pieces % 26, sizeof piece);
	buf_append(s->out, piece, sizeof piece);
	return --t->pieces > 0 ? NEXT_MORE : NEXT_LINE;
}

static enum session_next resume(struct session *s)
{
	((struct scripted *)s)->waiting = false;
	struct scripted *t = of(s);
	buf_append_text(s->out, "resumed\n");
	return t->after_wait;
}

static enum session_next secured(struct session *s)
{
	of(s);
	buf_printf(s->out, "secured %s\n", s->tls->version);
	return NEXT_LINE;
}

static enum session_next stop(struct session *s, enum session_stop why)
{
	static const char *const names[] = { "idle", "crowded", "many", "often", "shutdown", "now" };
	struct scripted *t = of(s);
	buf_printf(s->out, "stop %s\n", names[why]);
	t->last_mail = true;
	return why == STOP_SHUTDOWN && t->in_body ? NEXT_BODY : NEXT_CLOSE;
}

static void scripted_free(struct session *s)
{
	struct scripted *t = of(s);
	if (t->gone)
		*t->gone = s->gone;
	if (t->freed)
		++*t->freed;
	free(t);
}

struct scripted *scripted_new(int *freed)
{
	struct scripted *t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->ops = (struct session_ops){
		.protocol = "scripted",
		.line_max = SCRIPTED_LINE_MAX,
		.idle_ms = 60 * 1000,
		.start = start,
		.line = line,
		.body = body,
		.more = more,
		.resume = resume,
		.secured = secured,
		.stop = stop,
		.free = scripted_free,
	};
	t->base.ops = &t->ops;
	t->freed = freed;
	t->job_ms = 20;
	return t;
}
