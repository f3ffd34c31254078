/*
 * pop3_server: any octets from a peer, in any cut, with a host that answers at once, later, or with faults: replies must be well formed, and marks
 * never more than there are mails. The first octet chooses how the host answers and the length of the cuts, the second what the server is.
 */
#include "protocol/pop3_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/pump.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static const char *const mails[] = { "From: a\n\n..b\nc\n", "Subject: x\nno empty line\r\n.foreign\n",
	                             "Received: by x with UTF8SMTP\n\ny\n" };

enum { MAILS = sizeof mails / sizeof mails[0] };

enum owes { OWES_NOTHING, OWES_LOGIN, OWES_CHALLENGE, OWES_CONTINUE, OWES_COMMIT };

struct host {
	struct session *session;
	bool defers;
	bool fetches;
	bool fetched;
	bool fails; /* now and then */
	unsigned asked;
	enum owes owes;
	bool logged_in;
	bool exchanging;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void give_answer(struct host *h)
{
	enum owes owes = h->owes;
	h->owes = OWES_NOTHING;
	if (owes == OWES_LOGIN)
		pop3_server_login(h->session, h->logged_in ? POP3_LOGIN_OK : POP3_LOGIN_WRONG, NULL);
	else if (owes == OWES_CHALLENGE)
		pop3_server_challenge(h->session, "eA==");
	else if (owes == OWES_CONTINUE)
		pop3_server_continue(h->session);
	else
		pop3_server_committed(h->session, !h->fails);
}

static void owe(struct host *h, enum owes owes)
{
	check(h->owes == OWES_NOTHING);
	h->owes = owes;
	if (!h->defers)
		give_answer(h);
}

static void host_login(void *host, struct slice user, struct slice password)
{
	struct host *h = host;
	check(!h->logged_in && user.len > 0 && password.len > 0);
	h->logged_in = password.ptr[0] == 's';
	owe(h, OWES_LOGIN);
}

static void host_apop(void *host, struct slice user, struct slice stamp, struct slice digest)
{
	check(user.len > 0 && digest.len > 0 && stamp.ptr[0] == '<' && stamp.ptr[stamp.len - 1] == '>');
	host_login(host, user, digest);
}

static void host_refresh(void *host)
{
	owe(host, OWES_CONTINUE);
}

static bool host_yes(void *host)
{
	return !((const struct host *)host)->fails;
}

static void host_mechanisms(void *host, char list[POP3_MECHANISMS_MAX])
{
	snprintf(list, POP3_MECHANISMS_MAX, "%s", host_yes(host) ? "A B" : "");
}

/* A challenge for each that begins with a c; then the first octet says whether it is right. */
static void host_auth_step(void *host, struct slice response)
{
	struct host *h = host;
	check(!h->logged_in && h->exchanging);
	h->exchanging = response.len > 0 && response.ptr[0] == 'c';
	h->logged_in = response.len > 0 && response.ptr[0] == 's';
	owe(h, h->exchanging ? OWES_CHALLENGE : OWES_LOGIN);
}

static void host_auth(void *host, struct slice mechanism, const struct slice *initial)
{
	struct host *h = host;
	check(!h->logged_in && !h->exchanging && mechanism.len > 0);
	h->exchanging = true;
	if (initial)
		host_auth_step(host, *initial);
	else
		owe(h, OWES_CHALLENGE);
}

static void host_auth_cancel(void *host)
{
	struct host *h = host;
	check(h->exchanging);
	h->exchanging = false;
}

static size_t host_count(void *host)
{
	check(((const struct host *)host)->logged_in);
	return MAILS;
}

static uint64_t host_octets(void *host)
{
	check(((const struct host *)host)->logged_in);
	return MAILS * 20;
}

static enum pop3_got fetch(struct host *h, size_t i)
{
	check(h->logged_in && i < MAILS && h->owes == OWES_NOTHING);
	if (h->fails && ++h->asked % 7 == 0)
		return POP3_FAULT;
	h->fetched = !h->fetched;
	if (!h->fetches || !h->fetched)
		return POP3_GOT;
	owe(h, OWES_CONTINUE);
	return POP3_LATER;
}

static enum pop3_got host_info(void *host, size_t i, bool want_uid, struct pop3_mail *mail)
{
	enum pop3_got got = fetch(host, i);
	mail->octets = 20;
	mail->uid[0] = '\0';
	if (want_uid)
		snprintf(mail->uid, sizeof mail->uid, "u%zu", i);
	return got;
}

static enum pop3_got host_read(void *host, size_t i, struct pop3_piece *piece)
{
	enum pop3_got how = fetch(host, i);
	struct slice text = slice_skip(slice_str(mails[i]), (size_t)piece->offset);
	piece->octets = slice_make(text.ptr, text.len < 5 ? text.len : 5);
	return how;
}

static void host_commit(void *host, const unsigned char *marks)
{
	struct host *h = host;
	check(h->logged_in && (!marks || (marks[0] > 0 && marks[0] < 1 << MAILS)));
	owe(h, OWES_COMMIT);
}

static void host_free(void *host)
{
	check(((const struct host *)host)->owes == OWES_NOTHING);
}

static const struct pop3_host_ops ops = {
	.login = host_login,
	.apop = host_apop,
	.refresh = host_refresh,
	.apop_offered = host_yes,
	.plaintext_allowed = host_yes,
	.mechanisms = host_mechanisms,
	.auth = host_auth,
	.auth_step = host_auth_step,
	.auth_cancel = host_auth_cancel,
	.count = host_count,
	.octets = host_octets,
	.info = host_info,
	.read = host_read,
	.commit = host_commit,
	.free = host_free,
};

/* RFC 1939 section 3: no line but ends in CR LF, none is longer than 512 octets. */
static void check_replies(struct slice said)
{
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		check(end < said.len && end >= 1 && end < 512 && said.ptr[end - 1] == '\r');
		said = slice_skip(said, end + 1);
	}
}

static const struct session_tls tls = { .version = "TLSv1.3" };

/* A mail that breaks off with a fault, or waits, may leave a line unfinished. */
static void settle(struct pump *p, struct host *h)
{
	for (;;) {
		if (!pump_waiting(p) && !h->fails)
			check_replies(buf_slice(&p->out));
		if (!pump_waiting(p)) {
			buf_clear(&p->out);
			pump_drained(p);
		}
		if (pump_wants_tls(p))
			pump_secured(p, &tls);
		if (h->owes == OWES_NOTHING)
			return;
		give_answer(h);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct pump p;
	if (n < 2)
		return 0;
	const struct pop3_config config = {
		.replies = replies_default,
		.domain = "lab",
		.apop = !(octets[1] & 1),
		.tls = !(octets[1] & 2),
		.utf8 = !(octets[1] & 4),
		.auth_codes = !(octets[1] & 8),
		.pass_trimmed = octets[1] & 16,
		.login_delay = octets[1] & 32 ? 60 : 0,
	};
	struct host h = { .defers = octets[0] & 1, .fetches = octets[0] & 2, .fails = octets[0] & 4 };
	size_t step = octets[0] >> 3 ? octets[0] >> 3 : PUMP_INPUT_MAX;
	h.session = pop3_server_new(&config, &ops, &h);
	check(h.session);
	pump_init(&p, h.session, NULL, NULL);
	pump_start(&p);
	for (size_t at = 2; at < n; at += step) {
		pump_input(&p, (const char *)octets + at, n - at < step ? n - at : step);
		settle(&p, &h);
	}
	pump_stop(&p, STOP_NOW);
	settle(&p, &h);
	check(pump_closing(&p));
	pump_release(&p);
	return 0;
}
