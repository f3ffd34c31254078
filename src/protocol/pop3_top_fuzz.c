/*
 * pop3_top: any mail, whole and in pieces: the same beginning of it, of whole lines, that grows with the number of lines asked for. The first octet is that number,
 * the second one the length of the pieces.
 */
#include "protocol/pop3_top.h"

#include <stdlib.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

enum { OUT_MAX = 4 * 1024 * 1024 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void collect(void *owner, const char *octets, size_t n)
{
	check(buf_append(owner, octets, n));
}

static void take(struct slice mail, uint64_t lines, size_t step, struct buf *top)
{
	struct pop3_top t;
	buf_init(top, OUT_MAX);
	pop3_top_init(&t, lines);
	for (; mail.len > 0; mail = slice_skip(mail, step))
		pop3_top_push(&t, slice_make(mail.ptr, mail.len < step ? mail.len : step), collect, top);
	pop3_top_finish(&t, collect, top);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct buf whole, pieces, more;
	if (n < 2)
		return 0;
	struct slice mail = slice_make((const char *)octets + 2, n - 2);
	take(mail, octets[0], n, &whole);
	take(mail, octets[0], (size_t)octets[1] + 1, &pieces);
	take(mail, (uint64_t)octets[0] + 1, n, &more);
	struct slice top = buf_slice(&whole);
	check(slice_equal(top, buf_slice(&pieces)));
	check(top.len <= more.len && more.len <= mail.len && memcmp(mail.ptr, buf_slice(&more).ptr, more.len) == 0);
	check(slice_equal(top, slice_make(buf_slice(&more).ptr, top.len)));
	check(top.len == mail.len || top.len == 0 || top.ptr[top.len - 1] == '\n');
	buf_release(&whole);
	buf_release(&pieces);
	buf_release(&more);
	return 0;
}
