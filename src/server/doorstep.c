/*
 * doorstep: see doorstep.h.
 */
#include "server/doorstep.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/listen.h"
#include "net/proxy.h"

struct waiting {
	struct doorstep *doorstep;
	struct waiting *next;
	struct waiting **link; /* what points to this one */
	struct event *readable;
	struct event *timer; /* set once: no octet prolongs it */
	void *owner;
	int fd;
	char balancer[LISTEN_ADDRESS_MAX];
	struct proxy_header header;
	size_t len;
	char octets[PROXY_MAX];
};

struct doorstep {
	struct loop *loop;
	void (*come_in)(void *owner, int fd, const char *address);
	struct waiting *first;
	unsigned count;
};

struct doorstep *doorstep_new(struct loop *loop, void (*come_in)(void *owner, int fd, const char *address))
{
	struct doorstep *d = calloc(1, sizeof *d);
	if (d)
		*d = (struct doorstep){ .loop = loop, .come_in = come_in };
	return d;
}

/* The descriptor is the caller's. */
static void leave(struct waiting *w)
{
	event_free(w->readable);
	event_free(w->timer);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->doorstep->count--;
	free(w);
}

static void hang_up(struct waiting *w, const char *why)
{
	log_info("connection refused peer=%s: %s", w->balancer, why);
	close(w->fd);
	leave(w);
}

static void come_in(struct waiting *w)
{
	struct doorstep *d = w->doorstep;
	char address[LISTEN_ADDRESS_MAX];
	void *owner = w->owner;
	int fd = w->fd;
	snprintf(address, sizeof address, "%s", w->header.address[0] ? w->header.address : w->balancer);
	leave(w);
	d->come_in(owner, fd, address);
}

/* False: nothing more can be read now, or it is over. */
static bool read_on(struct waiting *w)
{
	ssize_t n = recv(w->fd, w->octets + w->len, w->header.wanted - w->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		hang_up(w, "it left before its PROXY header");
		return false;
	}
	w->len += (size_t)n;
	if (w->len < w->header.wanted)
		return false;
	switch (proxy_parse(w->octets, w->len, &w->header)) {
	case PROXY_MORE:
		return true;
	case PROXY_WHOLE:
		come_in(w);
		return false;
	case PROXY_WRONG:
		break;
	}
	hang_up(w, "that is no PROXY header");
	return false;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	hang_up(arg, "no PROXY header came in time");
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *w = arg;
	(void)fd;
	(void)what;
	while (read_on(w))
		;
}

/* ---- */

static bool watch(struct waiting *w)
{
	const struct timeval time = { .tv_sec = DOORSTEP_WAIT_MS / 1000, .tv_usec = DOORSTEP_WAIT_MS % 1000 * 1000 };
	struct event_base *base = loop_base(w->doorstep->loop);
	w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	w->timer = evtimer_new(base, on_timer, w);
	return w->readable && w->timer && event_add(w->readable, NULL) == 0 && event_add(w->timer, &time) == 0;
}

void doorstep_wait(struct doorstep *d, int fd, const char *address, void *owner)
{
	struct waiting *w = d->count < DOORSTEP_MAX ? malloc(sizeof *w) : NULL;
	if (!w) {
		log_warning("connection refused peer=%s: too many have not said whose they are", address);
		close(fd);
		return;
	}
	w->doorstep = d;
	w->next = d->first;
	w->link = &d->first;
	w->owner = owner;
	w->fd = fd;
	w->len = 0;
	snprintf(w->balancer, sizeof w->balancer, "%s", address);
	proxy_parse("", 0, &w->header);
	if (!watch(w)) {
		if (w->readable)
			event_free(w->readable);
		if (w->timer)
			event_free(w->timer);
		free(w);
		close(fd);
		return;
	}
	if (w->next)
		w->next->link = &w->next;
	d->first = w;
	d->count++;
}

void doorstep_clear(struct doorstep *d)
{
	struct waiting *next;
	for (struct waiting *w = d->first; w; w = next) {
		next = w->next;
		close(w->fd);
		leave(w);
	}
}

void doorstep_free(struct doorstep *d)
{
	if (!d)
		return;
	doorstep_clear(d);
	free(d);
}
