/*
 * member: one registered client's host. See member.h.
 *
 * Its address is its descriptor's number at the server's domain, from registration to the connection's end. Who leaves between RCPT and the end of
 * DATA gets nothing, and neither does the next one with that number: the registry tells them apart.
 */
#include "server/member.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/jobs.h"
#include "server/inspection.h"

enum {
	ADDRESS_MAX = 12 + OPTIONS_DOMAIN_MAX, /* "5@lab" */
	MAIL_HEAD_MAX = 2 * ADDRESS_MAX + 120, /* what stands before a mail that is retrieved */
};

/* From MAIL to the answer at the end of DATA. */
struct outgoing {
	struct registry_recipient *recipients; /* at most SMTP_RECIPIENTS_MAX */
	size_t count;
	size_t room;
	struct registry_draft draft;
	struct inspection inspection;
	enum reply_id trouble; /* why the mail cannot be taken; 0: nothing (no mail is answered with a greeting) */
};

/* Where the answer to RETRIEVE is. */
struct retrieval {
	const struct registry_entry *entry; /* the mail under way */
	size_t count;                       /* mails of this answer */
	size_t left;                        /* … that are not given out yet, the one under way included */
	size_t offset;                      /* in its text */
	bool headed;                        /* its head was given out */
	char head[MAIL_HEAD_MAX];
};

struct member {
	struct site *site;
	struct loop *loop;
	struct session *session;
	int number;
	char peer[PEER_ADDRESS_MAX + 1];
	struct registry_client *client; /* NULL before registration */
	char address[ADDRESS_MAX + 1];
	struct job job; /* one at a time: the session waits for it */
	struct outgoing mail;
	struct retrieval retrieval;
};

static struct member *of_job(struct job *job)
{
	return (struct member *)((char *)job - offsetof(struct member, job));
}

/* ---- registration ---- */

static void write_address(char out[ADDRESS_MAX + 1], const struct member *m, int number)
{
	snprintf(out, ADDRESS_MAX + 1, "%d@%s", number, m->site->domain);
}

static const char *member_enroll(void *host)
{
	struct member *m = host;
	if (m->client)
		return m->address;
	m->client = registry_enter(m->site->registry, m->number);
	if (!m->client)
		return NULL;
	write_address(m->address, m, m->number);
	log_info("registered %s peer=%s", m->address, m->peer);
	return m->address;
}

static enum reply_id member_sender(void *host, const struct address *sender)
{
	struct member *m = host;
	return slice_equal_text_nocase(slice_str(sender->text), m->address) ? REPLY_SENDER_OK : REPLY_NOT_YOUR_ADDRESS;
}

/* ---- recipients ---- */

/* The number of "5@…", as this server writes it: "05" is nobody. */
static bool read_number(const struct address *a, int *number)
{
	uint64_t value;
	bool padded = a->local_len > 1 && a->local[0] == '0';
	if (padded || !slice_number(slice_make(a->local, a->local_len), INT_MAX, &value))
		return false;
	*number = (int)value;
	return true;
}

static bool is_known(const struct outgoing *mail, const struct registry_recipient *who)
{
	for (size_t i = 0; i < mail->count; i++) {
		if (mail->recipients[i].serial == who->serial)
			return true;
	}
	return false;
}

static bool make_room(struct outgoing *mail)
{
	if (mail->count < mail->room)
		return true;
	size_t room = mail->room > 0 ? 2 * mail->room : 1;
	struct registry_recipient *more = realloc(mail->recipients, room * sizeof *more);
	if (!more)
		return false;
	mail->recipients = more;
	mail->room = room;
	return true;
}

/* Somebody named twice gets one copy. */
static enum reply_id add_recipient(struct outgoing *mail, const struct registry_recipient *who)
{
	if (is_known(mail, who))
		return REPLY_RECIPIENT_OK;
	if (mail->count == SMTP_RECIPIENTS_MAX)
		return REPLY_TOO_MANY_RECIPIENTS;
	if (!make_room(mail))
		return REPLY_TRY_LATER;
	mail->recipients[mail->count++] = *who;
	return REPLY_RECIPIENT_OK;
}

static enum reply_id find_recipient(struct member *m, const struct address *a)
{
	struct registry_recipient who;
	int number;
	if (!read_number(a, &number))
		return REPLY_NO_SUCH_USER;
	switch (registry_find(m->site->registry, number, &who)) {
	case REGISTRY_NOBODY:
		return REPLY_NO_SUCH_USER;
	case REGISTRY_FULL:
		return REPLY_STORAGE_FULL;
	case REGISTRY_OK:
		break;
	}
	return add_recipient(&m->mail, &who);
}

/* The number decides, and the domain is not looked at. */
static void member_recipient(void *host, const struct address *recipient)
{
	struct member *m = host;
	smtp_server_answer(m->session, find_recipient(m, recipient), 0);
}

/* ---- the text ---- */

static enum reply_id member_data_begin(void *host)
{
	struct member *m = host;
	registry_draft_init(&m->mail.draft, m->site->registry);
	inspection_begin(&m->mail.inspection, true);
	return REPLY_DATA_START;
}

/* What comes of the mail is passed over from now on, and its memory goes at once. */
static void give_up(struct outgoing *mail, enum reply_id why)
{
	mail->trouble = why;
	registry_draft_release(&mail->draft);
}

static bool member_data(void *host, const char *octets, size_t n)
{
	struct outgoing *mail = &((struct member *)host)->mail;
	if (mail->trouble)
		return true;
	inspection_push(&mail->inspection, octets, n);
	if (mail->inspection.out_of_memory)
		give_up(mail, REPLY_TRY_LATER);
	else if (registry_draft_write(&mail->draft, octets, n) != REGISTRY_OK)
		give_up(mail, REPLY_STORAGE_FULL);
	return true;
}

static void answer_end(struct member *m, enum reply_id reply)
{
	uint64_t number = reply == REPLY_SUBJECT_TOO_LONG ? m->site->course->subject_stored : 0;
	log_info("mail from=<%s> recipients=%zu peer=%s outcome=%s", m->address, m->mail.count, m->peer,
	         m->site->course->replies[reply].key);
	smtp_server_answer(m->session, reply, number);
}

static enum reply_id deliver(struct member *m)
{
	struct outgoing *mail = &m->mail;
	switch (registry_deliver(&mail->draft, m->number, mail->recipients, mail->count)) {
	case REGISTRY_NOBODY:
		return REPLY_NO_SUCH_USER;
	case REGISTRY_FULL:
		return REPLY_STORAGE_FULL;
	case REGISTRY_OK:
		break;
	}
	return REPLY_ACCEPTED;
}

static void count_subject(struct job *job)
{
	struct outgoing *mail = &of_job(job)->mail;
	inspection_judge(&mail->inspection);
}

static void subject_counted(struct job *job)
{
	struct member *m = of_job(job);
	bool too_long = m->mail.inspection.subject_characters > m->site->course->subject_stored;
	answer_end(m, too_long ? REPLY_SUBJECT_TOO_LONG : deliver(m));
}

static void member_data_end(void *host)
{
	struct member *m = host;
	struct outgoing *mail = &m->mail;
	if (mail->trouble) {
		answer_end(m, mail->trouble);
		return;
	}
	inspection_finish(&mail->inspection);
	m->job = (struct job){ .work = count_subject, .done = subject_counted, .home = m->loop };
	jobs_run(inspection_blocks(&mail->inspection) ? m->site->jobs : NULL, &m->job);
}

static void member_reset(void *host)
{
	struct outgoing *mail = &((struct member *)host)->mail;
	free(mail->recipients);
	registry_draft_release(&mail->draft);
	inspection_release(&mail->inspection);
	*mail = (struct outgoing){ .count = 0 };
}

/* ---- fetching mail ---- */

static size_t member_retrieve(void *host)
{
	struct member *m = host;
	struct retrieval *r = &m->retrieval;
	*r = (struct retrieval){ .count = 0 };
	r->entry = registry_unread(m->client, &r->count);
	r->left = r->count;
	return r->count;
}

static struct slice head_of(struct member *m, const struct registry_mail *mail)
{
	char sender[ADDRESS_MAX + 1];
	char *head = m->retrieval.head;
	write_address(sender, m, mail->sender);
	int n = snprintf(head, MAIL_HEAD_MAX,
	                 "*****\n"
	                 "From: %s\n"
	                 "To: %s\n"
	                 "MIME-Version: 1.0\n"
	                 "Content-Type: text\n"
	                 "*****\n",
	                 sender, m->address);
	return slice_make(head, (size_t)n);
}

/* The mail under way: its head, then its text piece by piece; empty when it is over. */
static struct slice next_piece(struct member *m)
{
	struct retrieval *r = &m->retrieval;
	struct registry_mail mail = registry_mail_of(r->entry);
	if (!r->headed) {
		r->headed = true;
		return head_of(m, &mail);
	}
	struct slice piece = slice_skip(mail.text, r->offset);
	if (piece.len > SMTP_RETRIEVE_PIECE)
		piece.len = SMTP_RETRIEVE_PIECE;
	r->offset += piece.len;
	return piece;
}

static struct slice member_retrieve_next(void *host)
{
	struct member *m = host;
	struct retrieval *r = &m->retrieval;
	while (r->left > 0) {
		struct slice piece = next_piece(m);
		if (!slice_empty(piece))
			return piece;
		r->left--;
		r->entry = r->left > 0 ? registry_next(r->entry) : NULL;
		r->headed = false;
		r->offset = 0;
	}
	return slice_make("", 0);
}

static void member_retrieved(void *host)
{
	struct member *m = host;
	registry_flush(m->client, m->retrieval.count);
}

/* ---- the session ---- */

static void member_free(void *host)
{
	struct member *m = host;
	member_reset(m);
	if (m->client)
		registry_leave(m->client);
	free(m);
}

static const struct smtp_host_ops member_ops = {
	.recipient = member_recipient,
	.data_begin = member_data_begin,
	.data = member_data,
	.data_end = member_data_end,
	.reset = member_reset,
	.free = member_free,
	.enroll = member_enroll,
	.sender = member_sender,
	.retrieve = member_retrieve,
	.retrieve_next = member_retrieve_next,
	.retrieved = member_retrieved,
};

struct session *member_session_new(struct site *site, struct loop *loop, const struct peer *peer)
{
	struct member *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->site = site;
	m->loop = loop;
	m->number = peer->fd;
	snprintf(m->peer, sizeof m->peer, "%s", peer->address);
	struct session *s = smtp_server_new(&site->smtp, &member_ops, m);
	if (s) /* else the host is gone as well */
		m->session = s;
	return s;
}
