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
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	WRITES_A_TURN = 4,     /* then other connections come first */
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
	size_t lingered;  /* octets */
	int fd;           /* -1: the peer is lost, the session still waits for its answer */
	bool input_over;  /* the peer has shut down its sending side */
	bool last_moment; /* the timer now says when this ends, whatever the peer does */
	bool lingering;   /* all is said and sent, the session is freed */
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
	set->last_moment = common_timer(loop, LAST_MOMENT_MS);
	return true;
}

void conn_set_release(struct conn_set *set)
{
	assert(!set->first);
	free(set->scratch);
}

static void close_socket(struct conn *c)
{
	event_del(&c->readable);
	event_del(&c->writable);
	event_del(&c->timer);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void end(struct conn *c)
{
	struct conn_set *set = c->set;
	close_socket(c);
	if (!c->lingering)
		pump_release(&c->pump);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	free(c);
	set->count--;
	if (set->closed)
		set->closed(set);
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

/* Each reply once, in one write where the socket takes it. False: the peer is gone. */
static bool send_out(struct conn *c)
{
	struct pump *p = &c->pump;
	for (int turn = 0; turn < WRITES_A_TURN && p->out.len > 0; turn++) {
		ssize_t n = send(c->fd, p->out.data, p->out.len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		buf_consume(&p->out, (size_t)n);
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

/* All is said and sent: the session goes, the socket stays until the peer has closed it too, a moment at most. */
static void linger(struct conn *c)
{
	pump_release(&c->pump);
	c->lingering = true;
	event_del(&c->writable);
	if (c->input_over || shutdown(c->fd, SHUT_WR) != 0 || event_add(&c->readable, NULL) != 0 ||
	    !last_moment_begins(c))
		end(c);
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
	return c->last_moment ? last_moment_begins(c) : event_add(&c->timer, &c->idle) == 0;
}

static void proceed(struct conn *c)
{
	if (!send_out(c))
		lose(c);
	else if (all_is_said(c))
		linger(c);
	else if (!watch(c))
		lose(c);
}

bool conn_open(struct conn_set *set, int fd, struct session *session, bool crowded)
{
	struct event_base *base = loop_base(set->loop);
	struct conn *c = calloc(1, sizeof *c);
	if (!c) {
		session->ops->free(session);
		close(fd);
		return false;
	}
	*c = (struct conn){ .set = set, .next = set->first, .link = &set->first, .fd = fd };
	c->idle = common_timer(set->loop, session->ops->idle_ms);
	event_assign(&c->readable, base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_assign(&c->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	evtimer_assign(&c->timer, base, on_timer, c);
	/* A reply is one write already; Nagle's delay would only hold it up. Not TCP: nothing to set. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (c->next)
		c->next->link = &c->next;
	set->first = c;
	set->count++;
	pump_init(&c->pump, session, on_woken, c);
	if (crowded)
		pump_stop(&c->pump, STOP_CROWDED);
	else
		pump_start(&c->pump);
	proceed(c);
	return true;
}

void conn_set_stop(struct conn_set *set, enum session_stop why)
{
	struct conn *next;
	for (struct conn *c = set->first; c; c = next) {
		next = c->next;
		if (c->fd < 0 || c->lingering)
			continue;
		if (why == STOP_NOW)
			last_moment_begins(c);
		pump_stop(&c->pump, why);
		proceed(c);
	}
}

static void read_on(struct conn *c)
{
	ssize_t n = recv(c->fd, c->set->scratch, PUMP_INPUT_MAX, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n > 0 && !pump_input(&c->pump, c->set->scratch, (size_t)n))) {
		lose(c);
		return;
	}
	if (n == 0) {
		c->input_over = true;
		event_del(&c->readable);
	}
	proceed(c);
}

static void throw_away(struct conn *c)
{
	ssize_t n = recv(c->fd, c->set->scratch, PUMP_INPUT_MAX, 0);
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
	if (c->lingering)
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
	if (c->fd >= 0)
		proceed(c);
	else if (!pump_waiting(&c->pump))
		end(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd;
	(void)what;
	if (c->last_moment) {
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
