/*
 * mail_text: see mail_text.h.
 */
#include "web/mail_text.h"

#include <assert.h>
#include <stdlib.h>

enum { PIECE = 64 * 1024 };

bool mail_text_push(struct mail_text *t, struct slice stored, struct buf *out)
{
	bool ok = true;
	while (ok && stored.len > 0) {
		assert(stored.ptr);
		if (t->stop) {
			/* The second of two full stops goes; a single one is somebody else's, and stays. */
			ok = buf_append_char(out, '.');
			stored = slice_skip(stored, *stored.ptr == '.' ? 1 : 0);
			t->stop = false;
			t->line_begins = false;
		} else if (t->line_begins && stored.ptr[0] == '.') {
			t->stop = true;
			stored = slice_skip(stored, 1);
		} else {
			size_t end = slice_find(stored, '\n');
			size_t n = end < stored.len ? end + 1 : end;
			ok = buf_append(out, stored.ptr, n);
			t->line_begins = end < stored.len;
			stored = slice_skip(stored, n);
		}
	}
	return ok;
}

bool mail_text_finish(struct mail_text *t, struct buf *out)
{
	bool stop = t->stop;
	t->stop = false;
	return !stop || buf_append_char(out, '.');
}

bool mail_text_read(const struct glance *g, size_t i, size_t max, struct buf *out, struct fault *why)
{
	struct mail_text t = { .line_begins = true };
	char *octets = malloc(PIECE);
	struct store_span span = { .octets = octets, .size = PIECE };
	bool ok = true;
	if (!octets)
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	while (ok && span.offset < max) {
		span.size = max - span.offset < PIECE ? (size_t)(max - span.offset) : PIECE;
		ok = glance_read(g, i, &span, why);
		if (!ok || span.got == 0)
			break;
		ok = mail_text_push(&t, slice_make(octets, span.got), out) ||
		     fault_set(why, FAULT_TEMPORARY, "out of memory");
		span.offset += span.got;
	}
	free(octets);
	return ok && (mail_text_finish(&t, out) || fault_set(why, FAULT_TEMPORARY, "out of memory"));
}
