/*
 * slice: comparing, cutting and reading bytes that somebody else owns. Pure; see slice.h.
 */
#include "base/slice.h"

#include <stdlib.h>

char slice_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_equal_text(struct slice a, const char *b)
{
	return slice_equal(a, slice_str(b));
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (slice_lower(a.ptr[i]) != slice_lower(b.ptr[i]))
			return false;
	}
	return true;
}

bool slice_equal_text_nocase(struct slice a, const char *b)
{
	return slice_equal_nocase(a, slice_str(b));
}

bool slice_starts_nocase(struct slice s, const char *prefix)
{
	size_t len = strlen(prefix);
	return s.len >= len && slice_equal_nocase(slice_make(s.ptr, len), slice_make(prefix, len));
}

uint32_t slice_hash_nocase(struct slice s)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)slice_lower(s.ptr[i])) * 16777619u;
	return h;
}

struct slice slice_skip(struct slice s, size_t n)
{
	if (n > s.len)
		n = s.len;
	return n == 0 ? s : slice_make(s.ptr + n, s.len - n);
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && slice_is_blank(s.ptr[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && slice_is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct slice slice_word(struct slice *rest)
{
	struct slice all = slice_trim(*rest);
	size_t len = 0;
	while (len < all.len && !slice_is_blank(all.ptr[len]))
		len++;
	*rest = slice_trim(slice_skip(all, len));
	return slice_make(all.ptr, len);
}

size_t slice_find(struct slice s, char c)
{
	const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;
	return at ? (size_t)(at - s.ptr) : s.len;
}

bool slice_has(struct slice s, char c)
{
	return slice_find(s, c) < s.len;
}

bool slice_is_ascii(struct slice s)
{
	uint64_t high = 0, word;

	for (; s.len >= sizeof word; s = slice_skip(s, sizeof word)) {
		memcpy(&word, s.ptr, sizeof word);
		high |= word;
	}
	for (size_t i = 0; i < s.len; i++)
		high |= (unsigned char)s.ptr[i];
	return (high & UINT64_C(0x8080808080808080)) == 0;
}

bool slice_number(struct slice s, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.ptr[i] - '0');
		if (digit > max || sum > (max - digit) / 10)
			return false;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}

char *slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);
	if (!copy)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}
