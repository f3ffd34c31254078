/*
 * link: octets between a talk and a socket. See link.h.
 */
#include "client/link.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "net/dial.h"

enum { READ_MAX = 64 * 1024, TICK_MS = 200 };

/* One talk's run over the connection. */
struct run {
	struct link *link;
	struct talk *talk;
	int64_t last; /* when an octet moved */
	bool deaf;    /* the server takes nothing more */
	bool hung_up; /* nor does it send */
};

void link_init(struct link *l)
{
	*l = (struct link){ .fd = -1 };
	transcript_feed_init(&l->feed, NULL);
}

bool link_open(struct link *l, const struct link_options *options, struct fault *why)
{
	l->fd = dial(options->server, options->port, LINK_DIAL_MS, why);
	if (l->fd < 0)
		return false;
	transcript_feed_init(&l->feed, options->shown);
	l->feed.connection = options->connection;
	transcript_note(&l->feed, TRANSCRIPT_CLIENT, "<client connects>");
	return true;
}

void link_close(struct link *l)
{
	if (l->fd >= 0) {
		file_close(l->fd);
		transcript_note(&l->feed, TRANSCRIPT_CLIENT, "<client hangs up>");
		transcript_flush(l->feed.transcript);
	}
	transcript_feed_release(&l->feed);
	link_init(l);
}

bool link_is_alive(const struct link *l)
{
	struct pollfd look = { .fd = l->fd, .events = POLLIN };

	return l->fd >= 0 && poll(&look, 1, 0) == 0;
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void write_some(struct run *r)
{
	ssize_t n = send(r->link->fd, r->talk->out.data, r->talk->out.len, MSG_NOSIGNAL);

	if (n > 0) {
		r->last = clock_ms();
		talk_sent(r->talk, (size_t)n);
	} else if (n < 0 && !is_passing(errno)) {
		/* It may have said why before it stopped listening. */
		r->deaf = true;
		talk_sent(r->talk, r->talk->out.len);
	}
}

static void read_some(struct run *r)
{
	char octets[READ_MAX];
	ssize_t n = recv(r->link->fd, octets, sizeof octets, 0);

	if (n > 0) {
		r->last = clock_ms();
		talk_push(r->talk, octets, (size_t)n);
	} else if (n == 0 || !is_passing(errno)) {
		r->hung_up = true;
	}
}

static int time_left(const struct run *r)
{
	int64_t left = r->last + r->talk->limit_ms - clock_ms();

	return left < 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static void turn(struct run *r)
{
	struct talk *t = r->talk;

	if (t->out.len == 0 && !r->deaf && t->role->room)
		t->role->room(t);
	short events = (short)(POLLIN | (t->out.len > 0 ? POLLOUT : 0));
	struct pollfd wait = { .fd = r->link->fd, .events = events };
	if (poll(&wait, 1, time_left(r)) > 0) {
		if (wait.revents & (POLLIN | POLLHUP | POLLERR))
			read_some(r);
		if ((wait.revents & POLLOUT) && t->out.len > 0)
			write_some(r);
	}
	if (r->link->tick)
		r->link->tick(r->link->owner);
}

static bool run(struct run *r, struct fault *why)
{
	struct talk *t = r->talk;

	while (!talk_idle(t) && !t->broken) {
		if (r->hung_up)
			return fault_set(why, FAULT_TEMPORARY, "the server hung up");
		if (clock_ms() - r->last >= t->limit_ms)
			return fault_set(why, FAULT_TEMPORARY, "the server did not answer within %d seconds",
			                 t->limit_ms / 1000);
		turn(r);
	}
	if (t->broken)
		*why = t->why;
	return !t->broken;
}

bool link_run(struct link *l, struct talk *t, struct fault *why)
{
	struct run r = { .link = l, .talk = t, .last = clock_ms() };

	bool ok = run(&r, why);
	/* What the client prints next has to come behind the lines it belongs to. */
	transcript_flush(l->feed.transcript);
	return ok;
}
