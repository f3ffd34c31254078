/*
 * smtpload: sends mail to an SMTP or LMTP server over many connections, as fast as it is taken, and prints one line of JSON.
 *
 * Like Postfix's smtp-source it waits for each reply before it says the next command; --pipeline says an envelope in one go
 * (RFC 2920). Mail number k goes to the users k*R .. k*R+R-1 (modulo --users), where R is --recipients, and carries its number
 * in its Message-ID: so whoever looks into the mailboxes can tell whether each that was acknowledged is there, once.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "tally.h"

enum { IN_SIZE = 8192, LINE = 78, OPENING_MAX = 4, ROUND = 250 /* ms */ };
#define GREETING_PATIENCE 1  /* seconds; then the connection is made again */
#define PATIENCE          90 /* seconds without a mail that is taken */

struct plan {
	char address[64];
	int port;
	size_t connections;
	uint64_t mails; /* 0: until the time is over */
	double seconds;
	uint64_t per_connection; /* 0: all */
	size_t size;             /* octets of a mail's body */
	size_t recipients;
	size_t users;
	bool lmtp, pipeline, tls, resume;
	const char *domain;
};

enum phase { GREETING, HELLO, ENVELOPE, TEXT, QUIT };

struct run {
	struct plan plan;
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
	if (r->plan.mails > 0)
		return r->begun == r->plan.mails;
	return now() - r->begin >= r->plan.seconds;
}

/* MAIL, the recipients, DATA. */
static void say_next(struct sender *s)
{
	const struct plan *p = &s->run->plan;
	size_t step = s->said++;
	if (step == 0)
		link_say(&s->link, "MAIL FROM:<sender@load.test>\r\n");
	else if (step <= p->recipients)
		link_say(&s->link, "RCPT TO:<u%zu@%s>\r\n", (size_t)((s->number * p->recipients + step - 1) % p->users),
		         p->domain);
	else
		link_say(&s->link, "DATA\r\n");
}

static void say_text(struct sender *s)
{
	const struct run *r = s->run;
	link_say(&s->link,
	         "From: <sender@load.test>\r\nTo: <recipient@%s>\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
	         "Message-ID: <%ju.mark@load.test>\r\n\r\n",
	         r->plan.domain, (uintmax_t)s->number);
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
	while (r->plan.pipeline && s->said < r->plan.recipients + 2);
}

static void open_session(struct sender *s)
{
	s->phase = GREETING;
	s->left = s->run->plan.per_connection ? s->run->plan.per_connection : UINT64_MAX;
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
	size_t commands = s->run->plan.recipients + 2;
	if (++s->heard == commands)
		say_text(s);
	else if (s->said < commands)
		say_next(s);
}

static void on_taken(struct sender *s)
{
	struct run *r = s->run;
	if (++s->heard < (r->plan.lmtp ? r->plan.recipients : 1))
		return;
	r->taken++;
	r->end = now();
	tally_add(&r->mail, r->end - s->begun);
	begin_mail(s);
}

static void on_reply(struct sender *s)
{
	const struct plan *p = &s->run->plan;
	switch (s->phase) {
	case GREETING:
		s->phase = HELLO;
		s->run->opening--;
		link_say(&s->link, "%s load.test\r\n", p->lmtp ? "LHLO" : "EHLO");
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
	return s->phase == ENVELOPE && s->heard == s->run->plan.recipients + 1 ? '3' : '2';
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
	r->body = must_alloc(r->plan.size + 8);
	for (size_t i = 0; i < r->plan.size; i++)
		r->body[i] = "Xx"[i % 2];
	for (size_t i = LINE; i < r->plan.size; i += LINE + 2)
		memcpy(r->body + i - 2, "\r\n", 2);
	memcpy(r->body + r->plan.size - 2, "\r\n", 2);
	memcpy(r->body + r->plan.size, ".\r\n", 3);
	r->body_size = r->plan.size + 3;
}

static void report(const struct run *r)
{
	double seconds = r->end - r->begin;
	printf("{\"mails\": %ju, \"seconds\": %.4f, \"rate\": %.2f, \"sessions\": %ju, \"again\": %ju, \"handshakes\": "
	       "%zu, "
	       "\"resumed\": %zu, ",
	       (uintmax_t)r->taken, seconds, (double)r->taken / seconds, (uintmax_t)r->sessions, (uintmax_t)r->again,
	       r->loop.handshakes, r->loop.resumed);
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

enum { ADDRESS, PORT, CONNECTIONS, MAILS, SECONDS, PER, SIZE, RECIPIENTS, USERS, DOMAIN, LMTP, PIPELINE, TLS, RESUME };

static void take_option(struct plan *p, int option, char *value)
{
	switch (option) {
	case ADDRESS:
		snprintf(p->address, sizeof p->address, "%s", value);
		break;
	case PORT:
		p->port = (int)strtol(value, NULL, 10);
		break;
	case CONNECTIONS:
		p->connections = strtoul(value, NULL, 10);
		break;
	case MAILS:
		p->mails = strtoull(value, NULL, 10);
		break;
	case SECONDS:
		p->seconds = strtod(value, NULL);
		break;
	case PER:
		p->per_connection = strtoull(value, NULL, 10);
		break;
	case SIZE:
		p->size = strtoul(value, NULL, 10);
		break;
	case RECIPIENTS:
		p->recipients = strtoul(value, NULL, 10);
		break;
	case USERS:
		p->users = strtoul(value, NULL, 10);
		break;
	case DOMAIN:
		p->domain = value;
		break;
	case LMTP:
		p->lmtp = true;
		break;
	case PIPELINE:
		p->pipeline = true;
		break;
	case TLS:
		p->tls = true;
		break;
	case RESUME:
		p->resume = true;
		break;
	default:
		die("%s", usage);
	}
}

static struct plan parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "address", 1, NULL, ADDRESS },
		{ "port", 1, NULL, PORT },
		{ "connections", 1, NULL, CONNECTIONS },
		{ "mails", 1, NULL, MAILS },
		{ "seconds", 1, NULL, SECONDS },
		{ "per-connection", 1, NULL, PER },
		{ "size", 1, NULL, SIZE },
		{ "recipients", 1, NULL, RECIPIENTS },
		{ "users", 1, NULL, USERS },
		{ "domain", 1, NULL, DOMAIN },
		{ "lmtp", 0, NULL, LMTP },
		{ "pipeline", 0, NULL, PIPELINE },
		{ "tls", 0, NULL, TLS },
		{ "resume", 0, NULL, RESUME },
		{ NULL, 0, NULL, 0 },
	};
	struct plan p = { "127.0.0.1",     .connections = 1, .seconds = 10,        .size = 1024,
		          .recipients = 1, .users = 1,       .domain = "load.test" };
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&p, option, optarg);
	if (p.port == 0 || p.connections == 0 || p.users == 0 || p.recipients == 0 || p.size < 2 || optind != argc)
		die("%s", usage);
	return p;
}

int main(int argc, char **argv)
{
	static struct run r;
	r.plan = parse(argc, argv);
	make_body(&r);
	loop_init(&r.loop, r.plan.address, r.plan.port, r.plan.tls);
	r.loop.resume = r.plan.resume;
	r.begin = now();
	r.senders = must_alloc(r.plan.connections * sizeof *r.senders);
	run(&r);
	report(&r);
	return 0;
}
