/*
 * smtpload: sends mail to an SMTP or LMTP server over many connections, as fast as it is taken, and prints one line of JSON.
 *
 * Like Postfix's smtp-source it waits for each reply before it says the next command; --pipeline says an envelope in one go
 * (RFC 2920). Mail number k goes to the users k*R .. k*R+R-1 (modulo --users), where R is --recipients, and carries its number
 * in its Message-ID: so whoever looks into the mailboxes can tell whether each that was acknowledged is there, once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "tally.h"

enum { IN_SIZE = 8192, LINE = 78, OPENING_MAX = 4, ROUND = 250 /* ms */ };
#define GREETING_PATIENCE 1  /* seconds; then the connection is made again */
#define PATIENCE          90 /* seconds without a mail that is taken */

struct letters {
	uint64_t mails;          /* 0: until the time is over */
	uint64_t per_connection; /* 0: all */
	size_t size;             /* octets of a mail's body */
	size_t recipients;
	bool lmtp, pipeline;
	const char *domain;
};

enum phase { GREETING, HELLO, ENVELOPE, TEXT, QUIT };

struct run {
	struct plan plan;
	struct letters letters;
	struct loop loop;
	char *body; /* the body and the full stop */
	size_t body_size;
	uint64_t begun, taken, sessions, again;
	struct sender *senders;
	size_t started, opening;
	double begin, end;
	struct tally mail, session;
};

struct sender {
	struct link link; /* first: links are senders */
	struct run *run;
	enum phase phase;
	size_t said, heard; /* of the envelope's commands; of the replies to the text */
	uint64_t number;    /* of the mail under way */
	uint64_t left;      /* mails on this connection */
	double opened, begun;
};

static bool over(const struct run *r)
{
	if (r->letters.mails > 0)
		return r->begun == r->letters.mails;
	return now() - r->begin >= r->plan.seconds;
}

/* MAIL, the recipients, DATA. */
static void say_next(struct sender *s)
{
	const struct letters *l = &s->run->letters;
	size_t step = s->said++;
	if (step == 0)
		link_say(&s->link, "MAIL FROM:<sender@load.test>\r\n");
	else if (step <= l->recipients)
		link_say(&s->link, "RCPT TO:<u%zu@%s>\r\n",
		         (size_t)((s->number * l->recipients + step - 1) % s->run->plan.users), l->domain);
	else
		link_say(&s->link, "DATA\r\n");
}

static void say_text(struct sender *s)
{
	const struct run *r = s->run;
	link_say(&s->link,
	         "From: <sender@load.test>\r\nTo: <recipient@%s>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
	         "Message-ID: <%ju.mark@load.test>\r\n\r\n",
	         r->letters.domain, (uintmax_t)s->number);
	link_body(&s->link, r->body, r->body_size);
	s->phase = TEXT;
	s->heard = 0;
}

static void begin_mail(struct sender *s)
{
	struct run *r = s->run;
	if (s->left == 0 || over(r)) {
		s->phase = QUIT;
		link_say(&s->link, "QUIT\r\n");
		return;
	}
	s->left--;
	s->number = r->begun++;
	s->phase = ENVELOPE;
	s->said = s->heard = 0;
	s->begun = now();
	do
		say_next(s);
	while (r->letters.pipeline && s->said < r->letters.recipients + 2);
}

static void open_session(struct sender *s)
{
	s->phase = GREETING;
	s->left = s->run->letters.per_connection ? s->run->letters.per_connection : UINT64_MAX;
	s->opened = now();
	s->run->opening++;
	link_open(&s->link);
}

static void end_session(struct sender *s)
{
	tally_add(&s->run->session, now() - s->opened);
	s->run->sessions++;
	link_close(&s->link);
	if (!over(s->run))
		open_session(s);
}

static void on_envelope(struct sender *s)
{
	size_t commands = s->run->letters.recipients + 2;
	if (++s->heard == commands)
		say_text(s);
	else if (s->said < commands)
		say_next(s);
}

static void on_taken(struct sender *s)
{
	struct run *r = s->run;
	if (++s->heard < (r->letters.lmtp ? r->letters.recipients : 1))
		return;
	r->taken++;
	r->end = now();
	tally_add(&r->mail, r->end - s->begun);
	begin_mail(s);
}

static void on_reply(struct sender *s)
{
	switch (s->phase) {
	case GREETING:
		s->phase = HELLO;
		s->run->opening--;
		link_say(&s->link, "%s load.test\r\n", s->run->letters.lmtp ? "LHLO" : "EHLO");
		break;
	case HELLO:
		begin_mail(s);
		break;
	case ENVELOPE:
		on_envelope(s);
		break;
	case TEXT:
		on_taken(s);
		break;
	case QUIT:
		end_session(s);
		break;
	}
}

static char expected(const struct sender *s)
{
	return s->phase == ENVELOPE && s->heard == s->run->letters.recipients + 1 ? '3' : '2';
}

static void on_input(struct link *l)
{
	struct sender *s = (struct sender *)l;
	unsigned session = l->opened;
	char *line;
	while (l->fd >= 0 && l->opened == session && (line = link_line(l))) {
		if (line[0] != expected(s))
			die("mail %ju: the server said: %s", (uintmax_t)s->number, line);
		if (strlen(line) < 4 || line[3] != '-')
			on_reply(s);
	}
	if (l->fd >= 0 && l->opened == session)
		link_flush(l);
}

/* Where a listener's queue is full, a connection is there for the client alone, and the server forgets it. */
static void try_again(struct run *r)
{
	double late = now() - GREETING_PATIENCE;
	for (size_t i = 0; i < r->started; i++) {
		struct sender *s = &r->senders[i];
		if (s->link.fd < 0 || s->phase != GREETING || s->opened > late)
			continue;
		link_close(&s->link);
		r->again++;
		r->opening--;
		open_session(s);
	}
}

/* Few at a time: some servers have a queue of five. */
static void start_more(struct run *r)
{
	while (r->started < r->plan.connections && r->opening < OPENING_MAX && !over(r)) {
		struct sender *s = &r->senders[r->started++];
		s->run = r;
		link_init(&s->link, &r->loop, IN_SIZE, on_input);
		open_session(s);
	}
}

static void run(struct run *r)
{
	uint64_t taken = 0;
	double checked = r->begin, moved = r->begin;
	for (start_more(r); r->loop.open > 0; start_more(r)) {
		loop_once(&r->loop, ROUND);
		double at = now();
		if (at - checked < ROUND * 1e-3)
			continue;
		checked = at;
		moved = taken < r->taken ? at : moved;
		taken = r->taken;
		if (at - moved > PATIENCE)
			die("no mail was taken for %d seconds", PATIENCE);
		try_again(r);
	}
}

static void make_body(struct run *r)
{
	r->body = must_alloc(r->letters.size + 8);
	for (size_t i = 0; i < r->letters.size; i++)
		r->body[i] = "Xx"[i % 2];
	for (size_t i = LINE; i < r->letters.size; i += LINE + 2)
		memcpy(r->body + i - 2, "\r\n", 2);
	memcpy(r->body + r->letters.size - 2, "\r\n", 2);
	memcpy(r->body + r->letters.size, ".\r\n", 3);
	r->body_size = r->letters.size + 3;
}

static void report(const struct run *r)
{
	double seconds = r->end - r->begin;
	printf("{");
	tally_print_rate("mails", r->taken, seconds);
	printf(", \"sessions\": %ju, \"again\": %ju, ", (uintmax_t)r->sessions, (uintmax_t)r->again);
	loop_print(&r->loop);
	printf(", ");
	tally_print_cpu();
	printf(", ");
	tally_print(&r->mail, "mail_ms");
	printf(", ");
	tally_print(&r->session, "session_ms");
	printf("}\n");
}

static const char usage[] =
        "usage: smtpload --port N [--address 127.0.0.1] [--connections 1] [--mails N | --seconds S] [--per-connection "
        "N]\n"
        "                [--size OCTETS] [--recipients 1] [--users 1] [--domain load.test] [--lmtp] [--pipeline]\n"
        "                [--tls [--resume]]";

static void parse(struct run *r, int argc, char **argv)
{
	struct letters *l = &r->letters;
	const struct option_row own[] = {
		{ "mails", OPTION_NUMBER, &l->mails },     { "per-connection", OPTION_NUMBER, &l->per_connection },
		{ "size", OPTION_SIZE, &l->size },         { "recipients", OPTION_SIZE, &l->recipients },
		{ "domain", OPTION_TEXT, &l->domain },     { "lmtp", OPTION_FLAG, &l->lmtp },
		{ "pipeline", OPTION_FLAG, &l->pipeline }, { NULL, OPTION_FLAG, NULL },
	};
	r->plan = PLAN_DEFAULT;
	*l = (struct letters){ .size = 1024, .recipients = 1, .domain = "load.test" };
	options_take(argc, argv, &r->plan, own, usage);
	if (l->recipients == 0 || l->size < 2)
		die("%s", usage);
}

int main(int argc, char **argv)
{
	static struct run r;
	parse(&r, argc, argv);
	make_body(&r);
	loop_init(&r.loop, &r.plan);
	r.begin = now();
	r.senders = must_alloc(r.plan.connections * sizeof *r.senders);
	run(&r);
	report(&r);
	return 0;
}
