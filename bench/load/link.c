/*
 * link: connections of a load generator. See link.h.
 */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 256, SAID_AT_ONCE = 512 };

void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *must_alloc(size_t n)
{
	void *p = calloc(1, n);
	if (!p)
		die("memory is out");
	return p;
}

double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int keep_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct link *l = SSL_get_app_data(ssl);
	SSL_SESSION_free(l->ticket);
	l->ticket = ticket;
	return 1;
}

static SSL_CTX *tls_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		die("no TLS");
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                              SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	return ctx;
}

void loop_init(struct loop *loop, const struct plan *plan)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	*loop = (struct loop){ .epoll = epoll_create1(0),
		               .tls = plan->tls ? tls_context() : NULL,
		               .resume = plan->resume };
	loop->server.sin_family = AF_INET;
	loop->server.sin_port = htons((uint16_t)plan->port);
	if (inet_pton(AF_INET, plan->address, &loop->server.sin_addr) != 1)
		die("%s is no IPv4 address", plan->address);
}

void link_init(struct link *l, struct loop *loop, size_t in_size, void (*on_input)(struct link *l))
{
	*l = (struct link){ .loop = loop, .on_input = on_input, .fd = -1, .in_size = in_size };
	l->in = must_alloc(in_size);
}

static void wait_for(struct link *l, uint32_t events)
{
	if (l->events == events)
		return;
	struct epoll_event event = { .events = events, .data.ptr = l };
	if (epoll_ctl(l->loop->epoll, l->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, l->fd, &event) != 0)
		die("epoll: %s", strerror(errno));
	l->events = events;
}

static void begin_tls(struct link *l)
{
	l->ssl = SSL_new(l->loop->tls);
	if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1)
		die("no TLS");
	SSL_set_app_data(l->ssl, l);
	SSL_set_connect_state(l->ssl);
	if (l->loop->resume && l->ticket)
		SSL_set_session(l->ssl, l->ticket);
}

void link_open(struct link *l)
{
	int on = 1;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(l->fd, (struct sockaddr *)&l->loop->server, sizeof l->loop->server) != 0 && errno != EINPROGRESS)
		die("connect: %s", strerror(errno));
	l->from = l->to = l->used = l->sent = l->body_left = 0;
	l->ready = false;
	l->events = 0;
	l->opened++;
	l->loop->open++;
	if (l->loop->tls)
		begin_tls(l);
	wait_for(l, EPOLLOUT);
}

void link_close(struct link *l)
{
	/* Said to be over, without a word on the wire: a session that ended in QUIT may be resumed. */
	if (l->ssl)
		SSL_set_shutdown(l->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(l->ssl);
	l->ssl = NULL;
	close(l->fd);
	l->fd = -1;
	l->loop->open--;
}

static void fail(const struct link *l, const char *doing)
{
	char what[256] = "the server closed the connection";
	if (l->ssl && ERR_peek_error())
		ERR_error_string_n(ERR_peek_error(), what, sizeof what);
	else if (errno != 0)
		snprintf(what, sizeof what, "%s", strerror(errno));
	die("%s: %s", doing, what);
}

/* True: to be tried again when epoll says so. */
static bool tls_waits(struct link *l, int result, const char *doing)
{
	switch (SSL_get_error(l->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		wait_for(l, EPOLLIN);
		return true;
	case SSL_ERROR_WANT_WRITE:
		wait_for(l, EPOLLIN | EPOLLOUT);
		return true;
	default:
		fail(l, doing);
		return false;
	}
}

static void get_ready(struct link *l)
{
	int failed = 0;
	socklen_t size = sizeof failed;
	getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &failed, &size);
	errno = failed;
	if (failed)
		fail(l, "connect");
	if (l->ssl) {
		int result = SSL_do_handshake(l->ssl);
		if (result != 1) {
			tls_waits(l, result, "TLS handshake");
			return;
		}
		l->loop->handshakes++;
		l->loop->resumed += SSL_session_reused(l->ssl) ? 1 : 0;
	}
	l->ready = true;
	wait_for(l, EPOLLIN);
}

/* Octets, or 0: none now. */
static size_t receive_some(struct link *l)
{
	char *to = l->in + l->to;
	size_t room = l->in_size - l->to;
	ssize_t n;
	errno = 0;
	if (l->ssl) {
		n = SSL_read(l->ssl, to, (int)room);
		if (n <= 0 && tls_waits(l, (int)n, "read"))
			return 0;
	} else {
		n = read(l->fd, to, room);
		if (n < 0 && errno == EAGAIN)
			return 0;
	}
	if (n <= 0)
		fail(l, "read");
	return (size_t)n;
}

static void make_room(struct link *l)
{
	memmove(l->in, l->in + l->from, l->to - l->from);
	l->to -= l->from;
	l->from = 0;
	if (l->to == l->in_size)
		die("an answer is too long: %.80s", l->in);
}

/* Another round where TLS may have more: epoll does not see what it holds. */
static void receive(struct link *l)
{
	unsigned session = l->opened;
	do {
		if (l->from == l->to)
			l->from = l->to = 0;
		else if (l->in_size - l->to < l->in_size / 4)
			make_room(l);
		size_t n = receive_some(l);
		if (n == 0)
			return;
		l->to += n;
		l->on_input(l);
	} while (l->opened == session && l->fd >= 0 && l->ssl);
}

char *link_line(struct link *l)
{
	char *line = l->in + l->from;
	char *end = memchr(line, '\n', l->to - l->from);
	if (!end)
		return NULL;
	l->from = (size_t)(end + 1 - l->in);
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	return line;
}

void link_say(struct link *l, const char *format, ...)
{
	if (l->out_size - l->used < SAID_AT_ONCE) {
		l->out_size = l->out_size * 2 + SAID_AT_ONCE;
		l->out = realloc(l->out, l->out_size);
		if (!l->out)
			die("memory is out");
	}
	va_list args;
	va_start(args, format);
	int n = vsnprintf(l->out + l->used, l->out_size - l->used, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= l->out_size - l->used)
		die("a command is too long");
	l->used += (size_t)n;
}

void link_body(struct link *l, const char *text, size_t n)
{
	l->body = text;
	l->body_left = n;
}

/* Octets; what cannot go now counts as none. */
static size_t send_some(struct link *l)
{
	struct iovec parts[2] = { { l->out + l->sent, l->used - l->sent }, { (void *)l->body, l->body_left } };
	int first = parts[0].iov_len == 0;
	errno = 0;
	if (l->ssl) {
		size_t most = parts[first].iov_len < 1 << 20 ? parts[first].iov_len : 1 << 20;
		int n = SSL_write(l->ssl, parts[first].iov_base, (int)most);
		if (n <= 0 && tls_waits(l, n, "write"))
			return 0;
		return (size_t)n;
	}
	ssize_t n = writev(l->fd, parts + first, 2 - first);
	if (n < 0 && errno != EAGAIN)
		fail(l, "write");
	return n < 0 ? 0 : (size_t)n;
}

static void count_sent(struct link *l, size_t n)
{
	size_t said = l->used - l->sent;
	if (n < said) {
		l->sent += n;
		return;
	}
	l->used = l->sent = 0;
	l->body += n - said;
	l->body_left -= n - said;
}

void link_flush(struct link *l)
{
	while (l->used > l->sent || l->body_left > 0) {
		size_t n = send_some(l);
		if (n == 0) {
			wait_for(l, EPOLLIN | EPOLLOUT);
			return;
		}
		count_sent(l, n);
	}
	wait_for(l, EPOLLIN);
}

static void go_on(struct link *l, uint32_t events)
{
	unsigned session = l->opened;
	if (!l->ready) {
		get_ready(l);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(l);
	if (events & EPOLLOUT && l->opened == session && l->fd >= 0)
		link_flush(l);
}

void loop_once(struct loop *loop, int milliseconds)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE, milliseconds);
	if (n < 0 && errno != EINTR)
		die("epoll: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		go_on(events[i].data.ptr, events[i].events);
}

void loop_run(struct loop *loop)
{
	while (loop->open > 0)
		loop_once(loop, -1);
}

void loop_print(const struct loop *loop)
{
	printf("\"handshakes\": %zu, \"resumed\": %zu", loop->handshakes, loop->resumed);
}
