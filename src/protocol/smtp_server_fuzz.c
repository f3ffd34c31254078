/*
 * smtp_server: any octets from a peer, in any cut, with a host that answers at once or later: every reply must be well formed, and the host asked in
 * an order that makes sense. The first octet chooses how the host answers and the length of the cuts, the second what the server is.
 */
#include "protocol/smtp_server.h"

#include <stdlib.h>

#include "mail/utf8.h"
#include "net/pump.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

struct host {
	struct session *session;
	bool defers;
	bool pauses;
	bool in_text;
	bool ended;
	bool owes_answer;
	bool owes_login;
	bool owes_continue;
	bool in_exchange;
	bool authenticated;
	enum reply_id answer;
	unsigned accepted;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_free_to_ask(const struct host *h)
{
	check(!h->owes_answer && !h->owes_login && !h->owes_continue);
}

static void give_answer(struct host *h)
{
	bool answer = h->owes_answer, login = h->owes_login;
	h->owes_answer = h->owes_login = h->owes_continue = false;
	if (answer)
		smtp_server_answer(h->session, h->answer, 1);
	else if (login)
		smtp_server_auth(h->session, h->answer, "Q2hhbGxlbmdl");
	else
		smtp_server_continue(h->session);
}

static void host_recipient(void *host, const struct address *a)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(!h->in_text && !h->in_exchange && a->local_len > 0);
	check(!a->utf8 || smtp_server_utf8(h->session));
	h->answer = a->local[0] == 'n' ? REPLY_NO_SUCH_USER : REPLY_RECIPIENT_OK;
	h->accepted += h->answer == REPLY_RECIPIENT_OK;
	h->owes_answer = true;
	if (!h->defers)
		give_answer(h);
}

static void host_refresh(void *host)
{
	struct host *h = host;
	check_free_to_ask(h);
	h->owes_continue = true;
	if (!h->defers)
		give_answer(h);
}

static void host_mechanisms(void *host, char list[SMTP_MECHANISMS_MAX])
{
	(void)host;
	memcpy(list, "X", 2);
}

/* The response says what becomes of it. */
static void judge_response(struct host *h, struct slice response)
{
	char c = response.len > 0 ? response.ptr[0] : ' ';
	h->answer = c == 'g'   ? REPLY_AUTH_OK
	            : c == 'b' ? REPLY_AUTH_WRONG
	            : c == 'm' ? REPLY_AUTH_MALFORMED
	            : c == 'n' ? REPLY_AUTH_MECHANISM
	                       : REPLY_AUTH_CHALLENGE;
	h->in_exchange = h->answer == REPLY_AUTH_CHALLENGE;
	h->authenticated = h->answer == REPLY_AUTH_OK;
	h->owes_login = true;
	if (!h->defers)
		give_answer(h);
}

static void host_auth(void *host, struct slice mechanism, const struct slice *initial)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(!h->in_exchange && !h->in_text && !h->authenticated && mechanism.len > 0);
	judge_response(h, initial ? *initial : slice_make("", 0));
}

static void host_auth_step(void *host, struct slice response)
{
	check_free_to_ask(host);
	check(((struct host *)host)->in_exchange);
	judge_response(host, response);
}

static void host_auth_cancel(void *host)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(h->in_exchange);
	h->in_exchange = false;
}

static enum reply_id host_data_begin(void *host)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(!h->in_text && h->accepted > 0);
	h->in_text = true;
	return REPLY_DATA_START;
}

static bool host_data(void *host, const char *octets, size_t n)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(h->in_text && !h->ended && octets && n > 0);
	h->owes_continue = h->pauses;
	if (h->pauses && !h->defers)
		give_answer(h);
	return !h->pauses;
}

static void host_data_end(void *host)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(h->in_text && !h->ended);
	h->ended = true;
	h->answer = REPLY_ACCEPTED;
	h->owes_answer = true;
	if (!h->defers)
		give_answer(h);
}

static void host_reset(void *host)
{
	struct host *h = host;
	check_free_to_ask(h);
	h->in_text = h->ended = false;
	h->accepted = 0;
}

static void host_free(void *host)
{
	struct host *h = host;
	check(!h->in_text && h->accepted == 0);
}

static const struct smtp_host_ops ops = {
	.recipient = host_recipient,
	.refresh = host_refresh,
	.mechanisms = host_mechanisms,
	.auth = host_auth,
	.auth_step = host_auth_step,
	.auth_cancel = host_auth_cancel,
	.data_begin = host_data_begin,
	.data = host_data,
	.data_end = host_data_end,
	.reset = host_reset,
	.free = host_free,
};

/* RFC 5321 section 4.2: lines of at most 512 octets, a code in front, no control characters, CR LF. */
static void check_replies(struct slice said)
{
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		check(end < said.len && end >= 5 && end < 512 && said.ptr[end - 1] == '\r');
		check(said.ptr[0] >= '2' && said.ptr[0] <= '5' && (said.ptr[3] == ' ' || said.ptr[3] == '-'));
		for (size_t i = 0; i + 1 < end; i++)
			check((unsigned char)said.ptr[i] >= ' ' && said.ptr[i] != 0x7f);
		check(utf8_valid(slice_make(said.ptr, end)));
		said = slice_skip(said, end + 1);
	}
}

static void secure(struct pump *p, struct host *h)
{
	static const struct session_tls tls;
	check(!p->session->tls && !h->in_text && h->accepted == 0);
	h->authenticated = false;
	pump_secured(p, &tls);
}

static void settle(struct pump *p, struct host *h)
{
	for (;;) {
		check_replies(buf_slice(&p->out));
		buf_clear(&p->out);
		pump_drained(p);
		if (h->owes_answer || h->owes_login || h->owes_continue)
			give_answer(h);
		else if (pump_wants_tls(p))
			secure(p, h);
		else
			return;
	}
}

static const struct course_verb spellings[] = { { "MAIL_FROM:", "MAIL FROM:" }, { "RCPT_TO:", "RCPT TO:" } };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct smtp_config config = { .replies = replies_default, .domain = "fuzz", .max_size = 1000 };
	struct pump p;
	if (n < 2)
		return 0;
	config.strict = octets[1] & 1;
	config.tls = octets[1] & 2;
	config.auth_required = octets[1] & 4;
	if (octets[1] & 8) {
		config.verbs = spellings;
		config.verbs_count = sizeof spellings / sizeof spellings[0];
	}
	struct host h = { .defers = octets[0] & 1, .pauses = octets[0] & 2 };
	size_t step = octets[0] >> 2 ? octets[0] >> 2 : PUMP_INPUT_MAX;
	h.session = smtp_server_new(&config, &ops, &h);
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
