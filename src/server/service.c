/*
 * service: workers around one listening socket, from the first connection to the last. See service.h.
 */
#include "server/service.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn.h"

enum {
	GRACE_MS = 5000, /* for mails in the middle of DATA, once the end has been asked for */
	/* Connections beyond the maximum that are told so, at any one time; still more are closed without a word. */
	CROWD_MAX = 64,
	WORKERS_MAX = 256,
};

struct service;

struct worker {
	struct service *service;
	struct loop *loop;
	struct conn_set conns;
	struct accept_watch *accepts;
	struct event *grace_over;
	struct task end; /* "begin the end", posted by worker 0 */
	bool ending;
	pthread_t thread;
};

struct service {
	const struct service_config *config;
	struct site *site;
	struct listener listener;
	atomic_size_t connections;
	struct event *signalled;
	int signals; /* a signalfd */
	bool ending; /* worker 0's */
	unsigned count;
	struct worker workers[]; /* worker 0 runs on the thread that called service_run */
};

static void on_accepted(void *owner, int fd, const char *address)
{
	const struct peer peer = { .address = address, .fd = fd };
	struct worker *w = owner;
	struct service *s = w->service;
	size_t others = atomic_fetch_add(&s->connections, 1);
	bool crowded = others >= s->config->max_connections;
	struct session *session = NULL;
	if (!crowded || others - s->config->max_connections < CROWD_MAX)
		session = s->config->session_new(s->site, w->loop, &peer);
	if (!session)
		close(fd);
	if (!session || !conn_open(&w->conns, fd, session, crowded))
		atomic_fetch_sub(&s->connections, 1);
}

static void stop_when_empty(struct worker *w)
{
	if (w->ending && w->conns.count == 0)
		loop_stop(w->loop);
}

static void on_closed(struct conn_set *conns)
{
	struct worker *w = conns->owner;
	atomic_fetch_sub(&w->service->connections, 1);
	stop_when_empty(w);
}

static void on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	(void)fd;
	(void)what;
	conn_set_stop(&w->conns, STOP_NOW);
}

static void begin_end(struct task *t)
{
	struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, end));
	unsigned ms = w->service->config->grace_ms > 0 ? w->service->config->grace_ms : GRACE_MS;
	struct timeval grace = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	accept_watch_free(w->accepts);
	w->accepts = NULL;
	event_add(w->grace_over, &grace);
	conn_set_stop(&w->conns, STOP_SHUTDOWN);
	w->ending = true;
	stop_when_empty(w);
}

/* SIGTERM or SIGINT, on worker 0. */
static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct signalfd_siginfo info;
	(void)what;
	if (read(fd, &info, sizeof info) != sizeof info || s->ending)
		return;
	s->ending = true;
	/* From here on a new peer is refused at once, and does not hang in the backlog. */
	shutdown(s->listener.fd, SHUT_RDWR);
	log_info("signal %u: ending", info.ssi_signo);
	for (unsigned i = 0; i < s->count; i++)
		loop_post(s->workers[i].loop, &s->workers[i].end);
}

static bool worker_init(struct worker *w, struct service *s, struct fault *why)
{
	w->service = s;
	w->end.run = begin_end;
	w->loop = loop_new(why);
	if (!w->loop || !conn_set_init(&w->conns, w->loop, why))
		return false;
	w->conns.closed = on_closed;
	w->conns.owner = w;
	w->grace_over = evtimer_new(loop_base(w->loop), on_grace_over, w);
	w->accepts = accept_watch_new(w->loop, &s->listener, on_accepted, w);
	return (w->grace_over && w->accepts) || fault_set(why, FAULT_FULL, "cannot start a worker: memory is out");
}

static void worker_release(struct worker *w)
{
	accept_watch_free(w->accepts);
	if (w->grace_over)
		event_free(w->grace_over);
	conn_set_release(&w->conns);
	loop_free(w->loop);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	loop_run(w->loop);
	return NULL;
}

/* All workers but the first get threads; with fewer threads than asked for, the service has fewer workers. */
static void start_workers(struct service *s)
{
	for (unsigned i = 1; i < s->count; i++) {
		if (pthread_create(&s->workers[i].thread, NULL, worker_main, &s->workers[i]) == 0)
			continue;
		log_warning("only %u of %u workers could be started", i, s->count);
		for (unsigned rest = i; rest < s->count; rest++)
			worker_release(&s->workers[rest]);
		s->count = i;
	}
}

/* Jobs may still run for sessions that are gone, and what they post may give new work: the end is when neither does. */
static void settle(struct service *s)
{
	bool posted;
	do {
		posted = false;
		if (s->site->jobs)
			jobs_wait(s->site->jobs);
		for (unsigned i = 0; i < s->count; i++)
			posted |= loop_run_posted(s->workers[i].loop);
	} while (posted);
}

static void say_listening(const struct listener *l)
{
	char line[128];
	int n = snprintf(line, sizeof line, "listening on %s port %u\n", l->address, l->port);
	ssize_t written = write(STDERR_FILENO, line, (size_t)n);
	(void)written; /* nobody is there to be told */
}

static void serve(struct service *s)
{
	start_workers(s);
	say_listening(&s->listener);
	loop_run(s->workers[0].loop);
	for (unsigned i = 1; i < s->count; i++)
		pthread_join(s->workers[i].thread, NULL);
	settle(s);
}

/* A full disk or a peer that is gone are errors to be handled where they happen, never the end of the process. The
 * signals that end it stay blocked, so that a second one cannot cut the end short. */
static bool take_signals(struct service *s, struct fault *why)
{
	sigset_t ends;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	s->signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signals < 0)
		return fault_errno(why, "cannot watch for signals");
	s->signalled = event_new(loop_base(s->workers[0].loop), s->signals, EV_READ | EV_PERSIST, on_signal, s);
	return (s->signalled && event_add(s->signalled, NULL) == 0) ||
	       fault_set(why, FAULT_FULL, "cannot watch for signals: memory is out");
}

static void raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit); /* where that fails, accepting pauses earlier */
}

static bool service_init(struct service *s, struct fault *why)
{
	if (!listener_open(&s->listener, s->config->address, s->config->port, why))
		return false;
	for (unsigned i = 0; i < s->count; i++) {
		if (!worker_init(&s->workers[i], s, why))
			return false;
	}
	return take_signals(s, why);
}

static void service_free(struct service *s)
{
	if (s->signalled)
		event_free(s->signalled);
	if (s->signals >= 0)
		close(s->signals);
	for (unsigned i = 0; i < s->count; i++)
		worker_release(&s->workers[i]);
	listener_close(&s->listener);
	free(s);
}

static unsigned count_workers(const struct service_config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long count = config->workers > 0 ? (long)config->workers : cores;
	return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

bool service_run(const struct service_config *config, struct site *site, struct fault *why)
{
	unsigned count = count_workers(config);
	struct service *s = calloc(1, sizeof *s + count * sizeof s->workers[0]);
	if (!s)
		return fault_set(why, FAULT_FULL, "cannot start: memory is out");
	s->config = config;
	s->site = site;
	s->listener.fd = -1;
	s->signals = -1;
	s->count = count;
	raise_descriptors();
	bool ready = service_init(s, why);
	if (ready)
		serve(s);
	service_free(s);
	return ready;
}
