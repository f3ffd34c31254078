/*
 * receive: one SMTP session's host. See receive.h.
 *
 * The text of a mail passes the stamper and goes into a draft; when it is complete there is one delivery for each recipient, and the answer when the
 * last of them is back. Whatever goes wrong on the way is remembered and answered at the end of DATA, so that the dialogue stays in step.
 */
#include "server/receive.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "auth/inbox_name.h"
#include "base/clock.h"
#include "base/log.h"
#include "mail/trace.h"
#include "mail/trace_head.h"
#include "net/jobs.h"
#include "server/faults.h"
#include "server/inspection.h"
#include "server/login.h"
#include "server/mail_id.h"
#include "server/meters.h"
#include "server/network.h"
#include "server/recipients.h"
#include "server/watch.h"

#define MAPPED "::ffff:"
enum { RECEIVED_MAX = 100 }; /* a mail that has passed more servers is in a loop */

/* One copy on its way. */
struct copy {
	struct delivery delivery;
	struct receive *owner;
};

/* From MAIL to the answer at the end of DATA. */
struct transaction {
	struct recipients recipients;
	const struct address *asked; /* the recipient in question; the session's */
	char here
	        [INET6_ADDRSTRLEN]; /* "", or the address that the peer is connected to, where the recipient's domain is one */
	enum reply_id recipient_verdict; /* where a job has asked */
	bool outdated;                   /* … and what it was to read could not be read */
	struct copy *copies;             /* one a user, once the mail is complete */
	struct draft *draft;             /* NULL before DATA, and once the mail is given up */
	struct trace_stamper stamper;
	struct inspection inspection;
	enum reply_id verdict;   /* on the whole, once it is known */
	struct fault trouble;    /* why the mail cannot be stored; FAULT_NONE: nothing */
	atomic_size_t under_way; /* deliveries */
	char id[MAIL_ID_SIZE];   /* "" before DATA */
};

struct receive {
	struct site *site;
	struct loop *loop;
	struct session *session;
	char peer[PEER_ADDRESS_MAX + 1];
	bool lmtp;
	int fd;         /* the connection's, for its own address; not ours */
	struct job job; /* one at a time: the session waits for it */
	struct transaction mail;
	struct login *login;       /* NULL before the first AUTH */
	struct faults_order order; /* what goes wrong on purpose … */
	struct smtp_fault fault;   /* … how it is said … */
	struct pause pause;        /* … and when */
	char *user;                /* who has logged in; NULL: nobody */
};

static struct receive *of_job(struct job *job)
{
	return (struct receive *)((char *)job - offsetof(struct receive, job));
}

static void run_job(struct receive *r, struct jobs *jobs, void (*work)(struct job *), void (*done)(struct job *))
{
	r->job = (struct job){ .work = work, .done = done, .home = r->loop };
	jobs_run(jobs, &r->job);
}

/* ---- recipients ---- */

/* The address that the peer is connected to; false: not an Internet socket. */
static bool own_address(const struct receive *r, char text[INET6_ADDRSTRLEN])
{
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	struct slice shown;
	if (getsockname(r->fd, (struct sockaddr *)&own, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&own, len, text, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) != 0)
		return false;
	shown = slice_str(text);
	if (slice_starts_nocase(shown, MAPPED)) /* an IPv4 peer at a socket for both */
		memmove(text, text + strlen(MAPPED), strlen(text + strlen(MAPPED)) + 1);
	return true;
}

static enum reply_id take_recipient(struct receive *r)
{
	r->mail.recipients.remembers = r->lmtp;
	struct recipients_question question = { .address = r->mail.asked,
		                                .here = *r->mail.here ? r->mail.here : NULL,
		                                .size = smtp_server_size(r->session),
		                                .outdated = r->mail.outdated };
	return recipients_take(&r->mail.recipients, r->site, &question);
}

static void ask_recipient(struct job *job)
{
	struct receive *r = of_job(job);
	r->mail.outdated = !site_refresh_users(r->site);
	r->mail.recipient_verdict = take_recipient(r);
}

static void answer_recipient(struct job *job)
{
	struct receive *r = of_job(job);
	smtp_server_answer(r->session, r->mail.recipient_verdict, 0);
}

/* ---- what goes wrong on purpose ---- */

static void fail(struct pause *p, bool cut)
{
	struct receive *r = (struct receive *)((char *)p - offsetof(struct receive, pause));
	bool ends = r->order.kind == MESSAGE_FAULT_CUT || r->order.kind == MESSAGE_FAULT_CUT_END;
	(void)cut;
	r->fault = (struct smtp_fault){ .code = ends ? 0 : r->order.code,
		                        .text = r->order.text[0] ? r->order.text : "This goes wrong on purpose" };
	smtp_server_fault(r->session, &r->fault);
}

/* Whether it does, which is then under way. */
static bool fails_on_purpose(struct receive *r, const char *inbox, unsigned kinds)
{
	if (!faults_happen(r->site->faults, inbox, kinds, &r->order))
		return false;
	log_info("mail peer=%s inbox=%s outcome=fault-on-purpose", r->peer, inbox);
	r->pause.over = fail;
	if (r->order.delay_ms == 0 || !r->loop || !loop_pause(r->loop, &r->pause, r->order.delay_ms))
		fail(&r->pause, false);
	return true;
}

static bool recipient_fails(struct receive *r, const struct address *recipient)
{
	char inbox[USERS_NAME_MAX + 1];
	return r->site->faults && inbox_name(slice_str(recipient->text), inbox) &&
	       fails_on_purpose(r, inbox, 1U << MESSAGE_FAULT_RCPT | 1U << MESSAGE_FAULT_CUT);
}

/* At its end; in LMTP each recipient has an answer of his own, and none goes wrong. */
static bool mail_fails(struct receive *r)
{
	for (size_t i = 0; i < r->mail.recipients.count && r->site->faults && !r->lmtp; i++) {
		if (fails_on_purpose(r, r->mail.recipients.users[i],
		                     1U << MESSAGE_FAULT_DATA | 1U << MESSAGE_FAULT_CUT_END))
			return true;
	}
	return false;
}

static void receive_recipient(void *host, const struct address *recipient)
{
	struct receive *r = host;
	if (recipient_fails(r, recipient))
		return;
	r->mail.asked = recipient;
	r->mail.outdated = false;
	/* Here, and not in the job: a thread that reads files may not ask about sockets. */
	if (recipient->domain[0] != '[' || !own_address(r, r->mail.here))
		*r->mail.here = '\0';
	if (recipients_need_job(r->site))
		run_job(r, r->site->jobs, ask_recipient, answer_recipient);
	else
		smtp_server_answer(r->session, take_recipient(r), 0);
}

/* ---- the text ---- */

/* A file is given back by a job: to close a large one takes its time. */
struct closing {
	struct job job;
	struct draft *draft;
};

static void close_draft(struct job *job)
{
	struct closing *c = (struct closing *)job;
	draft_free(c->draft);
	free(c);
}

static void release_draft(struct receive *r)
{
	struct draft *d = r->mail.draft;
	struct closing *c = d && draft_in_file(d) ? malloc(sizeof *c) : NULL;
	r->mail.draft = NULL;
	if (!c) {
		draft_free(d);
		return;
	}
	*c = (struct closing){ .job = { .work = close_draft }, .draft = d };
	jobs_run(r->site->jobs, &c->job);
}

static const char *sender_word(const struct receive *r, char word[LOG_WORD_MAX + 1])
{
	return log_word(word, slice_str(smtp_server_sender(r->session)->text));
}

/* The mail cannot be stored: what comes of it is passed over from now on, and its memory goes at once. */
static void give_up(struct receive *r)
{
	char sender[LOG_WORD_MAX + 1];
	log_warning("mail from <%s>, peer %s, is refused for now: %s", sender_word(r, sender), r->peer,
	            r->mail.trouble.text);
	release_draft(r);
}

static void out_of_memory(struct transaction *mail)
{
	fault_set(&mail->trouble, FAULT_TEMPORARY, "out of memory");
}

static void to_draft(void *owner, const char *octets, size_t n)
{
	struct transaction *mail = owner;
	if (mail->trouble.kind == FAULT_NONE && !draft_write(mail->draft, octets, n))
		out_of_memory(mail);
}

static const char *protocol_of(const struct receive *r, bool utf8)
{
	const struct session *s = r->session;
	bool tls = s->tls != NULL, authenticated = smtp_server_authenticated(s);
	if (r->lmtp)
		return trace_protocol_lmtp(tls, authenticated, utf8);
	return trace_protocol(smtp_server_extended(s), tls, authenticated, utf8);
}

/* Return-Path and Received on top of the mail (RFC 5321 section 4.4). */
static void stamp_head(struct receive *r)
{
	struct transaction *mail = &r->mail;
	const struct session *s = r->session;
	bool utf8 = smtp_server_utf8(s);
	char head[TRACE_HEAD_MAX];
	const struct trace_facts facts = {
		.sender = slice_str(smtp_server_sender(s)->text),
		.client = slice_str(smtp_server_client_name(s)),
		.peer = r->peer,
		.domain = r->site->smtp.domain,
		.protocol = protocol_of(r, utf8),
		.id = mail->id,
		.tls_version = s->tls ? s->tls->version : NULL,
		.tls_cipher = s->tls ? s->tls->cipher : NULL,
		/* One of several recipients must not learn of the others (section 7.2). */
		.recipient =
		        slice_str(mail->recipients.taken == 1 && mail->recipients.only ? mail->recipients.only : ""),
		.utf8 = utf8,
		.when = clock_wall(),
	};
	size_t len = trace_head(&facts, head);
	trace_stamper_init_head(&mail->stamper, slice_make(head, len), to_draft, mail);
}

static enum reply_id receive_data_begin(void *host)
{
	struct receive *r = host;
	struct transaction *mail = &r->mail;
	assert(mail->recipients.count > 0 && !mail->draft);
	mail->draft = r->site->store->ops->draft(r->site->store);
	if (!mail->draft)
		return REPLY_TRY_LATER;
	mail_id_next(mail->id);
	inspection_begin(&mail->inspection, !r->site->course->standard);
	if (r->site->course->standard)
		stamp_head(r);
	else
		trace_stamper_init(&mail->stamper, clock_wall(), to_draft, mail);
	return REPLY_DATA_START;
}

static void spill(struct job *job)
{
	struct transaction *mail = &of_job(job)->mail;
	draft_spill(mail->draft, &mail->trouble);
}

static void spilled(struct job *job)
{
	struct receive *r = of_job(job);
	if (r->mail.trouble.kind != FAULT_NONE)
		give_up(r);
	smtp_server_continue(r->session);
}

static bool receive_data(void *host, const char *octets, size_t n)
{
	struct receive *r = host;
	struct transaction *mail = &r->mail;
	if (!mail->draft)
		return true;
	inspection_push(&mail->inspection, octets, n);
	if (!trace_stamper_push(&mail->stamper, octets, n) || mail->inspection.out_of_memory)
		out_of_memory(mail);
	if (mail->trouble.kind != FAULT_NONE) {
		give_up(r);
		return true;
	}
	if (!draft_full(mail->draft))
		return true;
	run_job(r, r->site->jobs, spill, spilled);
	return false;
}

/* ---- its end ---- */

/* Who sends it: the session forgets a login at STARTTLS, and so it does not count. */
static const char *user_of(const struct receive *r)
{
	return r->user && smtp_server_authenticated(r->session) ? r->user : "-";
}

/* Ends the transaction: nothing of it is touched after this. */
static void answer_end(struct receive *r, enum reply_id reply, const char *outcome)
{
	struct transaction *mail = &r->mail;
	uint64_t number = reply == REPLY_SUBJECT_TOO_LONG ? r->site->course->subject_stored : 0;
	char sender[LOG_WORD_MAX + 1];
	mail->verdict = reply;
	meters_count(r->site->meters, reply == REPLY_ACCEPTED ? METER_MAILS : METER_REFUSED_MAILS, 1);
	if (reply == REPLY_ACCEPTED)
		meters_count(r->site->meters, METER_OCTETS, draft_octets(mail->draft));
	log_info("mail from=<%s> recipients=%zu octets=%" PRIu64 " peer=%s user=%s id=%s outcome=%s",
	         sender_word(r, sender), mail->recipients.count, mail->draft ? draft_octets(mail->draft) : 0, r->peer,
	         user_of(r), mail->id, outcome);
	smtp_server_answer(r->session, reply, number);
}

static enum reply_id reply_of(enum fault_kind kind)
{
	if (kind == FAULT_NONE)
		return REPLY_ACCEPTED;
	return kind == FAULT_FULL ? REPLY_STORAGE_FULL : kind == FAULT_QUOTA ? REPLY_MAILBOX_FULL : REPLY_TRY_LATER;
}

static void answer_fault(struct receive *r, enum fault_kind kind)
{
	enum reply_id reply = reply_of(kind);
	answer_end(r, reply,
	           reply == REPLY_STORAGE_FULL   ? "storage-full"
	           : reply == REPLY_MAILBOX_FULL ? "mailbox-full"
	                                         : "try-later");
}

/* The fault that is told of several: the one that says most. */
static enum fault_kind worse(enum fault_kind a, enum fault_kind b)
{
	static const enum fault_kind order[] = { FAULT_QUOTA, FAULT_FULL, FAULT_TEMPORARY };
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
		if (a == order[i] || b == order[i])
			return order[i];
	}
	return FAULT_TEMPORARY;
}

/* (In LMTP.) An alias has it only if all behind it have. */
static enum reply_id receive_outcome(void *host, size_t i)
{
	const struct receive *r = host;
	const struct transaction *mail = &r->mail;
	enum fault_kind worst = FAULT_NONE;
	size_t count;
	const uint16_t *users = recipients_behind(&mail->recipients, i, &count);
	if (!mail->copies)
		return mail->verdict;
	for (size_t u = 0; u < count; u++) {
		const struct delivery *d = &mail->copies[users[u]].delivery;
		if (!d->stored)
			worst = worse(worst, d->why.kind);
	}
	return reply_of(worst);
}

/* The web inbox is told of a copy that is on disk. */
static void tell_delivery(struct receive *r, const struct delivery *d)
{
	struct watched *heard = smtp_server_heard(r->session);
	if (!heard)
		return;
	const struct watch_delivery told = {
		.mailbox = d->user,
		.hash = draft_hash(r->mail.draft),
		.octets = draft_octets(r->mail.draft),
		.login = r->user && smtp_server_authenticated(r->session) ? r->user : "",
		.sender = smtp_server_sender(r->session)->text,
	};
	watch_delivered(heard, &told);
}

/* All deliveries are back. Whoever has the mail keeps it, even where another's failed: a sender that tries again may double a mail, and
 * loses none. */
static void answer_deliveries(struct receive *r)
{
	struct transaction *mail = &r->mail;
	char sender[LOG_WORD_MAX + 1];
	enum fault_kind worst = FAULT_NONE;
	for (size_t i = 0; i < mail->recipients.count; i++) {
		const struct delivery *d = &mail->copies[i].delivery;
		if (d->stored) {
			tell_delivery(r, d);
			continue;
		}
		log_error("mail %s from <%s> to %s is not stored: %s", mail->id, sender_word(r, sender), d->user,
		          d->why.text);
		worst = worse(worst, d->why.kind);
	}
	if (worst == FAULT_NONE)
		answer_end(r, REPLY_ACCEPTED, "stored");
	else
		answer_fault(r, worst);
}

static void delivered(struct delivery *last)
{
	answer_deliveries(((struct copy *)((char *)last - offsetof(struct copy, delivery)))->owner);
}

static void hand_in(struct receive *r, size_t i)
{
	struct copy *c = &r->mail.copies[i];
	c->owner = r;
	c->delivery.draft = r->mail.draft;
	c->delivery.home = r->loop;
	c->delivery.done = delivered;
	c->delivery.under_way = &r->mail.under_way;
	memcpy(c->delivery.user, r->mail.recipients.users[i], sizeof c->delivery.user);
	delivery_hand_in(r->site->desk, &c->delivery);
}

static void deliver(struct receive *r)
{
	struct transaction *mail = &r->mail;
	size_t count = mail->recipients.count;
	mail->copies = calloc(count, sizeof *mail->copies);
	if (!mail->copies) {
		out_of_memory(mail);
		give_up(r);
		answer_fault(r, mail->trouble.kind);
		return;
	}
	/* The last one may be over inside of its handing in. */
	atomic_init(&mail->under_way, count);
	for (size_t i = 0; i < count; i++)
		hand_in(r, i);
}

static void finish(struct job *job)
{
	struct transaction *mail = &of_job(job)->mail;
	if (!trace_stamper_finish(&mail->stamper) || mail->inspection.out_of_memory)
		out_of_memory(mail);
	inspection_judge(&mail->inspection);
	if (mail->trouble.kind == FAULT_NONE)
		draft_finish(mail->draft, &mail->trouble);
}

static void finished(struct job *job)
{
	struct receive *r = of_job(job);
	struct transaction *mail = &r->mail;
	const struct course *course = r->site->course;
	if (mail->trouble.kind != FAULT_NONE) {
		give_up(r);
		answer_fault(r, mail->trouble.kind);
	} else if (mail->inspection.received > RECEIVED_MAX) { /* RFC 5321 section 6.3 */
		answer_end(r, REPLY_LOOP, "loop");
	} else if (!course->standard && mail->inspection.subject_characters > course->subject_stored) {
		answer_end(r, REPLY_SUBJECT_TOO_LONG, "subject-too-long");
	} else if (!mail_fails(r)) {
		deliver(r);
	}
}

static void receive_data_end(void *host)
{
	struct receive *r = host;
	struct transaction *mail = &r->mail;
	if (!mail->draft) {
		answer_fault(r, mail->trouble.kind);
		return;
	}
	inspection_finish(&mail->inspection);
	bool may_block = draft_in_file(mail->draft) || inspection_blocks(&mail->inspection);
	run_job(r, may_block ? r->site->jobs : NULL, finish, finished);
}

/* ---- a login ---- */

static void login_answered(void *owner, const struct login_answer *answer)
{
	static const enum reply_id replies[] = {
		[LOGIN_OK] = REPLY_AUTH_OK,
		[LOGIN_CHALLENGE] = REPLY_AUTH_CHALLENGE,
		[LOGIN_WRONG] = REPLY_AUTH_WRONG,
		[LOGIN_MALFORMED] = REPLY_AUTH_MALFORMED,
		[LOGIN_NO_MECHANISM] = REPLY_AUTH_MECHANISM,
		[LOGIN_NEEDS_TLS] = REPLY_AUTH_NEEDS_TLS,
		[LOGIN_FAULT] = REPLY_AUTH_LATER,
	};
	struct receive *r = owner;
	if (answer->result == LOGIN_OK) {
		free(r->user);
		r->user = strdup(answer->user); /* for the log: without memory for it, the mail goes on */
		watch_logged_in(smtp_server_heard(r->session), answer->user);
	}
	smtp_server_auth(r->session, replies[answer->result], answer->challenge);
}

static struct login_party party_of(struct receive *r)
{
	return (struct login_party){
		.site = r->site,
		.loop = r->loop,
		.session = r->session,
		.peer = r->peer,
		.answered = login_answered,
		.owner = r,
	};
}

static void refresh_users(struct job *job)
{
	site_refresh_users(of_job(job)->site);
}

static void users_are_fresh(struct job *job)
{
	smtp_server_continue(of_job(job)->session);
}

static void receive_refresh(void *host)
{
	struct receive *r = host;
	if (users_changed(r->site->users))
		run_job(r, r->site->jobs, refresh_users, users_are_fresh);
	else
		smtp_server_continue(r->session);
}

static void receive_mechanisms(void *host, char list[SMTP_MECHANISMS_MAX])
{
	const struct login_party party = party_of(host);
	login_mechanisms(&party, list);
}

static void receive_auth(void *host, struct slice mechanism, const struct slice *initial)
{
	struct receive *r = host;
	const struct login_party party = party_of(r);
	if (!r->login)
		r->login = login_new(&party);
	if (r->login)
		login_begin(r->login, mechanism, initial);
	else
		smtp_server_auth(r->session, REPLY_AUTH_LATER, NULL);
}

static void receive_auth_step(void *host, struct slice response)
{
	struct receive *r = host;
	login_step(r->login, response);
}

static void receive_auth_cancel(void *host)
{
	struct receive *r = host;
	login_cancel(r->login);
}

/* ---- the session ---- */

static void receive_reset(void *host)
{
	struct receive *r = host;
	struct transaction *mail = &r->mail;
	assert(mail->under_way == 0);
	recipients_clear(&mail->recipients);
	free(mail->copies);
	release_draft(r);
	trace_stamper_release(&mail->stamper);
	inspection_release(&mail->inspection);
	*mail = (struct transaction){ .under_way = 0 };
}

static void receive_free(void *host)
{
	struct receive *r = host;
	receive_reset(r);
	login_free(r->login);
	free(r->user);
	free(r);
}

static const struct smtp_host_ops receive_ops = {
	.recipient = receive_recipient,
	.refresh = receive_refresh,
	.mechanisms = receive_mechanisms,
	.auth = receive_auth,
	.auth_step = receive_auth_step,
	.auth_cancel = receive_auth_cancel,
	.data_begin = receive_data_begin,
	.data = receive_data,
	.data_end = receive_data_end,
	.outcome = receive_outcome,
	.reset = receive_reset,
	.free = receive_free,
};

static struct session *new_session(struct site *site, struct loop *loop, const struct peer *peer,
                                   const struct smtp_config *config)
{
	struct receive *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->site = site;
	r->loop = loop;
	r->fd = peer->fd;
	r->lmtp = config->lmtp;
	snprintf(r->peer, sizeof r->peer, "%s", peer->address);
	struct session *s = smtp_server_new(config, &receive_ops, r);
	if (s) { /* else the host is gone as well */
		r->session = s;
		watch_opened(smtp_server_heard(s), config->lmtp ? "lmtp" : "smtp", peer->address);
	}
	return s;
}

struct session *receive_session_new(struct site *site, struct loop *loop, const struct peer *peer)
{
	return new_session(site, loop, peer, &site->smtp);
}

struct session *receive_lmtp_session_new(struct site *site, struct loop *loop, const struct peer *peer)
{
	return new_session(site, loop, peer, network_is_loopback(peer->address) ? &site->lmtp : &site->lmtp_remote);
}
