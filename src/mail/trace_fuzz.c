/*
 * Any message, cut anywhere: the stamp goes in once, at the same place as in the uncut message, and nothing else changes.
 */
#include "mail/trace.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 4 * 1024 * 1024 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void collect(void *owner, const char *octets, size_t n)
{
	check(n > 0 && buf_append(owner, octets, n));
}

static void stamp(struct slice in, size_t piece, struct buf *out)
{
	struct trace_stamper t;
	trace_stamper_init(&t, 0, collect, out);
	while (in.len > 0) {
		size_t n = in.len < piece ? in.len : piece;
		check(trace_stamper_push(&t, in.ptr, n));
		check(t.held.cap <= TRACE_HOLD_MAX);
		in = slice_skip(in, n);
	}
	check(trace_stamper_finish(&t));
	trace_stamper_release(&t);
}

/* `out` is `in` with one stamp on a line of its own, and an LF before it where the message had none. */
static void check_stamped(struct slice in, struct slice out)
{
	char line[64];
	size_t len = trace_course_line(0, line, sizeof line), place = 0;
	while (place < in.len && in.ptr[place] == out.ptr[place])
		place++;
	for (size_t at = place + 1; at-- > 0;) {
		bool lf = at > 0 && in.ptr[at - 1] != '\n';
		struct slice rest = slice_skip(out, at);
		if (lf && (rest.len == 0 || rest.ptr[0] != '\n'))
			continue;
		rest = slice_skip(rest, lf);
		if (rest.len >= len && memcmp(rest.ptr, line, len) == 0 &&
		    slice_equal(slice_skip(rest, len), slice_skip(in, at)))
			return;
	}
	abort();
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
	stamp(in, in.len + 1, &whole);
	stamp(in, piece, &pieces);
	check(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	check_stamped(in, buf_slice(&whole));
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
