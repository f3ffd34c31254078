/*
 * web_desk: see web_desk.h.
 */
#include "server/web_desk.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "auth/inbox_name.h"
#include "net/loop.h"
#include "server/faults.h"
#include "server/inboxes.h"
#include "server/login.h"
#include "server/watch.h"
#include "store/glance.h"

enum {
	AT_ONCE = 32, /* questions under way at the most */
	NUMBERS_EVERY_S = 5,
};

struct web_desk {
	struct site *site;
	struct loop *loop;
	int fd;
	struct event *readable;
	struct event *timer;
	size_t under_way;
	char in[MESSAGE_MAX];
};

/* ---- answers ---- */

static void answer(struct web_desk *d, uint64_t number, enum message_outcome outcome, const char *text)
{
	const struct message m = { .type = MESSAGE_ANSWER,
		                   .numbers = { number, outcome },
		                   .texts = { slice_str(text) } };
	watch_tell(d->site->watch, &m);
}

static void say_hello(struct web_desk *d)
{
	const struct options *o = d->site->options;
	const struct message m = { .type = MESSAGE_HELLO,
		                   .numbers = { !o->catch_all, o->web->smtp_port, o->web->pop3_port },
		                   .texts = { slice_str(d->site->smtp.domain), slice_str(POSTROOM_VERSION) } };
	watch_tell(d->site->watch, &m);
}

/* ---- deleting ---- */

struct deletion {
	struct job job;
	struct web_desk *desk;
	uint64_t number;
	char *user;
	char *uids; /* a list; its last line end is a NUL */
	enum message_outcome outcome;
	struct fault why;
};

static bool is_listed(const char *uids, const char *uid)
{
	size_t len = strlen(uid);
	for (const char *at = strstr(uids, uid); at; at = strstr(at + 1, uid)) {
		if ((at == uids || at[-1] == '\n') && (at[len] == '\n' || at[len] == '\0'))
			return true;
	}
	return false;
}

static size_t mark(struct maildrop *drop, const char *uids, unsigned char *marks, struct fault *why)
{
	struct mail_info info;
	size_t count = 0;
	for (size_t i = 0; i < drop->ops->count(drop); i++) {
		if (drop->ops->info(drop, i, true, &info, why) != STORE_GOT)
			return 0;
		if (!is_listed(uids, info.uid))
			continue;
		marks[i / 8] |= (unsigned char)(1U << (i % 8));
		count++;
	}
	return count;
}

/* Mails that are gone already are as good as deleted. */
static bool delete_marked(struct maildrop *drop, const char *uids, struct fault *why)
{
	unsigned char *marks = calloc(drop->ops->count(drop) / 8 + 1, 1);
	if (!marks)
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	why->kind = FAULT_NONE;
	bool ok = drop->ops->number(drop, why);
	size_t count = ok ? mark(drop, uids, marks, why) : 0;
	ok = ok && why->kind == FAULT_NONE && (count == 0 || drop->ops->remove(drop, marks, why));
	free(marks);
	return ok;
}

static bool has_mailbox(const struct site *site, const char *user)
{
	struct glance_stamp stamp;
	struct fault ignored;
	return *user && *user != '.' && !strchr(user, '/') && strlen(user) <= USERS_NAME_MAX &&
	       glance_stamp(site->dir, site->course->mailbox, user, &stamp, &ignored) && stamp.mail.inode != 0;
}

static enum message_outcome delete_from(struct store *store, struct deletion *t)
{
	struct maildrop *drop = store->ops->open(store, t->user, "the web inbox", &t->why);
	if (!drop)
		return t->why.kind == FAULT_BUSY ? MESSAGE_BUSY : MESSAGE_FAILED;
	bool deleted = delete_marked(drop, t->uids, &t->why);
	drop->ops->close(drop);
	return deleted ? MESSAGE_DONE : MESSAGE_FAILED;
}

static void delete_mails(struct job *job)
{
	struct deletion *t = (struct deletion *)job;
	struct store *store = t->desk->site->store;
	t->outcome = MESSAGE_FAILED;
	if (!has_mailbox(t->desk->site, t->user)) {
		t->outcome = MESSAGE_REFUSED;
		fault_set(&t->why, FAULT_PERMANENT, "there is no such inbox");
		return;
	}
	struct inboxes *inboxes = t->desk->site->inboxes;
	if (inboxes && !inboxes_hold(inboxes, t->user, &t->why))
		return;
	t->outcome = delete_from(store, t);
	if (t->outcome == MESSAGE_DONE)
		store->ops->tidy(store, t->user);
	if (inboxes)
		inboxes_release(inboxes, t->user);
}

static void mails_deleted(struct job *job)
{
	struct deletion *t = (struct deletion *)job;
	char user[LOG_WORD_MAX + 1];
	log_info("web user=%s outcome=%s", log_word(user, slice_str(t->user)),
	         t->outcome == MESSAGE_DONE ? "removed" : t->why.text);
	/* What went wrong is the operator's to know; that somebody is at it, the user's. */
	answer(t->desk, t->number, t->outcome,
	       t->outcome == MESSAGE_DONE   ? ""
	       : t->outcome == MESSAGE_BUSY ? "a POP3 session is at this mailbox: try again when it has ended"
	                                    : "it could not be deleted; the server's log says why");
	t->desk->under_way--;
	free(t->user);
	free(t->uids);
	free(t);
}

static void ask_deletion(struct web_desk *d, const struct message *m)
{
	struct deletion *t = calloc(1, sizeof *t);
	if (t) {
		*t = (struct deletion){ .job = { .work = delete_mails, .done = mails_deleted, .home = d->loop },
			                .desk = d,
			                .number = m->numbers[0],
			                .user = slice_dup(m->texts[0]),
			                .uids = slice_dup(m->texts[1]) };
	}
	if (!t || !t->user || !t->uids) {
		answer(d, m->numbers[0], MESSAGE_FAILED, "");
		free(t ? t->user : NULL);
		free(t ? t->uids : NULL);
		free(t);
		return;
	}
	d->under_way++;
	jobs_run(d->site->jobs, &t->job);
}

/* ---- logins ---- */

struct entry {
	struct task end;
	struct web_desk *desk;
	uint64_t number;
	struct session session; /* of a login's party: in clear */
	char peer[PEER_ADDRESS_MAX + 1];
	struct login *login;
};

/* A login is not freed within its own answer. */
static void end_entry(struct task *t)
{
	struct entry *e = (struct entry *)t;
	e->desk->under_way--;
	login_free(e->login);
	free(e);
}

static void login_answered(void *owner, const struct login_answer *a)
{
	struct entry *e = owner;
	if (a->result == LOGIN_OK)
		answer(e->desk, e->number, MESSAGE_DONE, a->user);
	else if (a->result == LOGIN_WRONG)
		answer(e->desk, e->number, MESSAGE_REFUSED, "");
	else
		answer(e->desk, e->number, MESSAGE_FAILED, "");
	loop_post(e->desk->loop, &e->end);
}

static void ask_login(struct web_desk *d, const struct message *m)
{
	struct entry *e = calloc(1, sizeof *e);
	if (!e) {
		answer(d, m->numbers[0], MESSAGE_FAILED, "");
		return;
	}
	*e = (struct entry){ .end.run = end_entry, .desk = d, .number = m->numbers[0] };
	snprintf(e->peer, sizeof e->peer, "%.*s",
	         (int)(m->texts[0].len < PEER_ADDRESS_MAX ? m->texts[0].len : PEER_ADDRESS_MAX),
	         m->texts[0].len ? m->texts[0].ptr : "");
	const struct login_party party = { .site = d->site,
		                           .loop = d->loop,
		                           .session = &e->session,
		                           .peer = e->peer,
		                           .answered = login_answered,
		                           .owner = e };
	/* By the rule of SMTP and POP3; the page has no TLS, and a web server that has it and stands in front is on this machine. */
	if (!login_plaintext_allowed(&party)) {
		log_warning("web login refused peer=%s: the password came without TLS (docs/web.md)", e->peer);
		answer(d, e->number, MESSAGE_REFUSED, "passwords are taken over HTTPS alone");
		free(e);
		return;
	}
	e->login = login_new(&party);
	if (!e->login) {
		answer(d, e->number, MESSAGE_FAILED, "");
		free(e);
		return;
	}
	d->under_way++;
	login_password(e->login, m->texts[1], m->texts[2]);
}

/* ---- faults ---- */

static void set_fault(struct web_desk *d, const struct message *m)
{
	char inbox[USERS_NAME_MAX + 1];
	struct faults_order order = {
		.kind = m->numbers[1] < MESSAGE_FAULTS ? (enum message_fault)m->numbers[1] : MESSAGE_FAULTS,
		.code = m->numbers[2] < 1000 ? (unsigned)m->numbers[2] : 0,
		.delay_ms = m->numbers[3] <= FAULTS_DELAY_MAX ? (int)m->numbers[3] : -1,
		.chance = m->numbers[4] <= FAULTS_CERTAIN ? (uint32_t)m->numbers[4] : FAULTS_CERTAIN + 1,
		.seed = m->numbers[5],
	};
	snprintf(order.text, sizeof order.text, "%.*s",
	         (int)(m->texts[1].len < FAULTS_TEXT_MAX ? m->texts[1].len : FAULTS_TEXT_MAX),
	         m->texts[1].len ? m->texts[1].ptr : "");
	bool set = inbox_name(m->texts[0], inbox) && faults_set(d->site->faults, inbox, &order);
	answer(d, m->numbers[0], set ? MESSAGE_DONE : MESSAGE_REFUSED, set ? "" : "this is no fault, or one too many");
}

/* ---- the socket ---- */

static void take(struct web_desk *d, const struct message *m)
{
	if (m->type == MESSAGE_BEGUN)
		say_hello(d);
	else if (m->type < MESSAGE_BEGUN)
		log_warning("the web process says what is not its to say: passed over");
	else if (d->under_way >= AT_ONCE)
		answer(d, m->numbers[0], MESSAGE_FAILED, "too much at once: try again");
	else if (m->type == MESSAGE_DELETE && d->site->store)
		ask_deletion(d, m);
	else if (m->type == MESSAGE_LOGIN && d->site->users)
		ask_login(d, m);
	else if (m->type == MESSAGE_FAULT && d->site->faults)
		set_fault(d, m);
	else
		answer(d, m->numbers[0], MESSAGE_REFUSED, "this server does not do that");
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct web_desk *d = arg;
	struct message m;
	(void)what;
	ssize_t n = recv(fd, d->in, sizeof d->in, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		log_error("the web inbox is gone for good; mail goes on");
		event_del(d->readable);
		return;
	}
	if (n > 0 && message_decode(&m, slice_make(d->in, (size_t)n)))
		take(d, &m);
	explicit_bzero(d->in, n > 0 ? (size_t)n : 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct web_desk *d = arg;
	(void)fd;
	(void)what;
	watch_tell_numbers(d->site->watch);
}

struct web_desk *web_desk_new(struct site *site, struct loop *loop, struct fault *why)
{
	struct web_desk *d = calloc(1, sizeof *d);
	if (d) {
		*d = (struct web_desk){ .site = site, .loop = loop, .fd = site->options->web->link };
		d->readable = event_new(loop_base(loop), d->fd, EV_READ | EV_PERSIST, on_readable, d);
		d->timer = event_new(loop_base(loop), -1, EV_PERSIST, on_timer, d);
	}
	if (d && d->readable && d->timer && event_add(d->readable, NULL) == 0 &&
	    event_add(d->timer, &(struct timeval){ .tv_sec = NUMBERS_EVERY_S }) == 0)
		return d;
	web_desk_free(d);
	fault_set(why, FAULT_FULL, "cannot start: memory is out");
	return NULL;
}

void web_desk_free(struct web_desk *d)
{
	if (!d)
		return;
	if (d->readable)
		event_free(d->readable);
	if (d->timer)
		event_free(d->timer);
	free(d);
}
