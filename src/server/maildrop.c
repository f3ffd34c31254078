/*
 * maildrop: one POP3 session's host. See maildrop.h.
 *
 * What the store can answer without waiting for a disk it answers on the loop; the rest is fetched by a job, and the session asks again. There is
 * at most one job of a session at a time, so that the store's maildrop is used by one thread at a time.
 */
#include "server/maildrop.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/jobs.h"
#include "server/inboxes.h"
#include "server/faults.h"
#include "server/login.h"
#include "server/login_delay.h"
#include "server/watch.h"

enum {
	AHEAD_MAX = 64 * 1024,  /* octets a job reads at once, where the disk has to be waited for */
	WINDOW_MAX = 64 * 1024, /* octets that the loop reads at once, where nothing has to be waited for */
};

/* Of a loop: one for all its sessions, each of which has finished with what it has seen when the next one is served. */
struct reading {
	struct store_window window;
	char octets[WINDOW_MAX];
};

/* A piece of a mail that a job has read. */
struct ahead {
	size_t mail;
	struct store_span span;
	char octets[AHEAD_MAX];
};

struct host {
	struct site *site;
	struct loop *loop;
	struct session *session;
	char peer[PEER_ADDRESS_MAX + 1];
	char user[USERS_NAME_MAX + 1]; /* as the users file spells it */
	int fd;                        /* the connection's; not ours */
	struct faults_order order;     /* what goes wrong on purpose, and when */
	struct pause pause;
	struct login *login; /* from the first attempt to the one that is right; else NULL */
	bool holds_inbox;
	struct maildrop *drop; /* open from the login to the commit */
	bool numbered;
	struct fault trouble; /* what a job met with; told when the session asks again */
	struct job job;
	size_t mail; /* what a job is to fetch */
	uint64_t offset;
	struct ahead *ahead; /* NULL until it is needed; kept for the session's life */
	const unsigned char *marks;
	bool removed;
};

static struct host *of_job(struct job *job)
{
	return (struct host *)((char *)job - offsetof(struct host, job));
}

static void run_job(struct host *h, void (*work)(struct job *), void (*done)(struct job *))
{
	h->job = (struct job){ .work = work, .done = done, .home = h->loop };
	jobs_run(h->site->jobs, &h->job);
}

/* ---- login ---- */

static void open_drop(struct job *job)
{
	struct host *h = of_job(job);
	struct store *store = h->site->store;
	char holder[STORE_HOLDER_MAX];
	if (h->site->inboxes && !inboxes_hold(h->site->inboxes, h->user, &h->trouble))
		return;
	h->holds_inbox = h->site->inboxes != NULL;
	snprintf(holder, sizeof holder, "%s from %s", h->user, h->peer);
	h->drop = store->ops->open(store, h->user, holder, &h->trouble);
}

static enum pop3_login judge_opening(const struct host *h)
{
	if (h->drop)
		return POP3_LOGIN_OK;
	if (h->trouble.kind == FAULT_BUSY) {
		log_info("mailbox user=%s peer=%s outcome=in-use: %s", h->user, h->peer, h->trouble.text);
		return POP3_LOGIN_IN_USE;
	}
	log_error("the mailbox of %s cannot be opened: %s", h->user, h->trouble.text);
	return POP3_LOGIN_FAULT;
}

static void drop_opened(struct job *job)
{
	struct host *h = of_job(job);
	enum pop3_login result = judge_opening(h);
	const struct fault why = h->trouble;
	h->trouble = (struct fault){ 0 };
	if (result == POP3_LOGIN_OK && h->site->login_delay)
		login_delay_note(h->site->login_delay, h->user, clock_ms());
	pop3_server_login(h->session, result, result == POP3_LOGIN_IN_USE ? why.text : NULL);
}

static void fail(struct pause *p, bool cut)
{
	struct host *h = (struct host *)((char *)p - offsetof(struct host, pause));
	(void)cut;
	if (h->order.kind == MESSAGE_FAULT_CUT_POP)
		shutdown(h->fd, SHUT_RDWR);
	pop3_server_login(h->session, POP3_LOGIN_FAULT, NULL);
}

/* Whether this goes wrong on purpose, which is then under way. */
static bool fails_on_purpose(struct host *h)
{
	const unsigned kinds = 1U << MESSAGE_FAULT_LOGIN | 1U << MESSAGE_FAULT_CUT_POP;
	if (!faults_happen(h->site->faults, h->user, kinds, &h->order))
		return false;
	log_info("mailbox user=%s peer=%s outcome=fault-on-purpose", h->user, h->peer);
	h->pause.over = fail;
	if (h->order.delay_ms == 0 || !loop_pause(h->loop, &h->pause, h->order.delay_ms))
		fail(&h->pause, false);
	return true;
}

/* Who it is, is known. The one job of a login whose password needs no hashing. */
static void enter(struct host *h, const char *user)
{
	char detail[64];
	snprintf(h->user, sizeof h->user, "%s", user);
	if (fails_on_purpose(h))
		return;
	watch_logged_in(pop3_server_heard(h->session), user);
	login_free(h->login);
	h->login = NULL;
	unsigned left = h->site->login_delay ? login_delay_left(h->site->login_delay, h->user, clock_ms()) : 0;
	if (left == 0) {
		run_job(h, open_drop, drop_opened);
		return;
	}
	snprintf(detail, sizeof detail, "logged in a moment ago, wait %u seconds", left);
	log_info("mailbox user=%s peer=%s outcome=too-soon", h->user, h->peer);
	pop3_server_login(h->session, POP3_LOGIN_DELAY, detail);
}

static void login_answered(void *owner, const struct login_answer *answer)
{
	static const enum pop3_login refusals[] = {
		[LOGIN_WRONG] = POP3_LOGIN_WRONG,
		[LOGIN_MALFORMED] = POP3_LOGIN_MALFORMED,
		[LOGIN_NO_MECHANISM] = POP3_LOGIN_NO_MECHANISM,
		[LOGIN_NEEDS_TLS] = POP3_LOGIN_NEEDS_TLS,
		[LOGIN_FAULT] = POP3_LOGIN_FAULT,
	};
	struct host *h = owner;
	if (answer->result == LOGIN_OK)
		enter(h, answer->user);
	else if (answer->result == LOGIN_CHALLENGE)
		pop3_server_challenge(h->session, answer->challenge);
	else
		pop3_server_login(h->session, refusals[answer->result], NULL);
}

static struct login_party party_of(struct host *h)
{
	return (struct login_party){
		.site = h->site,
		.loop = h->loop,
		.session = h->session,
		.peer = h->peer,
		.answered = login_answered,
		.owner = h,
	};
}

/* Made for the first attempt. False: memory is out, and the session was told. */
static bool may_try(struct host *h)
{
	const struct login_party party = party_of(h);
	if (!h->login)
		h->login = login_new(&party);
	if (h->login)
		return true;
	log_error("login peer=%s: out of memory", h->peer);
	pop3_server_login(h->session, POP3_LOGIN_FAULT, NULL);
	return false;
}

static void maildrop_login(void *host, struct slice user, struct slice password)
{
	struct host *h = host;
	if (may_try(h))
		login_password(h->login, user, password);
}

static void maildrop_apop(void *host, struct slice user, struct slice stamp, struct slice digest)
{
	struct host *h = host;
	if (may_try(h))
		login_apop(h->login, user, stamp, digest);
}

static void maildrop_auth(void *host, struct slice mechanism, const struct slice *initial)
{
	struct host *h = host;
	if (may_try(h))
		login_begin(h->login, mechanism, initial);
}

/* Only where an exchange is under way: there is a login. */
static void maildrop_auth_step(void *host, struct slice response)
{
	struct host *h = host;
	login_step(h->login, response);
}

static void maildrop_auth_cancel(void *host)
{
	struct host *h = host;
	login_cancel(h->login);
}

static void refresh_users(struct job *job)
{
	site_refresh_users(of_job(job)->site);
}

static void users_are_fresh(struct job *job)
{
	pop3_server_continue(of_job(job)->session);
}

static void maildrop_refresh(void *host)
{
	struct host *h = host;
	if (users_changed(h->site->users))
		run_job(h, refresh_users, users_are_fresh);
	else
		pop3_server_continue(h->session);
}

static bool maildrop_apop_offered(void *host)
{
	return login_apop_offered(((const struct host *)host)->site);
}

static bool maildrop_plaintext_allowed(void *host)
{
	const struct login_party party = party_of(host);
	return login_plaintext_allowed(&party);
}

static void maildrop_mechanisms(void *host, char list[POP3_MECHANISMS_MAX])
{
	static_assert((int)POP3_MECHANISMS_MAX >= (int)SASL_LIST_MAX, "a list of mechanisms is as long");
	const struct login_party party = party_of(host);
	login_mechanisms(&party, list);
}

/* ---- what the mailbox holds ---- */

static const struct store_ops *store_of(const struct host *h)
{
	return h->drop->ops;
}

static size_t maildrop_count(void *host)
{
	struct host *h = host;
	return store_of(h)->count(h->drop);
}

static uint64_t maildrop_octets(void *host)
{
	struct host *h = host;
	return store_of(h)->octets(h->drop);
}

static void fetched(struct job *job)
{
	pop3_server_continue(of_job(job)->session);
}

/* Without jobs everything waits for the disk at once. */
static bool may_block(const struct host *h)
{
	return !h->site->jobs;
}

static enum pop3_got tell_trouble(struct host *h)
{
	log_error("the mailbox of %s cannot be read: %s", h->user, h->trouble.text);
	h->trouble = (struct fault){ 0 };
	return POP3_FAULT;
}

static void number_mails(struct job *job)
{
	struct host *h = of_job(job);
	h->numbered = store_of(h)->number(h->drop, &h->trouble);
}

static void read_info(struct job *job)
{
	struct host *h = of_job(job);
	struct mail_info info;
	store_of(h)->info(h->drop, h->mail, true, &info, &h->trouble);
}

static enum pop3_got fetch(struct host *h, void (*work)(struct job *))
{
	run_job(h, work, fetched);
	return POP3_LATER;
}

static enum pop3_got maildrop_info(void *host, size_t i, bool want_uid, struct pop3_mail *mail)
{
	struct host *h = host;
	struct mail_info info;
	bool to_number = want_uid && !h->numbered && h->trouble.kind == FAULT_NONE;
	if (to_number && !may_block(h))
		return fetch(h, number_mails);
	if (to_number)
		number_mails(&h->job);
	if (h->trouble.kind != FAULT_NONE)
		return tell_trouble(h);
	switch (store_of(h)->info(h->drop, i, may_block(h), &info, &h->trouble)) {
	case STORE_GOT:
		break;
	case STORE_WOULD_BLOCK:
		h->mail = i;
		return fetch(h, read_info);
	case STORE_FAULT:
		return tell_trouble(h);
	}
	mail->octets = info.octets;
	static_assert(sizeof mail->uid >= sizeof info.uid, "an id has room");
	if (want_uid)
		memcpy(mail->uid, info.uid, sizeof info.uid);
	else
		mail->uid[0] = '\0';
	return POP3_GOT;
}

static void read_ahead(struct job *job)
{
	struct host *h = of_job(job);
	if (!h->ahead && (h->ahead = malloc(sizeof *h->ahead)) == NULL) {
		fault_set(&h->trouble, FAULT_TEMPORARY, "out of memory");
		return;
	}
	struct ahead *a = h->ahead;
	a->mail = h->mail;
	a->span = (struct store_span){ .offset = h->offset, .octets = a->octets, .size = sizeof a->octets };
	if (store_of(h)->read(h->drop, h->mail, &a->span, true, &h->trouble) == STORE_GOT)
		return;
	free(h->ahead);
	h->ahead = NULL;
}

/* Out of what a job has read. False: it is not there. */
static bool take_ahead(const struct host *h, size_t i, struct store_view *view)
{
	const struct ahead *a = h->ahead;
	if (!a || a->mail != i || view->offset < a->span.offset || view->offset > a->span.offset + a->span.got)
		return false;
	size_t at = (size_t)(view->offset - a->span.offset);
	size_t left = a->span.got - at;
	view->octets = slice_make(a->octets + at, left < view->most ? left : view->most);
	/* At the piece's end the next one is needed, where it was not the mail's end. */
	return left > 0 || a->span.got == 0;
}

static enum store_got view_mail(struct host *h, size_t i, struct store_view *view)
{
	struct reading *r = loop_scratch(h->loop, sizeof *r);
	if (!r) {
		fault_set(&h->trouble, FAULT_TEMPORARY, "out of memory");
		return STORE_FAULT;
	}
	r->window.octets = r->octets;
	r->window.size = sizeof r->octets;
	view->window = &r->window;
	return store_of(h)->view(h->drop, i, view, may_block(h), &h->trouble);
}

static enum pop3_got maildrop_read(void *host, size_t i, struct pop3_piece *piece)
{
	struct host *h = host;
	struct store_view view = { .offset = piece->offset, .most = piece->most };
	enum store_got answer = STORE_GOT;
	if (h->trouble.kind != FAULT_NONE)
		return tell_trouble(h);
	if (!take_ahead(h, i, &view))
		answer = view_mail(h, i, &view);
	switch (answer) {
	case STORE_GOT:
		piece->octets = view.octets;
		return POP3_GOT;
	case STORE_WOULD_BLOCK:
		h->mail = i;
		h->offset = piece->offset;
		return fetch(h, read_ahead);
	case STORE_FAULT:
		break;
	}
	return tell_trouble(h);
}

/* ---- the end ---- */

/* Space of removed mails is given back when nobody waits for it. */
struct tidying {
	struct job job;
	struct store *store;
	char user[USERS_NAME_MAX + 1];
};

static void tidy(struct job *job)
{
	struct tidying *t = (struct tidying *)job;
	t->store->ops->tidy(t->store, t->user);
	free(t);
}

/* Without memory for it, the next removal will do it. */
static void start_tidying(const struct host *h)
{
	struct tidying *t = malloc(sizeof *t);
	if (!t)
		return;
	*t = (struct tidying){ .job = { .work = tidy }, .store = h->site->store };
	memcpy(t->user, h->user, sizeof t->user);
	jobs_run(h->site->jobs, &t->job);
}

static void commit(struct job *job)
{
	struct host *h = of_job(job);
	const struct store_ops *ops = store_of(h);
	h->removed = !h->marks || ops->remove(h->drop, h->marks, &h->trouble);
	ops->close(h->drop);
	h->drop = NULL;
}

static void committed(struct job *job)
{
	struct host *h = of_job(job);
	if (!h->removed)
		log_error("mails of %s cannot be removed: %s", h->user, h->trouble.text);
	else if (h->marks)
		start_tidying(h);
	log_info("quit user=%s peer=%s outcome=%s", h->user, h->peer,
	         !h->removed ? "not-removed"
	         : h->marks  ? "removed"
	                     : "nothing-to-remove");
	pop3_server_committed(h->session, h->removed);
}

static void maildrop_commit(void *host, const unsigned char *marks)
{
	struct host *h = host;
	h->marks = marks;
	run_job(h, commit, committed);
}

/* The session is no more; a lock it still holds is given up. */
static void end(struct job *job)
{
	struct host *h = of_job(job);
	if (h->drop)
		store_of(h)->close(h->drop);
	if (h->holds_inbox)
		inboxes_release(h->site->inboxes, h->user);
	login_free(h->login);
	free(h->ahead);
	free(h);
}

static void maildrop_free(void *host)
{
	struct host *h = host;
	h->session = NULL;
	if (h->drop)
		run_job(h, end, NULL);
	else
		end(&h->job);
}

static const struct pop3_host_ops maildrop_ops = {
	.login = maildrop_login,
	.apop = maildrop_apop,
	.refresh = maildrop_refresh,
	.apop_offered = maildrop_apop_offered,
	.plaintext_allowed = maildrop_plaintext_allowed,
	.mechanisms = maildrop_mechanisms,
	.auth = maildrop_auth,
	.auth_step = maildrop_auth_step,
	.auth_cancel = maildrop_auth_cancel,
	.count = maildrop_count,
	.octets = maildrop_octets,
	.info = maildrop_info,
	.read = maildrop_read,
	.commit = maildrop_commit,
	.free = maildrop_free,
};

struct session *maildrop_session_new(struct site *site, struct loop *loop, const struct peer *peer)
{
	struct host *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->site = site;
	h->loop = loop;
	h->fd = peer->fd;
	snprintf(h->peer, sizeof h->peer, "%s", peer->address);
	struct session *s = pop3_server_new(&site->pop3, &maildrop_ops, h);
	if (s) { /* else the host is gone as well */
		h->session = s;
		watch_opened(pop3_server_heard(s), "pop3", peer->address);
	}
	return s;
}
