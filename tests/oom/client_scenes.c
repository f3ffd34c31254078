/*
 * What the client does while memory or descriptors lack: it sends a mail and reads the mailbox of servers that lack nothing, and shows a MIME mail. Before, as
 * OpenSSL's first use of an algorithm is all or nothing, and afterwards it does the same strictly.
 */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/inbox.h"
#include "client/mime_view.h"
#include "client/smtp_link.h"

static struct account account_of(struct stage *s)
{
	return (struct account){
		.server = "127.0.0.1",
		.smtp_port = s->ports[0],
		.pop3_port = s->ports[1],
		.name = slice_str("alice"),
		.password = slice_str("secret"),
		.trust.ca_file = s->tls->cert,
	};
}

static void begin(struct stage *s)
{
	scarcity_begin(&s->scarcity);
	run->sessions++;
}

static void end(struct stage *s)
{
	run->asked = scarcity_end();
	run->struck = scarcity_struck();
	s->strict = true;
	run->sessions++;
}

/* ---- sending ---- */

static enum smtp_client_outcome send_mail(struct stage *s, struct stage_mail *m, const char *text)
{
	static const char to[] = "alice@example.org";
	const struct slice recipients[] = { slice_str(to) };
	const struct smtp_client_mail mail = {
		.from = slice_str("bob@example.org"), .to = recipients, .to_count = 1, .text = slice_str(text)
	};
	struct account account = account_of(s);
	struct smtp_link link;
	smtp_link_init(&link, &account);
	enum smtp_client_outcome outcome = SMTP_CLIENT_UNKNOWN;
	if (smtp_link_open(&link)) {
		smtp_link_send(&link, &mail);
		outcome = link.client.outcome;
		smtp_link_close(&link);
	}
	if (s->strict && outcome != SMTP_CLIENT_DONE)
		run_failed("the client does not send, with nothing lacking any more: %s", link.why.text);
	smtp_link_release(&link);
	account_release(&account);
	m->least = outcome == SMTP_CLIENT_DONE;
	m->most = outcome == SMTP_CLIENT_DONE || outcome == SMTP_CLIENT_UNKNOWN;
	return outcome;
}

static char *mail_text(const struct stage_mail *m)
{
	char *text = stage_text(m, 500), *to = text;
	for (const char *from = text; *from; from++) {
		if (*from != '\r')
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

static void play_sending(struct stage *s)
{
	stage_empty(s);
	for (int round = 0; round < 3; round++) {
		struct stage_mail *m = stage_mail_new(s, true, false);
		char *text = mail_text(m);
		s->strict = round != 1;
		if (round == 1)
			begin(s);
		enum smtp_client_outcome outcome = send_mail(s, m, text);
		if (round == 1)
			end(s);
		run->later += outcome == SMTP_CLIENT_REFUSED;
		run->closed += outcome == SMTP_CLIENT_UNKNOWN;
		free(text);
	}
	stage_check_mailboxes(s);
}

/* ---- reading ---- */

static void take_text(void *owner, const char *octets, size_t n)
{
	struct buf *text = owner;
	if (!buf_append(text, octets, n))
		buf_release(text);
}

static size_t find(const struct inbox *inbox, const char *mark)
{
	for (size_t i = 0; i < inbox->count; i++) {
		if (inbox->mails[i].subject && strcmp(inbox->mails[i].subject, mark) == 0)
			return i;
	}
	return inbox->count;
}

static void read_mail(struct stage *s, struct stage_mail *m)
{
	struct account account = account_of(s);
	struct buf text;
	const struct pop3_client_sink sink = { .text = take_text, .owner = &text };
	struct inbox inbox;
	buf_init(&text, 1024 * 1024);
	inbox_init(&inbox, &account);
	bool there = inbox_open(&inbox) == INBOX_OK;
	size_t i = there ? find(&inbox, m->mark) : 0;
	if (there && i < inbox.count && inbox_read(&inbox, i, &sink) == INBOX_OK) {
		m->least = 0;
		enum inbox_result deleted = inbox_delete(&inbox, i);
		m->most = deleted != INBOX_OK;
		m->least = deleted == INBOX_REFUSED;
	}
	if (s->strict && m->most > 0)
		run_failed("the client does not read and delete, with nothing lacking any more");
	run->closed += m->most > 0;
	inbox_release(&inbox);
	account_release(&account);
	buf_release(&text);
}

static void play_reading(struct stage *s)
{
	stage_empty(s);
	struct stage_mail *first = stage_deliver(s, 2000), *second = stage_deliver(s, 2000),
	                  *third = stage_deliver(s, 2000);
	s->strict = true;
	read_mail(s, third);
	s->strict = false;
	begin(s);
	read_mail(s, first);
	end(s);
	stage_check_mailboxes(s);
	read_mail(s, second);
	if (first->least == 1)
		read_mail(s, first);
	stage_check_mailboxes(s);
}

/* ---- showing ---- */

static const char mime_mail[] =
        "From: =?UTF-8?Q?J=C3=B6rg?= <j@example.org>\nSubject: =?ISO-8859-1?Q?Gr=FC=DFe?=\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\nprologue\n--b\nContent-Type: text/plain; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: quoted-printable\n\nSch=F6ne Gr=FC=DFe\n--b\nContent-Type: text/html\n\n"
        "<p>Hello <b>you</b></p>\n--b\nContent-Type: image/png; name*=utf-8''%e2%82%ac.png\n"
        "Content-Transfer-Encoding: base64\nContent-Disposition: attachment\n\niVBORw0KGgo=\n--b--\n";

static bool show(struct buf *text)
{
	struct mime_view v;
	mime_view_init(&v);
	bool made = mime_view_make(&v, slice_str(mime_mail));
	if (made && text)
		buf_append_slice(text, buf_slice(&v.text));
	mime_view_release(&v);
	return made;
}

/* The whole view, or none: then the mail is shown as it is. */
static void play_showing(struct stage *s)
{
	struct mime_view v;
	struct buf whole;
	buf_init(&whole, 64 * 1024);
	if (!show(&whole))
		run_failed("the mail has no view");
	begin(s);
	mime_view_init(&v);
	bool made = mime_view_make(&v, slice_str(mime_mail));
	run->asked = scarcity_end();
	if (made && !slice_equal(buf_slice(&v.text), buf_slice(&whole)))
		run_failed("a part of the view is missing: %.*s", SLICE_FMT(buf_slice(&v.text)));
	run->later += !made;
	mime_view_release(&v);
	end(s);
	if (!show(NULL))
		run_failed("the mail has no view any more");
	buf_release(&whole);
}

const struct scene stage_client_scenes[] = {
	{ .name = "the client sends", .play = play_sending, .client = true },
	{ .name = "the client reads", .play = play_reading, .client = true },
	{ .name = "the client shows MIME", .play = play_showing, .client = true },
};
const size_t stage_client_scenes_count = sizeof stage_client_scenes / sizeof stage_client_scenes[0];
