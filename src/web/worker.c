/*
 * worker: opens everything, gives up what is not needed any more, and goes round. See worker.h.
 */
#include "web/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "mime/charset.h"
#include "sandbox/sandbox.h"
#include "store/store.h"
#include "web/web.h"

enum { ROUND_MS_MAX = 1000 };

struct worker {
	struct web web;
	struct http_config http;
	int signals;
	unsigned port;
	bool ending;
};

/* ---- what happens ---- */

static void tell_mail(void *owner, const struct catalogue_mail *mail)
{
	struct web *w = owner;
	events_tell(w->events, "message", mail->inbox, web_mail_json(mail));
}

static void on_added(void *owner, int64_t row)
{
	struct web *w = owner;
	const struct query q = { .row = row, .limit = 1 };
	if (events_count(w->events) > 0)
		catalogue_find(w->catalogue, &q, tell_mail, w);
	waiters_look(w->waiters, row);
}

static void on_changed(void *owner, const char *inbox)
{
	struct web *w = owner;
	events_tell(w->events, "changed", inbox, json_pack("{s:s}", "inbox", inbox));
}

static bool is_known(void *owner, const char *inbox, const char *uid)
{
	struct web *w = owner;
	return catalogue_has_origin(w->catalogue, inbox, uid);
}

static void take_hello(struct web *w, const struct message *m)
{
	w->users = m->numbers[0] != 0;
	w->smtp_port = (unsigned)m->numbers[1];
	w->pop3_port = (unsigned)m->numbers[2];
	snprintf(w->domain, sizeof w->domain, "%.*s",
	         (int)(m->texts[0].len < WEB_DOMAIN_MAX ? m->texts[0].len : WEB_DOMAIN_MAX), m->texts[0].ptr);
}

/* The session's number here is its row. */
static void take_delivery(struct web *w, const struct message *m, int64_t session)
{
	char *texts[MESSAGE_TEXTS_MAX];
	bool ok = true;
	for (size_t i = 0; i < MESSAGE_TEXTS_MAX; i++) {
		texts[i] = slice_dup(m->texts[i]);
		ok = ok && texts[i];
	}
	if (ok) {
		const struct catalogue_mail origin = { .inbox = texts[0],
			                               .uid = texts[1],
			                               .recipients = texts[2],
			                               .login = texts[3],
			                               .sender = texts[4],
			                               .session = session };
		catalogue_note_origin(w->catalogue, &origin);
		follow_look(w->follow, texts[0]);
		w->delivered++;
	}
	for (size_t i = 0; i < MESSAGE_TEXTS_MAX; i++)
		free(texts[i]);
}

static void on_told(void *owner, const struct message *m)
{
	struct web *w = owner;
	int64_t session = sessions_take(w->sessions, m);
	if (m->type == MESSAGE_HELLO)
		take_hello(w, m);
	else if (m->type == MESSAGE_DELIVERED)
		take_delivery(w, m, session);
	else if (m->type == MESSAGE_LOST)
		w->lost += m->numbers[0];
	else if (m->type == MESSAGE_METRICS) {
		buf_clear(&w->metrics);
		buf_append_slice(&w->metrics, m->texts[0]);
	}
	if (session && (m->type == MESSAGE_OPENED || m->type == MESSAGE_ENDED))
		events_tell(w->events, "session", "", json_pack("{s:I}", "id", (json_int_t)session));
}

/* ---- HTTP ---- */

static const char *on_guard(struct request *r, unsigned *status)
{
	struct web *w = r->web;
	w->requests++;
	return guard_request(&w->guard, r, status);
}

static bool on_login(struct request *r)
{
	struct web *w = r->web;
	if (!w->users)
		return true;
	const char *name = logins_find(w->logins, request_header(r, "Cookie"));
	if (name)
		snprintf(r->user, sizeof r->user, "%s", name);
	return name != NULL;
}

/* ---- opening ---- */

/* Where there is a mail process, its end is this one's: what it still has to tell, and to answer, is worth that. */
static bool take_signals(struct worker *k, const struct worker_options *o, struct fault *why)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (o->link >= 0)
		return true;
	sigprocmask(SIG_BLOCK, &set, NULL);
	k->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return k->signals >= 0 || fault_errno(why, "cannot watch for signals");
}

static bool open_mail(struct web *w, const struct worker_options *o, struct fault *why)
{
	char path[PATH_MAX];
	const struct follow_listener listener = {
		.added = on_added, .changed = on_changed, .is_known = o->link >= 0 ? is_known : NULL, .owner = w
	};
	file_store_prepare();
	w->mailbox = o->mailbox;
	w->root = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->root < 0)
		return fault_errno(why, "cannot open %s", o->dir);
	snprintf(path, sizeof path, "%s/.web/index.db", o->dir);
	w->catalogue = catalogue_open(path, why);
	if (!w->catalogue)
		return false;
	w->follow = follow_new(w->catalogue, w->root, w->mailbox, &listener);
	w->sessions = sessions_new(w->catalogue);
	w->waiters = waiters_new(w->catalogue, web_wait_found);
	w->logins = logins_new();
	w->events = events_new();
	w->link = link_new(o->link, on_told, w);
	buf_init(&w->metrics, WEB_METRICS_MAX);
	return (w->follow && w->sessions && w->waiters && w->logins && w->events && w->link) ||
	       fault_set(why, FAULT_TEMPORARY, "memory is out");
}

static bool open_http(struct worker *k, const struct worker_options *o, struct fault *why)
{
	struct web *w = &k->web;
	unsigned port = o->port;
	int listener = o->listener >= 0 ? o->listener : http_listen(o->address, &port, why);
	if (listener < 0)
		return false;
	port = http_port(listener);
	guard_init(&w->guard, port);
	for (unsigned i = 0; i < o->hosts_count; i++) {
		if (!guard_add(&w->guard, o->hosts[i])) {
			file_close(listener);
			return fault_set(why, FAULT_PERMANENT, "%s is too long for a name", o->hosts[i]);
		}
	}
	k->http = (struct http_config){ .routes = web_routes, .web = w, .guard = on_guard, .login = on_login };
	w->http = http_new(&k->http, listener, why);
	k->port = port;
	return w->http != NULL;
}

/* Mailboxes are read, the index is written, and nothing else is opened, run or called: whatever a mail does to what takes it apart. */
static bool confine(const struct worker_options *o, struct fault *why)
{
	char index[PATH_MAX];
	snprintf(index, sizeof index, "%s/.web", o->dir);
	const struct sandbox_directory directories[] = { { .path = o->dir }, { .path = index, .writable = true } };
	if (o->no_sandbox)
		return true;
	tzset();
	charset_keep_common();
	return sandbox_files(directories, sizeof directories / sizeof directories[0], why) &&
	       sandbox_alone(SANDBOX_WEB, why);
}

static void release(struct worker *k)
{
	struct web *w = &k->web;
	http_free(w->http);
	waiters_free(w->waiters);
	events_free(w->events);
	logins_free(w->logins);
	follow_free(w->follow);
	sessions_free(w->sessions);
	link_free(w->link);
	catalogue_close(w->catalogue);
	buf_release(&w->metrics);
	file_close(w->root);
	file_close(k->signals);
}

/* ---- the loop ---- */

static int least(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

static void wait_a_moment(struct worker *k, int ms)
{
	struct web *w = &k->web;
	struct pollfd polled[] = {
		{ .fd = http_descriptor(w->http), .events = POLLIN },
		{ .fd = k->signals, .events = POLLIN },
		{ .fd = link_descriptor(w->link), .events = POLLIN },
	};
	if (poll(polled, sizeof polled / sizeof polled[0], ms) < 0 && errno != EINTR)
		k->ending = true;
	if (polled[1].revents)
		k->ending = true;
	if (polled[2].revents) {
		catalogue_begin(w->catalogue);
		k->ending = !link_read(w->link) || k->ending;
		catalogue_commit(w->catalogue);
	}
}

static void go_round(struct worker *k)
{
	struct web *w = &k->web;
	int ms = ROUND_MS_MAX;
	while (!k->ending && !catalogue_broken(w->catalogue)) {
		wait_a_moment(k, ms);
		http_run(w->http);
		ms = least(ROUND_MS_MAX, follow_step(w->follow));
		ms = least(ms, waiters_tick(w->waiters));
		ms = least(ms, events_tick(w->events));
		ms = least(ms, http_patience(w->http));
	}
}

bool worker_run(const struct worker_options *o, struct fault *why)
{
	struct worker *k = calloc(1, sizeof *k);
	if (!k)
		return fault_set(why, FAULT_TEMPORARY, "memory is out");
	k->web.root = k->signals = -1;
	k->web.users = o->login;
	bool ok = take_signals(k, o, why) && open_mail(&k->web, o, why) && open_http(k, o, why) && confine(o, why);
	if (ok && o->listener < 0)
		fprintf(stderr, "listening on %s port %u (web)\n", o->address, k->port);
	if (ok) {
		link_tell(k->web.link, &(struct message){ .type = MESSAGE_BEGUN });
		go_round(k);
	}
	release(k);
	free(k);
	return ok;
}
