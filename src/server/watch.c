/*
 * watch: see watch.h. A queue as the transcript's: whole packets with their length before them, taken all at once by the thread that sends.
 */
#include "server/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "store/draft.h"

enum {
	LAST_PATIENCE_MS = 500, /* for a web process that does not read, when all ends */
	PACKET_USUAL = 512,
	RECIPIENTS_MAX = 8 * 1024, /* octets of a mail's recipients that are told; the rest are not */
};

struct watch {
	int fd;
	void (*begin)(void);
	struct transcript_sink sink;
	atomic_uint_fast64_t sessions;
	atomic_uint_fast64_t ended;
	atomic_uint_fast64_t mails;
	atomic_uint_fast64_t octets;
	atomic_uint_fast64_t logins;
	atomic_uint_fast64_t unsaid; /* messages that found no room, ever */
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t some;
	struct buf queue;
	uint64_t lost;
	bool ending;
};

/* What a server sends a client whole, and we count: the mail of RETR and TOP. */
enum fetching { NO_FETCH, FETCH_ASKED, FETCH_TEXT };

struct watched {
	struct watch *watch;
	uint64_t number;
	bool opened;
	struct buf recipients; /* as the client named them: a list */
	enum fetching fetching;
	/* A mail's text going by. */
	enum transcript_side side;
	uint64_t octets;
	uint64_t lines;
};

/* ---- the queue and its thread ---- */

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void watch_tell(struct watch *w, const struct message *m)
{
	struct buf packet;
	buf_init(&packet, MESSAGE_MAX);
	bool ok = message_encode(m, &packet);
	uint32_t len = (uint32_t)packet.len;
	pthread_mutex_lock(&w->lock);
	size_t before = w->queue.len;
	ok = ok && buf_append(&w->queue, &len, sizeof len) && buf_append_slice(&w->queue, buf_slice(&packet));
	if (!ok) {
		w->queue.len = before;
		w->lost++;
		w->unsaid++;
	}
	if (before == 0)
		pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
	buf_release(&packet);
}

static bool wait_for_room(struct watch *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };
	for (;;) {
		int n = poll(&p, 1, LAST_PATIENCE_MS);
		if (n > 0)
			return !(p.revents & (POLLERR | POLLHUP));
		pthread_mutex_lock(&w->lock);
		bool ending = w->ending;
		pthread_mutex_unlock(&w->lock);
		if (ending || (n < 0 && errno != EINTR))
			return false;
	}
}

/* A packet is sent whole or not at all. */
static bool send_packet(struct watch *w, struct slice packet)
{
	for (;;) {
		if (write(w->fd, packet.ptr, packet.len) >= 0)
			return true;
		if ((errno != EAGAIN && errno != EINTR) || !wait_for_room(w))
			return false;
	}
}

static void send_lost(struct watch *w, uint64_t lost)
{
	const struct message m = { .type = MESSAGE_LOST, .numbers = { lost } };
	struct buf packet;
	buf_init(&packet, PACKET_USUAL);
	if (lost > 0 && message_encode(&m, &packet))
		send_packet(w, buf_slice(&packet));
	buf_release(&packet);
}

static void send_all(struct watch *w, struct slice rest)
{
	uint32_t len;
	while (rest.len >= sizeof len) {
		memcpy(&len, rest.ptr, sizeof len);
		rest = slice_skip(rest, sizeof len);
		send_packet(w, slice_make(rest.ptr, len));
		rest = slice_skip(rest, len);
	}
}

static void *run(void *arg)
{
	struct watch *w = arg;
	struct buf taken;
	bool ending;
	buf_init(&taken, WATCH_QUEUE_MAX);
	if (w->begin)
		w->begin();
	do {
		buf_clear(&taken);
		pthread_mutex_lock(&w->lock);
		while (w->queue.len == 0 && w->lost == 0 && !w->ending)
			pthread_cond_wait(&w->some, &w->lock);
		struct buf swap = w->queue;
		w->queue = taken;
		taken = swap;
		uint64_t lost = w->lost;
		w->lost = 0;
		ending = w->ending;
		pthread_mutex_unlock(&w->lock);
		send_all(w, buf_slice(&taken));
		send_lost(w, lost);
	} while (!ending);
	buf_release(&taken);
	return NULL;
}

/* ---- sessions ---- */

static void *on_begin(void *owner)
{
	struct watched *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->watch = owner;
	s->number = ++s->watch->sessions;
	buf_init(&s->recipients, RECIPIENTS_MAX);
	return s;
}

void watch_opened(struct watched *s, const char *protocol, const char *peer)
{
	if (!s)
		return;
	const struct message m = { .type = MESSAGE_OPENED,
		                   .numbers = { s->number, now_ms() },
		                   .texts = { slice_str(protocol), slice_str(peer) } };
	s->opened = true;
	watch_tell(s->watch, &m);
}

static void tell_counted(struct watched *s)
{
	const struct message m = { .type = MESSAGE_TEXT,
		                   .numbers = { s->number, now_ms(), s->side, s->octets, s->lines } };
	if (s->lines > 0)
		watch_tell(s->watch, &m);
	s->octets = s->lines = 0;
}

static void tell_line(struct watched *s, enum transcript_side side, struct slice line, unsigned how)
{
	const struct message m = { .type = MESSAGE_LINE,
		                   .numbers = { s->number, now_ms(), side, line.len + 2, how },
		                   .texts = { line } };
	tell_counted(s);
	watch_tell(s->watch, &m);
}

static void count_line(struct watched *s, enum transcript_side side, struct slice line)
{
	s->side = side;
	s->octets += line.len + 2;
	s->lines++;
}

/* Whether the answer to this brings a mail. */
static bool fetches(struct slice command)
{
	struct slice verb = slice_word(&command);
	return slice_equal_text_nocase(verb, "RETR") || slice_equal_text_nocase(verb, "TOP");
}

/* MAIL begins a list anew, RCPT adds to it; a refused one is in it, too, and harms nothing: the mailbox says where the mail went. */
static void note_recipient(struct watched *s, struct slice line)
{
	if (slice_starts_nocase(line, "MAIL FROM:"))
		buf_clear(&s->recipients);
	if (!slice_starts_nocase(line, "RCPT TO:"))
		return;
	struct slice path = slice_trim(slice_skip(line, 8));
	if (path.len > 0 && path.ptr[0] == '<')
		path = slice_skip(path, 1);
	path.len = slice_find(path, '>');
	if (path.len > 0 && !slice_has(path, '\n') && s->recipients.len + path.len + 1 <= RECIPIENTS_MAX) {
		buf_append_slice(&s->recipients, path);
		buf_append_char(&s->recipients, '\n');
	}
}

static void hear_client(struct watched *s, struct slice line, enum transcript_kind kind)
{
	if (kind == TRANSCRIPT_MAIL && !slice_equal_text(line, ".")) {
		count_line(s, TRANSCRIPT_CLIENT, line);
		return;
	}
	if (kind == TRANSCRIPT_SAID)
		note_recipient(s, line);
	if (kind != TRANSCRIPT_MAIL)
		s->fetching = fetches(line) ? FETCH_ASKED : NO_FETCH;
	tell_line(s, TRANSCRIPT_CLIENT, line,
	          kind == TRANSCRIPT_MAIL     ? MESSAGE_LINE_BODY
	          : kind == TRANSCRIPT_SECRET ? MESSAGE_LINE_SECRET
	                                      : 0);
}

static void hear_server(struct watched *s, struct slice line)
{
	bool end = slice_equal_text(line, ".");
	if (s->fetching == FETCH_TEXT && !end) {
		count_line(s, TRANSCRIPT_SERVER, line);
		return;
	}
	s->fetching = s->fetching == FETCH_ASKED && slice_starts_nocase(line, "+OK") ? FETCH_TEXT : NO_FETCH;
	tell_line(s, TRANSCRIPT_SERVER, line, 0);
}

static void on_line(void *connection, enum transcript_side side, struct slice line, enum transcript_kind kind)
{
	struct watched *s = connection;
	if (side == TRANSCRIPT_CLIENT)
		hear_client(s, line, kind);
	else
		hear_server(s, line);
}

static void on_secured(void *connection, const char *version, const char *cipher)
{
	struct watched *s = connection;
	const struct message m = { .type = MESSAGE_SECURED,
		                   .numbers = { s->number, now_ms() },
		                   .texts = { slice_str(version), slice_str(cipher) } };
	watch_tell(s->watch, &m);
}

void watch_logged_in(struct watched *s, const char *user)
{
	if (!s)
		return;
	s->watch->logins++;
	const struct message m = { .type = MESSAGE_LOGGED_IN,
		                   .numbers = { s->number, now_ms() },
		                   .texts = { slice_str(user) } };
	watch_tell(s->watch, &m);
}

void watch_delivered(struct watched *s, const struct watch_delivery *d)
{
	char uid[2 * DRAFT_HASH + 1];
	if (!s)
		return;
	s->watch->mails++;
	s->watch->octets += d->octets;
	for (size_t i = 0; i < DRAFT_HASH; i++)
		snprintf(uid + 2 * i, 3, "%02x", d->hash[i]);
	const struct message m = { .type = MESSAGE_DELIVERED,
		                   .numbers = { s->number, now_ms(), d->octets },
		                   .texts = { slice_str(d->mailbox), slice_str(uid), buf_slice(&s->recipients),
		                              slice_str(d->login), slice_str(d->sender) } };
	watch_tell(s->watch, &m);
}

static void on_end(void *connection)
{
	struct watched *s = connection;
	const struct message m = { .type = MESSAGE_ENDED,
		                   .numbers = { s->number, now_ms() },
		                   .texts = { slice_str("") } };
	tell_counted(s);
	if (s->opened)
		watch_tell(s->watch, &m);
	s->watch->ended++;
	buf_release(&s->recipients);
	free(s);
}

/* ---- numbers ---- */

static void put_number(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	buf_printf(out, "# HELP postroom_%s %s\n# TYPE postroom_%s %s\npostroom_%s %llu\n", name, help, name, type,
	           name, (unsigned long long)value);
}

void watch_tell_numbers(struct watch *w)
{
	struct buf text;
	buf_init(&text, 8192);
	put_number(&text, "sessions_total", "counter", "SMTP, LMTP and POP3 sessions.", w->sessions);
	put_number(&text, "sessions", "gauge", "Sessions under way.", w->sessions - w->ended);
	put_number(&text, "mails_stored_total", "counter", "Mails put into mailboxes.", w->mails);
	put_number(&text, "octets_stored_total", "counter", "Their octets on the wire.", w->octets);
	put_number(&text, "logins_total", "counter", "Logins that were right.", w->logins);
	put_number(&text, "monitor_lost_total", "counter", "Messages to the web inbox that found no room.", w->unsaid);
	const struct message m = { .type = MESSAGE_METRICS, .texts = { buf_slice(&text) } };
	watch_tell(w, &m);
	buf_release(&text);
}

/* ---- life ---- */

static void release(struct watch *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->some);
	buf_release(&w->queue);
	free(w);
}

struct watch *watch_new(int fd, void (*begin)(void), struct fault *why)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w) {
		fault_set(why, FAULT_TEMPORARY, "cannot start: out of memory");
		return NULL;
	}
	w->fd = fd;
	w->begin = begin;
	w->sink = (struct transcript_sink){
		.begin = on_begin, .line = on_line, .secured = on_secured, .end = on_end, .owner = w
	};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	buf_init(&w->queue, WATCH_QUEUE_MAX);
	if (thread_start(&w->thread, NULL, run, w))
		return w;
	release(w);
	fault_set(why, FAULT_TEMPORARY, "cannot start a thread");
	return NULL;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->some);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	release(w);
}

const struct transcript_sink *watch_sink(const struct watch *w)
{
	return &w->sink;
}
