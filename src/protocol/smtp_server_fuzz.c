/*
 * smtp_server: any octets from a peer, in any cut, with a host that answers at once or later. Every reply must be well formed, and the host asked in
 * an order that makes sense. The first octet chooses how the host answers and the length of the cuts.
 */
#include "protocol/smtp_server.h"

#include <stdlib.h>

#include "net/pump.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

struct host {
	struct session *session;
	bool defers;
	bool pauses;
	bool in_text;
	bool ended;
	bool owes_answer;
	bool owes_continue;
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
	check(!h->owes_answer && !h->owes_continue);
}

static void give_answer(struct host *h)
{
	bool answer = h->owes_answer;
	h->owes_answer = h->owes_continue = false;
	if (answer)
		smtp_server_answer(h->session, h->answer, 1);
	else
		smtp_server_continue(h->session);
}

static void host_recipient(void *host, const struct address *a)
{
	struct host *h = host;
	check_free_to_ask(h);
	check(!h->in_text && a->local_len > 0);
	h->answer = a->local[0] == 'n' ? REPLY_NO_SUCH_USER : REPLY_RECIPIENT_OK;
	h->accepted += h->answer == REPLY_RECIPIENT_OK;
	h->owes_answer = true;
	if (!h->defers)
		give_answer(h);
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
	.data_begin = host_data_begin,
	.data = host_data,
	.data_end = host_data_end,
	.reset = host_reset,
	.free = host_free,
};

/* RFC 5321 section 4.2: lines of at most 512 octets, a code in front, printable ASCII, CR LF. */
static void check_replies(struct slice said)
{
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		check(end < said.len && end >= 5 && end < 512 && said.ptr[end - 1] == '\r');
		check(said.ptr[0] >= '2' && said.ptr[0] <= '5' && (said.ptr[3] == ' ' || said.ptr[3] == '-'));
		for (size_t i = 0; i + 1 < end; i++)
			check(said.ptr[i] >= ' ' && said.ptr[i] <= '~');
		said = slice_skip(said, end + 1);
	}
}

static void settle(struct pump *p, struct host *h)
{
	for (;;) {
		check_replies(buf_slice(&p->out));
		buf_clear(&p->out);
		pump_drained(p);
		if (!h->owes_answer && !h->owes_continue)
			return;
		give_answer(h);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const struct smtp_config config = { .replies = replies_default, .domain = "fuzz", .max_size = 1000 };
	struct pump p;
	if (n == 0)
		return 0;
	struct host h = { .defers = octets[0] & 1, .pauses = octets[0] & 2 };
	size_t step = octets[0] >> 2 ? octets[0] >> 2 : PUMP_INPUT_MAX;
	h.session = smtp_server_new(&config, &ops, &h);
	check(h.session);
	pump_init(&p, h.session, NULL, NULL);
	pump_start(&p);
	for (size_t at = 1; at < n; at += step) {
		pump_input(&p, (const char *)octets + at, n - at < step ? n - at : step);
		settle(&p, &h);
	}
	pump_stop(&p, STOP_NOW);
	settle(&p, &h);
	check(pump_closing(&p));
	pump_release(&p);
	return 0;
}
