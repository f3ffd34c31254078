/*
 * Any message, cut anywhere: the same fields come out, and decoding and summing them up breaks nothing.
 */
#include "mail/header.h"
#include "mail/summary.h"
#include "mail/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 16 * 1024 * 1024 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void note_field(void *owner, const struct header_field *f)
{
	struct buf *out = owner;
	check(buf_append_slice(out, f->name) && buf_append_char(out, '|'));
	check(buf_append_slice(out, f->value) && buf_append_char(out, '|'));
	check(header_decode(f->folded, out) && buf_append_char(out, ';'));
	check(header_characters(f->folded) <= f->folded.len);
}

static size_t parse(struct slice in, size_t piece, struct buf *out)
{
	struct header_parser h;
	header_parser_init(&h, note_field, out);
	for (; in.len > 0; in = slice_skip(in, piece))
		header_parser_push(&h, in.ptr, in.len < piece ? in.len : piece);
	header_parser_finish(&h);
	size_t octets = h.octets;
	header_parser_release(&h);
	return octets;
}

static void sum_up(struct slice in)
{
	struct summary s;
	summary_init(&s);
	summary_push(&s, in.ptr, in.len);
	summary_finish(&s);
	check(s.from[0] && s.received[0] && s.subject[0]);
	summary_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t piece = (size_t)data[0] + 1;
	struct slice in = slice_make((const char *)data + 1, size - 1);
	struct buf whole, pieces;
	buf_init(&whole, OUT_MAX);
	buf_init(&pieces, OUT_MAX);
	size_t octets = parse(in, in.len + 1, &whole);
	check(octets <= in.len);
	check(parse(in, piece, &pieces) == octets);
	check(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	sum_up(in);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
