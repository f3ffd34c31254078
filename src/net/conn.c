/*
 * conn: a socket and the pump behind it. See conn.h.
 *
 * Every event ends in proceed(): send what there is, see whether all is said, and watch for what may come next.
 */
#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/stream.h"

enum {
	WRITES_A_TURN = 4, /* then other connections come first */
	/* Octets of input, likewise: a few hundred commands, which take a millisecond. What a text brings takes less, and is read in larger pieces. */
	COMMANDS_A_TURN = 4096,
	LINGER_MAX = 1 << 20,  /* octets of input thrown away after the last reply */
	LAST_MOMENT_MS = 1000, /* for a peer whose time is over to take the last reply */
};

struct conn {
	struct conn_set *set;
	struct conn *next;
	struct conn **link; /* what points to this one */
	struct pump pump;
	struct event readable;
	struct event writable;
	struct event timer;
	struct timeval idle;
	int64_t idle_ms;         /* what `idle` was made of */
	unsigned steps;          /* of the pump, when the timer was set */
	bool has_sent;           /* something, since then */
	size_t lingered;         /* octets */
	struct stream stream;    /* fd -1: the peer is lost, the session still waits for its answer */
	void *visit;             /* for set->closed() */
	struct session_tls *tls; /* what the handshake agreed on; NULL: in clear */
	bool tls_first;          /* the session has not started yet */
	bool shaking;            /* a handshake is under way: readable and writable are its own */
	bool input_over;         /* the peer has shut down its sending side */
	bool last_moment;        /* the timer now says when this ends, whatever the peer does */
	bool lingering;          /* all is said and sent, the session is freed */
};

static void on_readable(evutil_socket_t fd, short what, void *arg);
static void on_writable(evutil_socket_t fd, short what, void *arg);
static void on_timer(evutil_socket_t fd, short what, void *arg);
static void on_woken(struct pump *p);

/* Timers of one duration in one queue: setting one costs the same with ten thousand connections as with one. The answer
 * may be copied; without memory for the queue it is an ordinary timer's. */
static struct timeval common_timer(struct loop *loop, int64_t ms)
{
	struct timeval plain = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	const struct timeval *common = event_base_init_common_timeout(loop_base(loop), &plain);
	return common ? *common : plain;
}

bool conn_set_init(struct conn_set *set, struct loop *loop, struct fault *why)
{
	*set = (struct conn_set){ .loop = loop, .scratch = malloc(PUMP_INPUT_MAX) };
	if (!set->scratch)
		return fault_set(why, FAULT_FULL, "cannot take connections: memory is out");
	buf_init(&set->spare, SESSION_OUT_MAX);
	set->last_moment = common_timer(loop, LAST_MOMENT_MS);
	set->handshake = common_timer(loop, CONN_HANDSHAKE_MS);
	return true;
}

void conn_set_release(struct conn_set *set)
{
	assert(!set->first);
	free(set->scratch);
	buf_release(&set->spare);
}

static void close_socket(struct conn *c)
{
	event_del(&c->readable);
	event_del(&c->writable);
	event_del(&c->timer);
	stream_close(&c->stream);
	c->shaking = false;
}

static void end(struct conn *c)
{
	struct conn_set *set = c->set;
	void *visit = c->visit;
	close_socket(c);
	if (!c->lingering)
		pump_release(&c->pump);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c->tls);
	free(c);
	set->count--;
	if (set->closed)
		set->closed(set, visit);
}

/* The peer is gone, or is given up. */
static void lose(struct conn *c)
{
	close_socket(c);
	if (!c->lingering)
		pump_lost(&c->pump);
	if (c->lingering || !pump_waiting(&c->pump))
		end(c);
}

/* Each reply once, in one write where the socket takes it. False: the peer is gone (without renegotiation TLS never reads
 * in order to write). */
static bool send_out(struct conn *c)
{
	struct pump *p = &c->pump;
	for (int turn = 0; turn < WRITES_A_TURN && p->out.len > 0; turn++) {
		size_t n;
		enum stream_got got = stream_write(&c->stream, p->out.data, p->out.len, &n);
		if (got != STREAM_OK)
			return got == STREAM_WAIT_WRITE;
		c->has_sent = true;
		buf_consume(&p->out, n);
		pump_drained(p);
	}
	return true;
}

static bool all_is_said(const struct conn *c)
{
	const struct pump *p = &c->pump;
	return p->out.len == 0 && (pump_closing(p) || (c->input_over && pump_hungry(p)));
}

static bool last_moment_begins(struct conn *c)
{
	if (c->last_moment && evtimer_pending(&c->timer, NULL))
		return true;
	c->last_moment = true;
	return event_add(&c->timer, &c->set->last_moment) == 0;
}

/* Of one who has said goodbye nothing more is to come that could make the kernel throw the last reply away: the socket is closed at once. Behind TLS
 * there is the end of that. */
static bool parts_at_once(const struct conn *c)
{
	return c->pump.session->farewell && !c->pump.unheard && !c->tls;
}

/* All is said and sent: the session goes, the socket stays until the peer has closed it too, a moment at most. */
static void linger(struct conn *c)
{
	if (parts_at_once(c)) {
		end(c);
		return;
	}
	pump_release(&c->pump);
	c->lingering = true;
	event_del(&c->writable);
	bool told = stream_shutdown(&c->stream);
	if (c->input_over || !told || event_add(&c->readable, NULL) != 0 || !last_moment_begins(c))
		end(c);
}

static const struct timeval *idle_time(struct conn *c)
{
	const struct session *s = c->pump.session;
	int64_t ms = s->idle_ms > 0 ? s->idle_ms : s->ops->idle_ms;
	if (ms != c->idle_ms) {
		c->idle = common_timer(c->set->loop, ms);
		c->idle_ms = ms;
	}
	return &c->idle;
}

/* It is a command, a piece of a text or a reply taken that begins the time anew, not an octet (RFC 1939 section 3): nobody keeps a session by a line that
 * never ends. */
static bool idleness_begins(struct conn *c)
{
	bool moved = c->has_sent || c->steps != c->pump.steps;
	c->has_sent = false;
	c->steps = c->pump.steps;
	if (!moved && evtimer_pending(&c->timer, NULL))
		return true;
	return event_add(&c->timer, idle_time(c)) == 0;
}

/* Reading is given up only when input comes that nobody wants yet (on_readable): so waiting for a job costs no system
 * calls. False: memory is out. */
static bool watch(struct conn *c)
{
	struct pump *p = &c->pump;
	bool unsent = p->out.len > 0;
	if (pump_hungry(p) && !c->input_over && event_add(&c->readable, NULL) != 0)
		return false;
	if (unsent ? event_add(&c->writable, NULL) != 0 : event_del(&c->writable) != 0)
		return false;
	if (pump_waiting(p) && !unsent)
		return event_del(&c->timer) == 0;
	return c->last_moment ? last_moment_begins(c) : idleness_begins(c);
}

static void proceed(struct conn *c);

/* The session goes on, or begins, behind TLS. */
static void secured(struct conn *c)
{
	c->shaking = false;
	c->tls = malloc(sizeof *c->tls);
	if (!c->tls || !stream_tls(&c->stream, c->tls)) {
		lose(c);
		return;
	}
	if (c->tls_first) {
		c->pump.session->tls = c->tls;
		pump_start(&c->pump);
	} else {
		pump_secured(&c->pump, c->tls);
	}
	proceed(c);
}

/* One of the two is watched at a time. */
static bool only_watch(struct event *ready, struct event *other)
{
	return event_del(other) == 0 && event_add(ready, NULL) == 0;
}

static void shake(struct conn *c)
{
	struct fault why;
	bool ok = false;
	switch (stream_handshake(&c->stream, &why)) {
	case STREAM_OK:
		secured(c);
		return;
	case STREAM_WAIT_READ:
		ok = only_watch(&c->readable, &c->writable);
		break;
	case STREAM_WAIT_WRITE:
		ok = only_watch(&c->writable, &c->readable);
		break;
	case STREAM_END:
	case STREAM_BROKEN:
		log_info("%s: %s", c->pump.session->ops->protocol, why.text);
		break;
	}
	if (!ok)
		lose(c);
}

/* The timer is set once: no octet prolongs a handshake. */
static void begin_tls(struct conn *c)
{
	struct conn_set *set = c->set;
	struct ssl_st *ssl = set->tls_session ? set->tls_session(set) : NULL;
	if (!ssl) {
		log_warning("%s: no TLS session could be made", c->pump.session->ops->protocol);
		lose(c);
		return;
	}
	c->shaking = true;
	stream_secure(&c->stream, ssl);
	if (event_add(&c->timer, &set->handshake) == 0)
		shake(c);
	else
		lose(c);
}

static void proceed(struct conn *c)
{
	if (!send_out(c))
		lose(c);
	else if (all_is_said(c))
		linger(c);
	else if (pump_wants_tls(&c->pump) && c->pump.out.len == 0)
		begin_tls(c);
	else if (!watch(c))
		lose(c);
}

static void begin(struct conn *c, const struct arrival *arrival)
{
	c->tls_first = arrival->start == CONN_TLS;
	if (c->tls_first) {
		begin_tls(c);
		return;
	}
	if (arrival->start == CONN_REFUSED)
		pump_stop(&c->pump, arrival->refusal);
	else
		pump_start(&c->pump);
	proceed(c);
}

bool conn_open(struct conn_set *set, const struct arrival *arrival)
{
	struct event_base *base = loop_base(set->loop);
	struct conn *c = calloc(1, sizeof *c);
	int fd = arrival->fd;
	if (!c) {
		arrival->session->ops->free(arrival->session);
		stream_close(&(struct stream){ .fd = arrival->fd });
		return false;
	}
	*c = (struct conn){
		.set = set, .next = set->first, .link = &set->first, .stream = { .fd = fd }, .visit = arrival->visit
	};
	event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	evtimer_assign(&c->timer, base, on_timer, c);
	if (c->next)
		c->next->link = &c->next;
	set->first = c;
	set->count++;
	pump_init(&c->pump, arrival->session, on_woken, c);
	c->pump.spare = &set->spare;
	begin(c, arrival);
	return true;
}

void conn_set_stop(struct conn_set *set, enum session_stop why)
{
	struct conn *next;
	for (struct conn *c = set->first; c; c = next) {
		next = c->next;
		if (c->stream.fd < 0 || c->lingering)
			continue;
		if (c->shaking) {
			lose(c);
			continue;
		}
		if (why == STOP_NOW)
			last_moment_begins(c);
		pump_stop(&c->pump, why);
		proceed(c);
	}
}

/* A record of TLS is read whole (it has 16 KiB at most): what was left of it would wake nobody. */
static size_t read_at_once(const struct conn *c)
{
	return c->tls || c->pump.next == NEXT_BODY ? PUMP_INPUT_MAX : COMMANDS_A_TURN;
}

/* What is read where commands are said may hold a password; the text of a mail is too much to wipe, and stays no longer than until the next read. */
static bool take(struct conn *c, size_t n)
{
	bool commands = c->pump.next != NEXT_BODY;
	bool ok = pump_input(&c->pump, c->set->scratch, n);
	if (commands)
		explicit_bzero(c->set->scratch, n);
	return ok;
}

static void read_on(struct conn *c)
{
	size_t n;
	switch (stream_read(&c->stream, c->set->scratch, read_at_once(c), &n)) {
	case STREAM_OK:
		break;
	case STREAM_WAIT_READ:
		return;
	case STREAM_WAIT_WRITE: /* TLS itself has something to say, and no room: it is asked again when there is */
		if (!only_watch(&c->writable, &c->readable))
			lose(c);
		return;
	case STREAM_END:
		n = 0;
		c->input_over = true;
		event_del(&c->readable);
		break;
	case STREAM_BROKEN:
		lose(c);
		return;
	}
	if (n > 0 && !take(c, n))
		lose(c);
	else
		proceed(c);
}

static void throw_away(struct conn *c)
{
	ssize_t n = recv(c->stream.fd, c->set->scratch, PUMP_INPUT_MAX, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->lingered += n > 0 ? (size_t)n : 0;
	if (n <= 0 || c->lingered > LINGER_MAX)
		end(c);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd;
	(void)what;
	if (c->shaking)
		shake(c);
	else if (c->lingering)
		throw_away(c);
	else if (pump_hungry(&c->pump))
		read_on(c);
	else
		event_del(&c->readable); /* backpressure; watch() takes it up again */
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd;
	(void)what;
	if (c->shaking)
		shake(c);
	else if (c->stream.fd >= 0)
		proceed(c);
	else if (!pump_waiting(&c->pump))
		end(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd;
	(void)what;
	if (c->last_moment || c->shaking) {
		lose(c);
		return;
	}
	c->last_moment = true;
	pump_stop(&c->pump, STOP_IDLE);
	proceed(c);
}

/* We are inside session_wake, and whoever called it may still look at the session: what follows, and the end it may
 * bring, is left to the loop's next turn. */
static void on_woken(struct pump *p)
{
	struct conn *c = p->owner;
	event_active(&c->writable, EV_WRITE, 0);
}
