/*
 * fence: one read that brings the mail's piece and what stands around it. See fence.h.
 */
#include "store/fence.h"

#include <errno.h>

/* What stands around a mail: a line's end and the full stop before it, its dividing line behind it. */
struct fence {
	char before[2];
	char behind[4];
	struct iovec vectors[3];
	int count;
	off_t at;
	size_t before_len;
	size_t behind_len;
};

static void fence_init(struct fence *f, const struct index_record *r, const struct store_span *span, size_t want)
{
	*f = (struct fence){ .at = (off_t)(r->offset + span->offset) };
	if (span->offset == 0 && r->offset > 0) {
		f->before_len = sizeof f->before;
		f->at -= (off_t)sizeof f->before;
		f->vectors[f->count++] = (struct iovec){ .iov_base = f->before, .iov_len = f->before_len };
	}
	f->vectors[f->count++] = (struct iovec){ .iov_base = span->octets, .iov_len = want };
	if (span->offset + want == r->length) {
		f->behind_len = r->divider < sizeof f->behind ? r->divider : sizeof f->behind;
		f->vectors[f->count++] = (struct iovec){ .iov_base = f->behind, .iov_len = f->behind_len };
	}
}

/* The lines around the mail are there: it still stands where the index says. */
static bool fence_stands(const struct fence *f, const struct store_span *span, size_t want)
{
	if (f->before_len > 0 && (f->before[1] != '\n' || (f->before[0] != '.' && f->before[0] != '\r')))
		return false;
	if (f->behind_len == 0)
		return true;
	bool own_line = want == 0 || ((const char *)span->octets)[want - 1] == '\n';
	return own_line && f->behind[0] == '.' && f->behind[f->behind_len - 1] == '\n';
}

static enum store_got read_now(int mail, struct fence *fence, size_t whole, bool may_block)
{
	ssize_t n = file_read_now(mail, fence->vectors, fence->count, fence->at);
	bool later = n < 0 ? errno == EAGAIN : (size_t)n < whole;
	if (later && !may_block)
		return STORE_WOULD_BLOCK;
	if (later)
		n = preadv(mail, fence->vectors, fence->count, fence->at);
	return n == (ssize_t)whole ? STORE_GOT : STORE_FAULT;
}

enum store_got fence_read(int mail, const struct index_record *r, struct store_span *span, bool may_block)
{
	struct fence fence;
	uint64_t left = r->length > span->offset ? r->length - span->offset : 0;
	size_t want = left < span->size ? (size_t)left : span->size;
	span->got = 0;
	if (want == 0 && r->length > 0)
		return STORE_GOT;
	fence_init(&fence, r, span, want);
	enum store_got got = read_now(mail, &fence, fence.before_len + want + fence.behind_len, may_block);
	if (got == STORE_GOT && !fence_stands(&fence, span, want))
		return STORE_FAULT;
	span->got = got == STORE_GOT ? want : 0;
	return got;
}
