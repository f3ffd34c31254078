/*
 * Any octets as UTF-8: a character is just what RFC 3629's table of octets calls one, a text is valid where it is made of them, and a cut is as long as may be.
 */
#include "mail/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* RFC 3629 section 4: what may be first, what may be second behind it, and how many there are. */
static const struct form {
	uint8_t first, last, low, high;
	size_t len;
} forms[] = {
	{ 0x00, 0x7F, 0x00, 0xFF, 1 }, { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 },
	{ 0xE1, 0xEC, 0x80, 0xBF, 3 }, { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 },
	{ 0xF0, 0xF0, 0x90, 0xBF, 4 }, { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
};

static void check(bool ok)
{
	if (!ok)
		abort();
}

static size_t expected(const uint8_t *s, size_t n)
{
	for (size_t i = 0; n > 0 && i < sizeof forms / sizeof forms[0]; i++) {
		const struct form *f = &forms[i];
		if (s[0] < f->first || s[0] > f->last)
			continue;
		if (n < f->len || (f->len > 1 && (s[1] < f->low || s[1] > f->high)))
			return 0;
		for (size_t k = 2; k < f->len; k++) {
			if (s[k] < 0x80 || s[k] > 0xBF)
				return 0;
		}
		return f->len;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_make((const char *)data, size);
	size_t end = 0, len;
	for (size_t i = 0; i < size; i++)
		check(utf8_character(slice_skip(all, i)) == expected(data + i, size - i));
	while ((len = utf8_character(slice_skip(all, end))) > 0)
		end += len;
	check(utf8_valid(all) == (end == size));
	for (size_t max = 0; max <= end; max++) {
		struct slice cut = utf8_cut(slice_make(all.ptr, end), max);
		check(cut.ptr == all.ptr && cut.len <= max && utf8_valid(cut));
		check(cut.len == end || cut.len + utf8_character(slice_make(all.ptr + cut.len, end - cut.len)) > max);
	}
	return 0;
}
