/*
 * link: octets between a talk and a socket. See link.h.
 */
#include "client/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/dial.h"

enum {
	READ_MAX = 64 * 1024,
	TICK_MS = 200,
	HANDSHAKE_MS = 60 * 1000,
	LONG_SILENCE_MS = 3000,
	LAST_WORDS_MS = 5 * 1000
};

/* One talk's run over the connection. */
struct run {
	struct link *link;
	struct talk *talk;
	int64_t begun;
	int64_t last;        /* when an octet moved */
	int64_t since;       /* when the last reply was whole */
	uint64_t replies;    /* that were whole then */
	int64_t moved;       /* octets since, both ways */
	short waits_to_read; /* what reading waits for: through TLS it may be the socket's room */
	short waits_to_write;
	bool deaf;    /* the server takes nothing more */
	bool hung_up; /* nor does it send */
};

void link_init(struct link *l)
{
	*l = (struct link){ .stream = { .fd = -1 } };
	transcript_feed_init(&l->feed, NULL);
}

bool link_is_open(const struct link *l)
{
	return l->stream.fd >= 0;
}

bool link_is_secure(const struct link *l)
{
	return l->stream.ssl != NULL;
}

void link_trust_release(struct link_trust *t)
{
	tls_client_free(t->client);
	t->client = NULL;
}

/* A name may lead anywhere; the address that is connected does not lie. */
static bool is_local(int fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof peer;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)&peer)->sin6_addr;

	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
		return false;
	if (peer.ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return peer.ss_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127));
}

/* ---- the handshake ---- */

static void tick(struct link *l)
{
	if (l->tick)
		l->tick(l->owner);
}

static bool shake_hands(struct link *l, struct fault *why)
{
	int64_t end = clock_ms() + HANDSHAKE_MS;
	enum stream_got got;

	while ((got = stream_handshake(&l->stream, why)) == STREAM_WAIT_READ || got == STREAM_WAIT_WRITE) {
		struct pollfd wait = { .fd = l->stream.fd, .events = got == STREAM_WAIT_READ ? POLLIN : POLLOUT };
		if (clock_ms() >= end)
			return fault_set(why, FAULT_TEMPORARY, "no TLS handshake within %d seconds",
			                 HANDSHAKE_MS / 1000);
		poll(&wait, 1, TICK_MS);
		tick(l);
	}
	return got == STREAM_OK;
}

/* To an explanation a note is a beginning or an end. */
static void note_tls(struct link *l)
{
	char note[sizeof l->tls.version + sizeof l->tls.cipher + 32];

	snprintf(note, sizeof note, "<%s, %s, certificate verified>", l->tls.version, l->tls.cipher);
	if (!l->feed.explain)
		transcript_note(&l->feed, TRANSCRIPT_CLIENT, note);
}

static bool secure(struct link *l, struct fault *why)
{
	if (!l->trust->client)
		l->trust->client = tls_client_new(l->trust->ca_file, why);
	struct ssl_st *session = l->trust->client ? tls_client_session(l->trust->client, l->server, why) : NULL;
	if (!session)
		return false;
	stream_secure(&l->stream, session);
	if (!shake_hands(l, why))
		return false;
	if (!stream_tls(&l->stream, &l->tls))
		return fault_set(why, FAULT_FULL, "memory is out");
	note_tls(l);
	return true;
}

static bool secure_first(struct link *l, const struct link_options *options, struct fault *why)
{
	if (secure(l, why))
		return true;
	if (why->error == EPROTO)
		fault_set(why, FAULT_TEMPORARY, "port %u does not begin with TLS%s", options->port,
		          options->tls_asked ? ": leave --tls out" : "");
	return false;
}

/* ---- open and closed ---- */

bool link_open(struct link *l, const struct link_options *options, struct fault *why)
{
	l->stream = (struct stream){ .fd = dial(options->server, options->port, LINK_DIAL_MS, why) };
	if (!link_is_open(l))
		return false;
	l->is_local = is_local(l->stream.fd);
	l->server = options->server;
	l->trust = options->trust;
	transcript_feed_init(&l->feed, options->shown);
	l->feed.connection = options->connection;
	transcript_note(&l->feed, TRANSCRIPT_CLIENT, "<client connects>");
	if (!options->tls_first || secure_first(l, options, why))
		return true;
	link_close(l);
	return false;
}

void link_close(struct link *l)
{
	if (link_is_open(l)) {
		if (l->stream.ssl)
			stream_shutdown(&l->stream);
		stream_close(&l->stream);
		transcript_note(&l->feed, TRANSCRIPT_CLIENT, "<client hangs up>");
		transcript_flush(l->feed.transcript);
	}
	transcript_feed_release(&l->feed);
	link_init(l);
}

bool link_is_alive(struct link *l)
{
	struct pollfd look = { .fd = l->stream.fd, .events = POLLIN };
	char octet;
	size_t n;

	if (!link_is_open(l))
		return false;
	if (!l->stream.ssl)
		return poll(&look, 1, 0) == 0;
	/* What arrived may be TLS's own: a session ticket. */
	enum stream_got got = stream_read(&l->stream, &octet, 1, &n);
	return got == STREAM_WAIT_READ || got == STREAM_WAIT_WRITE;
}

/* ---- a run ---- */

static short events_of(enum stream_got got)
{
	return got == STREAM_WAIT_WRITE ? POLLOUT : POLLIN;
}

static void count(struct run *r, size_t n)
{
	r->last = clock_ms();
	r->moved += (int64_t)n;
}

static void note_replies(struct run *r)
{
	if (r->replies == r->talk->replies)
		return;
	r->replies = r->talk->replies;
	r->since = r->last;
	r->moved = 0;
}

/* Silence is another limit: whoever thinks for long before each reply, and then gives it, is not slow. */
static bool is_slow(const struct run *r)
{
	return clock_ms() - r->since > r->talk->limit_ms + r->moved * 1000 / LINK_LEAST_RATE;
}

/* TLS takes a record at a time, however much there is. */
static enum stream_got write_all(struct stream *s, struct slice octets, size_t *sent)
{
	enum stream_got got;
	size_t n;

	do {
		n = 0;
		got = stream_write(s, octets.ptr + *sent, octets.len - *sent, &n);
		*sent += n;
	} while (got == STREAM_OK && s->ssl && *sent < octets.len);
	return got;
}

static void write_some(struct run *r)
{
	struct talk *t = r->talk;
	size_t sent = 0;
	enum stream_got got = write_all(&r->link->stream, buf_slice(&t->out), &sent);

	r->waits_to_write = got == STREAM_WAIT_READ ? POLLIN : POLLOUT;
	if (sent > 0) {
		count(r, sent);
		talk_sent(t, sent);
	}
	if (got == STREAM_BROKEN || got == STREAM_END) {
		/* It may have said why before it stopped listening. */
		r->deaf = true;
		talk_sent(t, t->out.len);
	}
}

static void read_some(struct run *r)
{
	char octets[READ_MAX];
	size_t n = 0;
	enum stream_got got = stream_read(&r->link->stream, octets, sizeof octets, &n);

	r->waits_to_read = events_of(got);
	if (got == STREAM_OK) {
		count(r, n);
		r->link->heard = true;
		talk_push(r->talk, octets, n);
		note_replies(r);
	} else if (got == STREAM_END || got == STREAM_BROKEN) {
		r->hung_up = true;
	}
}

/* A server that cannot be told anything more has little time left to say what it had to say. */
static int64_t limit_of(const struct run *r)
{
	return r->deaf && r->talk->limit_ms > LAST_WORDS_MS ? LAST_WORDS_MS : r->talk->limit_ms;
}

static int time_left(const struct run *r)
{
	int64_t left = r->last + limit_of(r) - clock_ms();

	return left < 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static void turn(struct run *r)
{
	struct talk *t = r->talk;

	if (t->out.len == 0 && !r->deaf && t->role->room)
		t->role->room(t);
	short to_write = t->out.len > 0 ? r->waits_to_write : 0;
	struct pollfd wait = { .fd = r->link->stream.fd, .events = (short)(r->waits_to_read | to_write) };
	bool pending = stream_pending(&r->link->stream);
	if (poll(&wait, 1, pending ? 0 : time_left(r)) > 0 || pending) {
		if (pending || (wait.revents & (r->waits_to_read | POLLHUP | POLLERR)))
			read_some(r);
		if ((wait.revents & to_write) && t->out.len > 0)
			write_some(r);
	}
	tick(r->link);
}

/* Who waits for a greeting, while the server waits for a handshake, hears nothing. */
static const char *hint(const struct run *r)
{
	bool silent = !r->link->heard && !link_is_secure(r->link) && clock_ms() - r->begun >= LONG_SILENCE_MS;
	return silent ? " (does this port begin with TLS? Then add --tls)" : "";
}

/* What the talk leads to: it is idle, or wants TLS. */
static bool run(struct run *r, struct fault *why)
{
	struct talk *t = r->talk;

	while (!talk_idle(t) && !(t->secures && t->out.len == 0) && !t->broken) {
		if (r->hung_up)
			return fault_set(why, FAULT_TEMPORARY, "the server hung up%s", hint(r));
		if (r->deaf && clock_ms() - r->last >= limit_of(r))
			return fault_set(why, FAULT_TEMPORARY, "nothing more could be sent to the server");
		if (clock_ms() - r->last >= t->limit_ms)
			return fault_set(why, FAULT_TEMPORARY, "the server did not answer within %d seconds%s",
			                 t->limit_ms / 1000, hint(r));
		if (is_slow(r))
			return fault_set(why, FAULT_TEMPORARY,
			                 "the server is too slow: after %d seconds less than %d octets a second",
			                 (int)((clock_ms() - r->since) / 1000), LINK_LEAST_RATE);
		turn(r);
	}
	if (t->broken)
		*why = t->why;
	return !t->broken;
}

bool link_run(struct link *l, struct talk *t, struct fault *why)
{
	bool ok;

	for (;;) {
		const int64_t now = clock_ms();
		struct run r = { .link = l,
			         .talk = t,
			         .begun = now,
			         .last = now,
			         .since = now,
			         .replies = t->replies,
			         .waits_to_read = POLLIN,
			         .waits_to_write = POLLOUT };
		ok = run(&r, why);
		if (!ok || !t->secures)
			break;
		ok = secure(l, why);
		if (!ok)
			break;
		talk_secured(t);
	}
	/* What the client prints next has to come behind the lines it belongs to. */
	transcript_flush(l->feed.transcript);
	return ok;
}
