/*
 * buf: growing bytes with a maximum given at birth. See buf.h for what always holds.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 128 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
}

static size_t next_cap(const struct buf *b, size_t need)
{
	size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	return cap > b->max ? b->max : cap;
}

bool buf_reserve(struct buf *b, size_t n)
{
	if (n > b->max - b->len)
		return false;
	size_t need = b->len + n;
	if (need <= b->cap)
		return true;
	size_t cap = next_cap(b, need);
	char *data = realloc(b->data, cap);
	if (!data)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

bool buf_append(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return true;
	if (!buf_reserve(b, n))
		return false;
	memcpy(buf_end(b), bytes, n);
	buf_grew(b, n);
	return true;
}

bool buf_append_slice(struct buf *b, struct slice s)
{
	return buf_append(b, s.ptr, s.len);
}

bool buf_append_text(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

bool buf_append_number(struct buf *b, uint64_t number)
{
	char digits[20]; /* of UINT64_MAX */
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return buf_append(b, digits + at, sizeof digits - at);
}

static bool append_json_char(struct buf *b, char c)
{
	if ((unsigned char)c < ' ')
		return buf_printf(b, "\\u%04x", (unsigned char)c);
	return ((c != '"' && c != '\\') || buf_append_char(b, '\\')) && buf_append_char(b, c);
}

bool buf_append_json(struct buf *b, struct slice text)
{
	size_t before = b->len;
	bool whole = buf_append_char(b, '"');
	for (size_t i = 0; i < text.len && whole; i++)
		whole = append_json_char(b, text.ptr[i]);
	if (whole && buf_append_char(b, '"'))
		return true;
	b->len = before;
	return false;
}

bool buf_append_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

bool buf_vprintf(struct buf *b, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	/* vsnprintf wants room for its NUL too, though it does not count as content. */
	if (n < 0 || !buf_reserve(b, (size_t)n + 1))
		return false;
	vsnprintf(buf_end(b), (size_t)n + 1, format, args);
	buf_grew(b, (size_t)n);
	return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	bool ok = buf_vprintf(b, format, args);
	va_end(args);
	return ok;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}
