/*
 * pump: a session and its octets. See pump.h.
 *
 * All that happens is one callback after the other, chosen by step(); so nothing recurses, however the answers come.
 *
 * A line may hold a password: what is kept of the input is wiped before its memory is given back.
 */
#include "net/pump.h"

#include <assert.h>

#include "net/line.h"

static void pump_wake(struct session *s);

void pump_init(struct pump *p, struct session *session, void (*woken)(struct pump *), void *owner)
{
	*p = (struct pump){ .session = session, .next = NEXT_LINE, .woken = woken, .owner = owner };
	/* A part of a line (see keep) and one call's octets. */
	buf_init(&p->in, session->ops->line_max + 1 + PUMP_INPUT_MAX);
	buf_init(&p->out, SESSION_OUT_MAX);
	session->out = &p->out;
	session->wake = pump_wake;
	session->driver = p;
}

/* The memory of an output, which is large while mails are sent, goes from one to the next that has something to say. */
static void take_out(struct pump *p)
{
	if (!p->spare || p->out.cap > 0)
		return;
	p->out = *p->spare;
	buf_init(p->spare, SESSION_OUT_MAX);
}

static void give_out(struct pump *p)
{
	buf_clear(&p->out);
	if (p->spare && p->spare->cap < p->out.cap) {
		struct buf smaller = *p->spare;
		*p->spare = p->out;
		p->out = smaller;
	}
	buf_release(&p->out);
}

void pump_release(struct pump *p)
{
	assert(!pump_waiting(p) && !p->busy);
	p->session->ops->free(p->session);
	p->session = NULL;
	buf_wipe(&p->in);
	give_out(p);
}

static void goes_on(struct pump *p, enum session_next next)
{
	p->steps++;
	if (next != NEXT_WAIT) {
		p->awake = false;
		if (p->session->gone)
			next = NEXT_CLOSE;
	}
	p->next = next;
}

static bool give_line(struct pump *p, struct slice *input)
{
	struct session *s = p->session;
	struct line line;
	size_t n = line_find(*input, s->ends, &line);
	if (n == 0)
		return false;
	line.too_long = n > s->ops->line_max;
	if (line.text.len > s->ops->line_max)
		line.text.len = s->ops->line_max;
	*input = slice_skip(*input, n);
	goes_on(p, s->ops->line(s, &line));
	return true;
}

static bool give_body(struct pump *p, struct slice *input)
{
	struct session *s = p->session;
	size_t taken = 0;
	if (slice_empty(*input))
		return false;
	enum session_next next = s->ops->body(s, input->ptr, input->len, &taken);
	assert(taken >= 1 && taken <= input->len);
	*input = slice_skip(*input, taken);
	goes_on(p, next);
	return true;
}

/* One callback of the session. False: there is none to make until something comes from outside. */
static bool step(struct pump *p, struct slice *input)
{
	struct session *s = p->session;
	if (p->stop_due && !pump_waiting(p) && !pump_closing(p)) {
		p->stop_due = false;
		goes_on(p, s->ops->stop(s, p->stop));
		return true;
	}
	switch (p->next) {
	case NEXT_LINE:
		return pump_hungry(p) && give_line(p, input);
	case NEXT_BODY:
		return pump_hungry(p) && give_body(p, input);
	case NEXT_MORE:
		if (session_enough(s))
			return false;
		goes_on(p, s->ops->more(s));
		return true;
	case NEXT_WAIT:
		if (!p->awake)
			return false;
		p->awake = false;
		goes_on(p, s->ops->resume(s));
		return true;
	case NEXT_TLS:
		if (!p->secured)
			return false;
		p->secured = false;
		goes_on(p, s->ops->secured(s));
		return true;
	case NEXT_CLOSE:
		break;
	}
	return false;
}

static void run(struct pump *p, struct slice *input)
{
	p->busy = true;
	take_out(p);
	while (step(p, input))
		;
	p->busy = false;
	if (p->out.len == 0)
		give_out(p);
}

/* What comes behind a command is its peer's again only if nobody could have slipped it in: after NEXT_TLS no octet that
 * was sent in clear may be left (RFC 3207 section 4.2, RFC 2595 section 4). */
static bool throws_away(const struct pump *p)
{
	return pump_closing(p) || pump_wants_tls(p);
}

/* What is left of the input waits in p->in, in no more memory than it takes. Of a line that is too long already only
 * the beginning is kept, with one octet for all the rest: a CR, if a LF may make it the line's end. */
static void keep(struct pump *p, struct slice rest)
{
	size_t line_max = p->session->ops->line_max;
	struct buf kept;
	bool ok = true;
	p->unheard |= pump_closing(p) && rest.len > 0;
	buf_init(&kept, p->in.max);
	if (p->next == NEXT_LINE && pump_hungry(p) && rest.len > line_max)
		ok = buf_append(&kept, rest.ptr, line_max) &&
		     buf_append_char(&kept, rest.ptr[rest.len - 1] == '\r' ? '\r' : ' ');
	else if (!throws_away(p))
		ok = buf_append_slice(&kept, rest);
	buf_wipe(&p->in);
	p->in = kept;
	p->taken = 0;
	if (!ok)
		pump_lost(p);
}

/* A buffer that grows by itself may leave a copy behind. False: memory is out. */
static bool append(struct pump *p, const char *octets, size_t n)
{
	struct buf grown;
	if (n <= p->in.cap - p->in.len)
		return buf_append(&p->in, octets, n);
	buf_init(&grown, p->in.max);
	if (n > p->in.max - p->in.len || !buf_reserve(&grown, p->in.len + n))
		return false;
	buf_append_slice(&grown, buf_slice(&p->in));
	buf_append(&grown, octets, n);
	buf_wipe(&p->in);
	p->in = grown;
	return true;
}

/* Goes on with what is kept. */
static void go_on(struct pump *p)
{
	struct slice rest = p->in.len > 0 ? slice_skip(buf_slice(&p->in), p->taken) : slice_make("", 0);
	run(p, &rest);
	if (slice_empty(rest) || pump_hungry(p) || throws_away(p))
		keep(p, rest);
	else /* held back: a long pipeline is not moved once for each of its waits */
		p->taken = p->in.len - rest.len;
}

void pump_start(struct pump *p)
{
	take_out(p);
	goes_on(p, p->session->ops->start(p->session));
	go_on(p);
}

bool pump_input(struct pump *p, const char *octets, size_t n)
{
	if (p->in.len == 0) {
		struct slice rest = slice_make(octets, n);
		run(p, &rest);
		keep(p, rest);
		return !p->session->gone;
	}
	if (append(p, octets, n))
		go_on(p);
	else
		pump_lost(p);
	return !p->session->gone;
}

void pump_drained(struct pump *p)
{
	if (p->out.len == 0)
		give_out(p);
	go_on(p);
}

void pump_secured(struct pump *p, const struct session_tls *tls)
{
	assert(pump_wants_tls(p) && p->in.len == 0 && p->out.len == 0);
	p->session->tls = tls;
	p->secured = true;
	go_on(p);
}

void pump_stop(struct pump *p, enum session_stop why)
{
	if (!p->stop_due || why > p->stop)
		p->stop = why;
	p->stop_due = true;
	if (!p->busy)
		go_on(p);
}

void pump_lost(struct pump *p)
{
	p->session->gone = true;
	buf_wipe(&p->in);
	buf_release(&p->out);
	p->taken = 0;
	goes_on(p, p->next);
}

/* An answer that comes inside of a callback is taken up by the loop in run(), which is below us on the stack. */
static void pump_wake(struct session *s)
{
	struct pump *p = s->driver;
	assert(pump_waiting(p) || p->busy);
	p->awake = true;
	if (p->busy)
		return;
	go_on(p);
	if (p->woken)
		p->woken(p);
}
