/*
 * receive: one SMTP session's host. See receive.h.
 *
 * The text of a mail passes the stamper and goes into a draft; when it is complete there is one delivery for each recipient, and the answer when the
 * last of them is back. Whatever goes wrong on the way is remembered and answered at the end of DATA, so that the dialogue stays in step.
 */
#include "server/receive.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/trace.h"
#include "net/jobs.h"
#include "server/subject.h"

struct recipient {
	struct delivery delivery;
	struct receive *owner;
};

/* From MAIL to the answer at the end of DATA. */
struct transaction {
	struct recipient *recipients; /* at most SMTP_RECIPIENTS_MAX */
	size_t count;
	size_t room;
	struct draft *draft; /* NULL before DATA, and once the mail is given up */
	struct trace_stamper stamper;
	struct subject subject;
	size_t subject_characters;
	struct fault trouble; /* why the mail cannot be stored; FAULT_NONE: nothing */
	size_t under_way;     /* deliveries that are not back */
};

struct receive {
	struct site *site;
	struct loop *loop;
	struct session *session;
	char peer[PEER_ADDRESS_MAX + 1];
	struct job job;                 /* one at a time: the session waits for it */
	char asked[USERS_NAME_MAX + 1]; /* the recipient in question */
	size_t asked_len;
	struct transaction mail;
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

static bool is_known(const struct transaction *mail, const char *user)
{
	for (size_t i = 0; i < mail->count; i++) {
		if (strcmp(mail->recipients[i].delivery.user, user) == 0)
			return true;
	}
	return false;
}

/* Room for one more. */
static bool make_room(struct transaction *mail)
{
	if (mail->count < mail->room)
		return true;
	size_t room = mail->room > 0 ? 2 * mail->room : 1;
	struct recipient *more = realloc(mail->recipients, room * sizeof *more);
	if (!more)
		return false;
	mail->recipients = more;
	mail->room = room;
	return true;
}

/* Somebody named twice gets one copy. */
static enum reply_id add_recipient(struct receive *r, const char *user)
{
	struct transaction *mail = &r->mail;
	if (is_known(mail, user))
		return REPLY_RECIPIENT_OK;
	if (mail->count == SMTP_RECIPIENTS_MAX)
		return REPLY_TOO_MANY_RECIPIENTS;
	if (!make_room(mail))
		return REPLY_TRY_LATER;
	struct recipient *added = &mail->recipients[mail->count++];
	*added = (struct recipient){ .owner = r };
	memcpy(added->delivery.user, user, strlen(user) + 1);
	return REPLY_RECIPIENT_OK;
}

static void answer_recipient(struct job *job)
{
	struct receive *r = of_job(job);
	char user[USERS_NAME_MAX + 1];
	enum reply_id reply = REPLY_NO_SUCH_USER;
	if (users_find(r->site->users, slice_make(r->asked, r->asked_len), user))
		reply = add_recipient(r, user);
	smtp_server_answer(r->session, reply, 0);
}

static void refresh_users(struct job *job)
{
	site_refresh_users(of_job(job)->site);
}

/* In a course the user's name decides, and the domain is not looked at. */
static void receive_recipient(void *host, const struct address *recipient)
{
	struct receive *r = host;
	if (recipient->local_len > USERS_NAME_MAX) {
		smtp_server_answer(r->session, REPLY_NO_SUCH_USER, 0);
		return;
	}
	memcpy(r->asked, recipient->local, recipient->local_len);
	r->asked_len = recipient->local_len;
	if (users_changed(r->site->users))
		run_job(r, r->site->jobs, refresh_users, answer_recipient);
	else
		answer_recipient(&r->job);
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

/* The mail cannot be stored: what comes of it is passed over from now on, and its memory goes at once. */
static void give_up(struct receive *r)
{
	log_warning("mail from <%s>, peer %s, is refused for now: %s", smtp_server_sender(r->session)->text, r->peer,
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

static enum reply_id receive_data_begin(void *host)
{
	struct receive *r = host;
	struct transaction *mail = &r->mail;
	assert(mail->count > 0 && !mail->draft);
	mail->draft = r->site->store->ops->draft(r->site->store);
	if (!mail->draft)
		return REPLY_TRY_LATER;
	trace_stamper_init(&mail->stamper, clock_wall(), to_draft, mail);
	subject_begin(&mail->subject);
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
	subject_push(&mail->subject, octets, n);
	if (!trace_stamper_push(&mail->stamper, octets, n) || mail->subject.out_of_memory)
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

/* Ends the transaction: nothing of it is touched after this. */
static void answer_end(struct receive *r, enum reply_id reply, const char *outcome)
{
	struct transaction *mail = &r->mail;
	uint64_t number = reply == REPLY_SUBJECT_TOO_LONG ? r->site->course->subject_stored : 0;
	log_info("mail from=<%s> recipients=%zu octets=%" PRIu64 " peer=%s outcome=%s",
	         smtp_server_sender(r->session)->text, mail->count, mail->draft ? draft_octets(mail->draft) : 0,
	         r->peer, outcome);
	smtp_server_answer(r->session, reply, number);
}

static void answer_fault(struct receive *r, enum fault_kind kind)
{
	if (kind == FAULT_FULL)
		answer_end(r, REPLY_STORAGE_FULL, "storage-full");
	else
		answer_end(r, REPLY_TRY_LATER, "try-later");
}

/* All deliveries are back. Whoever has the mail keeps it, even where another's failed: a sender that tries again may double a mail, and
 * loses none. */
static void answer_deliveries(struct receive *r)
{
	struct transaction *mail = &r->mail;
	enum fault_kind worst = FAULT_NONE;
	for (size_t i = 0; i < mail->count; i++) {
		const struct delivery *d = &mail->recipients[i].delivery;
		if (d->stored)
			continue;
		log_error("mail from <%s> to %s is not stored: %s", smtp_server_sender(r->session)->text, d->user,
		          d->why.text);
		if (worst != FAULT_FULL)
			worst = d->why.kind == FAULT_FULL ? FAULT_FULL : FAULT_TEMPORARY;
	}
	if (worst == FAULT_NONE)
		answer_end(r, REPLY_ACCEPTED, "stored");
	else
		answer_fault(r, worst);
}

static void one_is_back(struct receive *r)
{
	if (--r->mail.under_way == 0)
		answer_deliveries(r);
}

static void delivered(struct delivery *d)
{
	one_is_back(((struct recipient *)((char *)d - offsetof(struct recipient, delivery)))->owner);
}

static void deliver(struct receive *r)
{
	struct transaction *mail = &r->mail;
	size_t count = mail->count;
	/* One more than there are: the last delivery to come back may do so inside of its handing in. */
	mail->under_way = count + 1;
	for (size_t i = 0; i < count; i++) {
		struct delivery *d = &mail->recipients[i].delivery;
		d->draft = mail->draft;
		d->home = r->loop;
		d->done = delivered;
		delivery_hand_in(r->site->desk, d);
	}
	one_is_back(r);
}

static void finish(struct job *job)
{
	struct transaction *mail = &of_job(job)->mail;
	if (!trace_stamper_finish(&mail->stamper) || mail->subject.out_of_memory)
		out_of_memory(mail);
	mail->subject_characters = subject_characters(&mail->subject);
	if (mail->trouble.kind == FAULT_NONE)
		draft_finish(mail->draft, &mail->trouble);
}

static void finished(struct job *job)
{
	struct receive *r = of_job(job);
	struct transaction *mail = &r->mail;
	if (mail->trouble.kind != FAULT_NONE) {
		give_up(r);
		answer_fault(r, mail->trouble.kind);
	} else if (mail->subject_characters > r->site->course->subject_stored) {
		answer_end(r, REPLY_SUBJECT_TOO_LONG, "subject-too-long");
	} else {
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
	subject_finish(&mail->subject);
	bool may_block = draft_in_file(mail->draft) || subject_blocks(&mail->subject);
	run_job(r, may_block ? r->site->jobs : NULL, finish, finished);
}

/* ---- the session ---- */

static void receive_reset(void *host)
{
	struct receive *r = host;
	struct transaction *mail = &r->mail;
	assert(mail->under_way == 0);
	free(mail->recipients);
	release_draft(r);
	trace_stamper_release(&mail->stamper);
	subject_release(&mail->subject);
	*mail = (struct transaction){ .count = 0 };
}

static void receive_free(void *host)
{
	receive_reset(host);
	free(host);
}

static const struct smtp_host_ops receive_ops = {
	.recipient = receive_recipient,
	.data_begin = receive_data_begin,
	.data = receive_data,
	.data_end = receive_data_end,
	.reset = receive_reset,
	.free = receive_free,
};

struct session *receive_session_new(struct site *site, struct loop *loop, const struct peer *peer)
{
	struct receive *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->site = site;
	r->loop = loop;
	snprintf(r->peer, sizeof r->peer, "%s", peer->address);
	struct session *s = smtp_server_new(&site->smtp, &receive_ops, r);
	if (s) /* else the host is gone as well */
		r->session = s;
	return s;
}
