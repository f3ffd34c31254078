/*
 * pump: the same octets, in one piece and in pieces of the fuzzer's choice, give the same answers.
 *
 * The first octet is the number of pieces' lengths that follow (used again and again); the rest is what the peer says.
 */
#include "net/pump.h"

#include <stdlib.h>

#include "net/scripted_suite.h"

enum { INPUT_MAX = 4096, SAID_MAX = 1 << 30 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	const uint8_t *lengths;
	size_t length_count;
	const char *octets;
	size_t n;
};

static void settle(struct pump *p, struct buf *said)
{
	for (;;) {
		if (p->out.len > 0) {
			if (!buf_append_slice(said, buf_slice(&p->out)))
				abort();
			buf_consume(&p->out, p->out.len);
			pump_drained(p);
		} else if (pump_waiting(p)) {
			session_wake(p->session);
		} else {
			return;
		}
	}
}

static void run(const struct script *s, struct buf *said)
{
	struct pump p;
	int freed = 0;
	size_t at = 0;
	size_t turn = 0;
	pump_init(&p, &scripted_new(&freed)->base, NULL, NULL);
	pump_start(&p);
	settle(&p, said);
	while (at < s->n && !pump_closing(&p)) {
		size_t length = s->length_count > 0 ? (size_t)s->lengths[turn++ % s->length_count] + 1 : s->n;
		if (length > s->n - at)
			length = s->n - at;
		if (!pump_hungry(&p) || !pump_input(&p, s->octets + at, length))
			abort();
		at += length;
		settle(&p, said);
		if (pump_hungry(&p) && p.in.len > SCRIPTED_LINE_MAX + 1)
			abort();
	}
	pump_release(&p);
	if (freed != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX || data[0] >= size)
		return 0;
	struct script cut = { data + 1, data[0], (const char *)data + 1 + data[0], size - 1 - data[0] };
	struct script whole = { NULL, 0, cut.octets, cut.n };
	struct buf a;
	struct buf b;
	buf_init(&a, SAID_MAX);
	buf_init(&b, SAID_MAX);
	run(&cut, &a);
	run(&whole, &b);
	if (!slice_equal(buf_slice(&a), buf_slice(&b)))
		abort();
	buf_release(&a);
	buf_release(&b);
	return 0;
}
