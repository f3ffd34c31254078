/*
 * service: workers around the listening sockets, from the first connection to the last. See service.h.
 */
#include "server/service.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn.h"
#include "net/tls.h"
#include "sandbox/sandbox.h"
#include "server/doorstep.h"
#include "server/means.h"
#include "server/meters.h"
#include "server/network.h"
#include "server/web_desk.h"

enum {
	GRACE_MS = 5000, /* for mails in the middle of DATA, once the end has been asked for */
	WORKERS_MAX = 256,
	CHORE_EVERY_S = 60,
};

struct service;
struct worker;

/* One worker at one listening socket. */
struct door {
	struct worker *worker;
	const struct service_listener *kind;
	struct accept_watch *accepts;
};

/* What is kept of a connection, until it ends. */
struct visit {
	struct visitor *ticket; /* NULL: nobody counts it */
	size_t listener;
};

struct worker {
	struct service *service;
	struct loop *loop;
	struct conn_set conns;
	struct doorstep *doorstep;
	struct door doors[SERVICE_LISTENERS_MAX];
	struct event *grace_over;
	struct task end; /* "begin the end", posted by worker 0 */
	bool ending;
	pthread_t thread;
};

struct service {
	const struct service_config *config;
	struct site *site;
	struct listener listeners[SERVICE_LISTENERS_MAX];
	size_t opened; /* of them */
	atomic_size_t present[SERVICE_LISTENERS_MAX];
	atomic_uint_least64_t accepted[SERVICE_LISTENERS_MAX];
	struct visitors *visitors;
	struct job reload;      /* of the certificate, and what SIGHUP asks for; one at a time */
	atomic_bool hung_up;    /* SIGHUP came */
	atomic_uint reloads;    /* that were asked for, and are not done */
	unsigned reloads_begun; /* the job's: as many are done when it is */
	struct job chore;
	bool chore_runs; /* worker 0's */
	struct event *minute;
	struct web_desk *web; /* NULL: there is no web inbox */
	struct event *signalled;
	int signals; /* a signalfd */
	bool ending; /* worker 0's */
	unsigned count;
	struct worker workers[]; /* worker 0 runs on the thread that called service_run */
};

static void tell(const struct service *s, enum service_news news)
{
	if (s->config->news)
		s->config->news(s->config->owner, s, news);
}

static void reload(struct job *job)
{
	struct service *s = (struct service *)((char *)job - offsetof(struct service, reload));
	s->reloads_begun = atomic_load(&s->reloads);
	if (atomic_exchange(&s->hung_up, false) && s->config->reload)
		s->config->reload(s->config->owner, s->site);
	if (s->site->tls)
		tls_server_reload(s->site->tls);
}

static void reloaded(struct job *job)
{
	struct service *s = (struct service *)((char *)job - offsetof(struct service, reload));
	if (atomic_fetch_sub(&s->reloads, s->reloads_begun) != s->reloads_begun)
		jobs_run(s->site->jobs, job); /* somebody asked while it ran */
	else
		tell(s, SERVICE_RELOADED);
}

/* On any worker: the reading is a job, and this handshake does not wait for it. */
static void ask_reload(struct service *s)
{
	if (atomic_fetch_add(&s->reloads, 1) == 0)
		jobs_run(s->site->jobs, &s->reload);
}

static struct service *of_chore(struct job *job)
{
	return (struct service *)((char *)job - offsetof(struct service, chore));
}

static void do_chore(struct job *job)
{
	struct service *s = of_chore(job);
	s->config->chore(s->site);
}

static void chore_done(struct job *job)
{
	of_chore(job)->chore_runs = false;
}

/* On worker 0. One that takes longer than a minute is not begun again meanwhile. */
static void on_minute(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	(void)fd;
	(void)what;
	if (s->chore_runs || s->ending)
		return;
	s->chore_runs = true;
	jobs_run(s->site->jobs, &s->chore);
}

static struct ssl_st *tls_session(struct conn_set *conns)
{
	struct worker *w = conns->owner;
	struct service *s = w->service;
	if (tls_server_changed(s->site->tls))
		ask_reload(s);
	return tls_server_session(s->site->tls);
}

/* NULL: it is refused, and not told so: out of memory, one of too many, or behind TLS, where a refusal would cost more than a session. */
static struct session *session_for(const struct door *door, const struct peer *peer, const struct visitor *ticket,
                                   enum visitors_verdict verdict)
{
	struct worker *w = door->worker;
	if ((!ticket && !door->kind->aside) || (door->kind->tls && verdict != VISITORS_WELCOME))
		return NULL;
	return door->kind->session_new(w->service->site, w->loop, peer);
}

static enum conn_start start_of(const struct door *door, enum visitors_verdict verdict)
{
	if (door->kind->tls)
		return CONN_TLS;
	return verdict == VISITORS_WELCOME ? CONN_GREETED : CONN_REFUSED;
}

/* NULL: memory is out. */
static struct visit *begin_visit(const struct door *door, struct visitor *ticket)
{
	struct service *s = door->worker->service;
	struct visit *visit = malloc(sizeof *visit);
	if (!visit)
		return NULL;
	*visit = (struct visit){ .ticket = ticket, .listener = (size_t)(door->kind - s->config->listeners) };
	atomic_fetch_add(&s->present[visit->listener], 1);
	atomic_fetch_add(&s->accepted[visit->listener], 1);
	return visit;
}

static void end_visit(struct service *s, struct visit *visit)
{
	atomic_fetch_sub(&s->present[visit->listener], 1);
	if (visit->ticket)
		visitors_leave(s->visitors, visit->ticket);
	free(visit);
}

/* The descriptor is taken over. */
static void welcome(const struct door *door, const struct peer *peer, struct visitor *ticket,
                    enum visitors_verdict verdict)
{
	static const enum session_stop refusals[] = {
		[VISITORS_CROWDED] = STOP_CROWDED,
		[VISITORS_TOO_MANY] = STOP_TOO_MANY,
		[VISITORS_TOO_OFTEN] = STOP_TOO_OFTEN,
	};
	struct worker *w = door->worker;
	struct visit *visit = begin_visit(door, ticket);
	const struct arrival arrival = {
		.fd = peer->fd,
		.session = visit ? session_for(door, peer, ticket, verdict) : NULL,
		.start = start_of(door, verdict),
		.refusal = refusals[verdict],
		.visit = visit,
	};
	if (!arrival.session)
		close(peer->fd);
	if (visit && (!arrival.session || !conn_open(&w->conns, &arrival)))
		end_visit(w->service, visit);
	else if (!visit && ticket)
		visitors_leave(w->service->visitors, ticket);
}

static void arrive(const struct door *door, const struct peer *peer)
{
	struct service *s = door->worker->service;
	enum visitors_verdict verdict = VISITORS_WELCOME;
	struct visitor *ticket = NULL;
	if (!door->kind->aside) {
		ticket = visitors_enter(s->visitors, peer->address, &verdict);
		meters_count(s->site->meters, verdict == VISITORS_WELCOME ? METER_CONNECTIONS : METER_REFUSED, 1);
	}
	welcome(door, peer, ticket, verdict);
}

/* It is known whose connection it is. */
static void on_known(void *owner, int fd, const char *address)
{
	const struct peer peer = { .address = address, .fd = fd };
	arrive(owner, &peer);
}

static bool is_balancer(const struct service_listener *l, const char *address)
{
	for (size_t i = 0; i < l->proxies_count; i++) {
		if (network_same(l->proxies[i], address))
			return true;
	}
	return false;
}

static void on_accepted(void *owner, int fd, const char *address)
{
	struct door *door = owner;
	const struct service_listener *l = door->kind;
	if (l->proxies_count == 0) {
		on_known(owner, fd, address);
	} else if (is_balancer(l, address)) {
		doorstep_wait(door->worker->doorstep, fd, address, owner);
	} else {
		log_info("connection refused peer=%s: it is none of the listener's balancers", address);
		close(fd);
	}
}

static void stop_when_empty(struct worker *w)
{
	if (w->ending && w->conns.count == 0)
		loop_stop(w->loop);
}

static void on_closed(struct conn_set *conns, void *visit)
{
	struct worker *w = conns->owner;
	end_visit(w->service, visit);
	stop_when_empty(w);
}

static void on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	(void)fd;
	(void)what;
	conn_set_stop(&w->conns, STOP_NOW);
}

static void close_doors(struct worker *w)
{
	for (size_t i = 0; i < SERVICE_LISTENERS_MAX; i++) {
		accept_watch_free(w->doors[i].accepts);
		w->doors[i].accepts = NULL;
	}
}

static void begin_end(struct task *t)
{
	struct worker *w = (struct worker *)((char *)t - offsetof(struct worker, end));
	unsigned ms = w->service->config->grace_ms > 0 ? w->service->config->grace_ms : GRACE_MS;
	struct timeval grace = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	close_doors(w);
	doorstep_clear(w->doorstep);
	event_add(w->grace_over, &grace);
	conn_set_stop(&w->conns, STOP_SHUTDOWN);
	loop_cut_pauses(w->loop);
	w->ending = true;
	stop_when_empty(w);
}

static void end_service(struct service *s, unsigned signal)
{
	s->ending = true;
	atomic_store(&s->site->ending, true);
	/* From here on a new peer is refused at once, and does not hang in the backlog; but at a socket that was given it waits for the next server. */
	for (size_t i = 0; i < s->opened; i++) {
		if (!s->config->listeners[i].given)
			shutdown(s->listeners[i].fd, SHUT_RDWR);
	}
	tell(s, SERVICE_ENDING);
	log_info("signal %u: ending", signal);
	for (unsigned i = 0; i < s->count; i++)
		loop_post(s->workers[i].loop, &s->workers[i].end);
}

/* Whether SIGHUP asks for that, and does not say that the terminal is gone. */
static bool reads_again(const struct service *s)
{
	return s->site->tls || s->config->supervised || s->config->reload;
}

/* On worker 0. */
static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct service *s = arg;
	struct signalfd_siginfo info;
	(void)what;
	if (read(fd, &info, sizeof info) != sizeof info || s->ending)
		return;
	if (info.ssi_signo == SIGHUP && reads_again(s)) {
		tell(s, SERVICE_RELOADING);
		atomic_store(&s->hung_up, true);
		ask_reload(s);
	} else {
		end_service(s, info.ssi_signo);
	}
}

static bool open_doors(struct worker *w)
{
	for (size_t i = 0; i < w->service->opened; i++) {
		struct door *door = &w->doors[i];
		*door = (struct door){ .worker = w, .kind = &w->service->config->listeners[i] };
		door->accepts = accept_watch_new(w->loop, &w->service->listeners[i], on_accepted, door);
		if (!door->accepts)
			return false;
	}
	return true;
}

static bool worker_init(struct worker *w, struct service *s, struct fault *why)
{
	w->service = s;
	w->end.run = begin_end;
	w->loop = loop_new(why);
	if (!w->loop || !conn_set_init(&w->conns, w->loop, why))
		return false;
	w->doorstep = doorstep_new(w->loop, on_known);
	w->conns.closed = on_closed;
	w->conns.owner = w;
	w->grace_over = evtimer_new(loop_base(w->loop), on_grace_over, w);
	if (s->site->tls)
		w->conns.tls_session = tls_session;
	return (w->grace_over && w->doorstep && open_doors(w)) ||
	       fault_set(why, FAULT_FULL, "cannot start a worker: memory is out");
}

static void worker_release(struct worker *w)
{
	close_doors(w);
	doorstep_free(w->doorstep);
	if (w->grace_over)
		event_free(w->grace_over);
	conn_set_release(&w->conns);
	loop_free(w->loop);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	sandbox_narrow(SANDBOX_LOOP);
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
		if (s->site->hashing)
			jobs_wait(s->site->hashing);
		for (unsigned i = 0; i < s->count; i++)
			posted |= loop_run_posted(s->workers[i].loop);
	} while (posted);
}

static void say_listening(const struct listener *l, bool tls)
{
	char line[LISTEN_ADDRESS_MAX + 64];
	char port[24] = "";
	if (l->port > 0)
		snprintf(port, sizeof port, " port %u", l->port);
	int n = snprintf(line, sizeof line, "listening on %s%s%s\n", l->address, port, tls ? " (TLS)" : "");
	ssize_t written = write(STDERR_FILENO, line, (size_t)n);
	(void)written; /* nobody is there to be told */
}

static void serve(struct service *s)
{
	start_workers(s);
	for (size_t i = 0; i < s->opened; i++) {
		if (!s->config->listeners[i].aside)
			say_listening(&s->listeners[i], s->config->listeners[i].tls);
	}
	tell(s, SERVICE_READY);
	sandbox_narrow(SANDBOX_LOOP);
	loop_run(s->workers[0].loop);
	for (unsigned i = 1; i < s->count; i++)
		pthread_join(s->workers[i].thread, NULL);
	settle(s);
}

/* Whether SIGHUP is ours: to read certificates again, or because the terminal is gone. Who was begun by nohup goes on without one. */
static bool wants_hangup(const struct service *s)
{
	struct sigaction was;
	return reads_again(s) || sigaction(SIGHUP, NULL, &was) != 0 || was.sa_handler != SIG_IGN;
}

/* A full disk or a peer that is gone are errors to be handled where they happen, never the end of the process. The
 * signals that end it stay blocked, so that a second one cannot cut the end short. */
static bool take_signals(struct service *s, struct fault *why)
{
	sigset_t ours;
	sigemptyset(&ours);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ours, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (wants_hangup(s))
		signal(SIGHUP, SIG_DFL);
	else
		sigdelset(&ours, SIGHUP);
	s->signals = signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signals < 0)
		return fault_errno(why, "cannot watch for signals");
	s->signalled = event_new(loop_base(s->workers[0].loop), s->signals, EV_READ | EV_PERSIST, on_signal, s);
	return (s->signalled && event_add(s->signalled, NULL) == 0) ||
	       fault_set(why, FAULT_FULL, "cannot watch for signals: memory is out");
}

static bool open_listeners(struct service *s, struct fault *why)
{
	for (size_t i = 0; i < s->config->listeners_count; i++) {
		const struct service_listener *kind = &s->config->listeners[i];
		if (kind->given ? !listener_adopt(&s->listeners[i], kind->fd, why)
		                : !listener_open(&s->listeners[i], kind->address, kind->port, why))
			return false;
		s->opened++;
	}
	return true;
}

const struct service_config *service_configuration(const struct service *s)
{
	return s->config;
}

void service_limit(struct service *s, size_t at_once, size_t a_minute)
{
	visitors_limit(s->visitors, at_once, a_minute);
}

size_t service_present(const struct service *s, size_t i)
{
	return atomic_load(&s->present[i]);
}

uint64_t service_accepted(const struct service *s, size_t i)
{
	return atomic_load(&s->accepted[i]);
}

const struct listener *service_bound(const struct service *s, size_t i)
{
	return &s->listeners[i];
}

static bool begin_minutes(struct service *s, struct fault *why)
{
	const struct timeval minute = { .tv_sec = s->config->chore_every > 0 ? s->config->chore_every : CHORE_EVERY_S };
	if (!s->config->chore)
		return true;
	s->chore = (struct job){ .work = do_chore, .done = chore_done, .home = s->workers[0].loop };
	s->minute = event_new(loop_base(s->workers[0].loop), -1, EV_PERSIST, on_minute, s);
	return (s->minute && event_add(s->minute, &minute) == 0) ||
	       fault_set(why, FAULT_FULL, "cannot start: memory is out");
}

static bool service_init(struct service *s, struct fault *why)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (!worker_init(&s->workers[i], s, why))
			return false;
	}
	s->reload.home = s->workers[0].loop;
	if (s->site->watch)
		s->web = web_desk_new(s->site, s->workers[0].loop, why);
	if (s->site->watch && !s->web)
		return false;
	return begin_minutes(s, why) && take_signals(s, why);
}

void service_free(struct service *s)
{
	if (!s)
		return;
	if (s->minute)
		event_free(s->minute);
	if (s->signalled)
		event_free(s->signalled);
	if (s->signals >= 0)
		close(s->signals);
	web_desk_free(s->web);
	for (unsigned i = 0; i < s->count; i++)
		worker_release(&s->workers[i]);
	for (size_t i = 0; i < s->opened; i++)
		listener_close(&s->listeners[i]);
	visitors_free(s->visitors);
	free(s);
}

unsigned service_workers(unsigned wanted)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long count = wanted > 0 ? (long)wanted : cores;
	return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

struct service *service_open(const struct service_config *config, struct fault *why)
{
	unsigned count = service_workers(config->workers);
	struct service *s = calloc(1, sizeof *s + count * sizeof s->workers[0]);
	if (!s) {
		fault_set(why, FAULT_FULL, "cannot start: memory is out");
		return NULL;
	}
	s->config = config;
	s->signals = -1;
	const struct visitors_limits limits = means_allow(&config->limits, count);
	s->visitors = visitors_new(&limits);
	s->count = count;
	s->reload = (struct job){ .work = reload, .done = reloaded };
	if (s->visitors ? open_listeners(s, why) : fault_set(why, FAULT_FULL, "cannot start: memory is out"))
		return s;
	service_free(s);
	return NULL;
}

bool service_run(struct service *s, struct site *site, struct fault *why)
{
	s->site = site;
	site->service = s;
	bool ready = service_init(s, why);
	if (ready)
		serve(s);
	return ready;
}
