/*
 * listen: binding and accepting. See listen.h.
 */
#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum {
	BACKLOG = 1024,
	PAUSE_MS = 100, /* when descriptors have run out */
	UNPRIVILEGED_PORT = 1024,
	/* A silent peer whose machine is gone is given up after two minutes; until then it holds its mailbox's lock. Not by
	 * TCP_USER_TIMEOUT, which would give up one that lives and reads nothing for a while, too. */
	ASK_AFTER_S = 60,
	ASK_EVERY_S = 15,
	ASK_TIMES = 4,
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

struct accept_watch {
	int fd;
	struct event *readable;
	struct event *pause_over;
	void (*accepted)(void *owner, int fd, const char *peer);
	void *owner;
};

static socklen_t address_length(const union address *a)
{
	if (a->any.sa_family == AF_UNIX)
		return sizeof a->local;
	return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

/* In numbers; an IPv4 peer of a socket for both looks like one (RFC 4291 section 2.5.5.2). */
static void address_show(const union address *a, char *text, socklen_t size)
{
	text[0] = '\0';
	if (a->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->v4.sin_addr, text, size);
	else if (a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], text, size);
	else if (a->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a->v6.sin6_addr, text, size);
	else if (a->any.sa_family == AF_UNIX)
		snprintf(text, size, "%s", a->local.sun_path[0] != '\0' ? a->local.sun_path : LISTEN_UNIX_PEER);
}

static bool address_read(union address *a, const char *text, unsigned port)
{
	*a = (union address){ 0 };
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)port);
		return true;
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1;
}

static void set(int fd, int level, int what, int value)
{
	setsockopt(fd, level, what, &value, sizeof value); /* where that fails it is a connection like others */
}

/* Set once, here: the connections that are accepted inherit all of it (Linux), and cost no system call more. A reply is one
 * write already, which Nagle's delay would only hold up. */
static void prepare_connections(int fd)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, ASK_AFTER_S);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, ASK_EVERY_S);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, ASK_TIMES);
}

/* -1 and errno. */
static int bind_and_listen(const union address *a)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (a->any.sa_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (a->any.sa_family != AF_UNIX)
		prepare_connections(fd);
	if (bind(fd, &a->any, address_length(a)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool explain(struct fault *why, const char *address, unsigned port)
{
	switch (errno) {
	case EADDRINUSE:
		return fault_set(why, FAULT_BUSY, "port %u is in use by another program: stop it, or give another port",
		                 port);
	case EACCES:
		if (port < UNPRIVILEGED_PORT)
			return fault_set(why, FAULT_PERMANENT,
			                 "port %u is for root alone: run as root, or give a port from %d up", port,
			                 UNPRIVILEGED_PORT);
		break;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return fault_set(why, FAULT_PERMANENT, "%s is no address of this machine: give one that is", address);
	default:
		break;
	}
	return fault_errno(why, "cannot listen on %s port %u", address, port);
}

static bool open_all(struct listener *l, unsigned port)
{
	union address a;
	address_read(&a, "::", port);
	l->fd = bind_and_listen(&a);
	if (l->fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) { /* no IPv6 here */
		address_read(&a, "0.0.0.0", port);
		l->fd = bind_and_listen(&a);
	}
	return l->fd >= 0;
}

static bool open_one(struct listener *l, const char *address, unsigned port, struct fault *why)
{
	union address a;
	if (!address_read(&a, address, port))
		return fault_set(why, FAULT_PERMANENT,
		                 "\"%s\" is no IPv4 or IPv6 address: give one in numbers, such as 127.0.0.1", address);
	l->fd = bind_and_listen(&a);
	return l->fd >= 0 || explain(why, address, port);
}

/* Whether somebody listens there: what a server that was killed has left behind says no. */
static bool answers(const union address *a)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && (connect(fd, &a->any, sizeof a->local) == 0 || errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return yes;
}

static bool make_room(const union address *a, struct fault *why)
{
	const char *path = a->local.sun_path;
	struct stat st;
	if (lstat(path, &st) != 0)
		return true;
	if (!S_ISSOCK(st.st_mode))
		return fault_set(why, FAULT_PERMANENT, "%s is there, and no socket: give another path", path);
	if (answers(a))
		return fault_set(why, FAULT_BUSY, "%s is in use by another program: stop it, or give another path",
		                 path);
	return unlink(path) == 0 || fault_errno(why, "cannot remove the old socket %s", path);
}

static bool open_local(struct listener *l, const char *path, mode_t mode, struct fault *why)
{
	union address a = { .local.sun_family = AF_UNIX };
	if (strlen(path) >= sizeof a.local.sun_path)
		return fault_set(why, FAULT_PERMANENT,
		                 "%.60s… is too long for a socket: give a path of at most %zu octets", path,
		                 sizeof a.local.sun_path - 1);
	memcpy(a.local.sun_path, path, strlen(path) + 1);
	if (!make_room(&a, why))
		return false;
	l->fd = bind_and_listen(&a);
	if (l->fd < 0)
		return fault_errno(why, "cannot listen at %s", path);
	return chmod(path, mode) == 0 || fault_errno(why, "cannot open %s to its users", path);
}

static void note_bound(struct listener *l)
{
	union address bound = { 0 };
	socklen_t size = sizeof bound;
	getsockname(l->fd, &bound.any, &size);
	address_show(&bound, l->address, sizeof l->address);
	if (bound.any.sa_family != AF_UNIX)
		l->port = ntohs(bound.any.sa_family == AF_INET ? bound.v4.sin_port : bound.v6.sin6_port);
}

bool listener_open(struct listener *l, const char *address, unsigned port, struct fault *why)
{
	bool ok;
	*l = (struct listener){ .fd = -1 };
	if (port > UINT16_MAX)
		return fault_set(why, FAULT_PERMANENT, "%u is no port: give a number from 1 to 65535", port);
	if (!address)
		ok = open_all(l, port) || explain(why, "all addresses", port);
	else if (strchr(address, '/'))
		ok = open_local(l, address, 0666, why); /* whom the directory lets in */
	else
		ok = open_one(l, address, port, why);
	if (ok)
		note_bound(l);
	else
		listener_close(l);
	return ok;
}

bool listener_open_private(struct listener *l, const char *path, struct fault *why)
{
	*l = (struct listener){ .fd = -1 };
	mode_t mask = umask(0177);
	bool ok = open_local(l, path, 0600, why);
	umask(mask);
	if (ok)
		note_bound(l);
	else
		listener_close(l);
	return ok;
}

bool listener_adopt(struct listener *l, int fd, struct fault *why)
{
	int listens = 0, type = 0;
	socklen_t size = sizeof listens;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
		return fault_set(why, FAULT_PERMANENT, "descriptor %d is no stream socket that listens", fd);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return fault_errno(why, "cannot prepare the socket that was given as descriptor %d", fd);
	*l = (struct listener){ .fd = fd };
	prepare_connections(fd);
	note_bound(l);
	return true;
}

void listener_close(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void pause_accepting(struct accept_watch *w)
{
	struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };
	log_warning("accept: %s: pausing for %d ms", strerror(errno), PAUSE_MS);
	/* Without memory for the timer it goes on at once: nothing would end the pause. */
	if (event_add(w->pause_over, &pause) == 0)
		event_del(w->readable);
}

/* One connection a turn, so that workers that share the socket share the work. */
static void on_readable(evutil_socket_t listening, short what, void *arg)
{
	struct accept_watch *w = arg;
	union address peer = { 0 };
	socklen_t size = sizeof peer;
	char text[LISTEN_ADDRESS_MAX];
	(void)what;
	int fd = accept4(listening, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		if (peer.any.sa_family == AF_UNIX) /* whatever it may have bound itself to */
			peer.local.sun_path[0] = '\0';
		address_show(&peer, text, sizeof text);
		w->accepted(w->owner, fd, text);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		pause_accepting(w);
	} /* all else is another worker's connection, or one that is gone again: accept(2) */
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };
	struct accept_watch *w = arg;
	(void)fd;
	(void)what;
	/* The timer's own place is free again: it can always be set once more. */
	if (event_add(w->readable, NULL) != 0)
		event_add(w->pause_over, &pause);
}

struct accept_watch *accept_watch_new(struct loop *loop, const struct listener *l,
                                      void (*accepted)(void *owner, int fd, const char *peer), void *owner)
{
	struct accept_watch *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	*w = (struct accept_watch){ .fd = l->fd, .accepted = accepted, .owner = owner };
	w->readable = event_new(loop_base(loop), l->fd, EV_READ | EV_PERSIST, on_readable, w);
	w->pause_over = evtimer_new(loop_base(loop), on_pause_over, w);
	if (w->readable && w->pause_over && event_add(w->readable, NULL) == 0)
		return w;
	accept_watch_free(w);
	return NULL;
}

void accept_watch_free(struct accept_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	if (w->pause_over)
		event_free(w->pause_over);
	free(w);
}
