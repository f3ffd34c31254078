/*
 * buf: growing bytes with a maximum given at birth.
 *
 * What always holds: len <= cap <= max, data is NULL while cap is 0, and a failed call leaves the content as
 * it was. Whoever calls buf_init owns the bytes until buf_release. No buffer of this project grows without a
 * maximum: the number stands where the buffer is born. Not thread-safe, never blocks.
 */
#ifndef POSTROOM_BASE_BUF_H
#define POSTROOM_BASE_BUF_H

#include <stdarg.h>

#include "base/slice.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max; /* octets it may ever hold */
};

/* Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Frees the bytes; the buffer is empty and may be used again. */
void buf_release(struct buf *b);
/* buf_release() of what may hold a secret. */
void buf_wipe(struct buf *b);
/* Empties it; keeps the memory. */
void buf_clear(struct buf *b);

/* Room for n more octets at buf_end(); false when that is over the maximum or memory is out. The caller
 * writes there and says buf_grew(). */
bool buf_reserve(struct buf *b, size_t n);
static inline char *buf_end(struct buf *b)
{
	return b->data + b->len;
}
static inline void buf_grew(struct buf *b, size_t n)
{
	b->len += n;
}

/* Each appends all of it or, with false, nothing. */
bool buf_append(struct buf *b, const void *bytes, size_t n);
bool buf_append_slice(struct buf *b, struct slice s);
bool buf_append_text(struct buf *b, const char *text);
bool buf_append_char(struct buf *b, char c);
/* In decimal; several times as fast as buf_printf. */
bool buf_append_number(struct buf *b, uint64_t number);
/* As a JSON string, its quotes included (RFC 8259, section 7). Octets from 0x80 on pass unchanged: the text must be UTF-8. */
bool buf_append_json(struct buf *b, struct slice text);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *format, va_list args);

/* Drops the first n octets; the rest moves to the front. */
void buf_consume(struct buf *b, size_t n);

static inline struct slice buf_slice(const struct buf *b)
{
	return slice_make(b->data, b->len);
}

#endif
