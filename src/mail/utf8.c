/*
 * utf8: see utf8.h. Overlong forms, surrogates and what lies beyond U+10FFFF are no characters.
 */
#include "mail/utf8.h"

/* The first octet says how many follow and, for four of them, narrows what the second may be (RFC 3629 section 4). */
static size_t sequence(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t utf8_character(struct slice s)
{
	unsigned char low, high;
	size_t len = s.len > 0 ? sequence((unsigned char)s.ptr[0], &low, &high) : 0;
	if (len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < low || c > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

bool utf8_valid(struct slice s)
{
	while (s.len > 0) {
		size_t len = utf8_character(s);
		if (len == 0)
			return false;
		s = slice_skip(s, len);
	}
	return true;
}

bool utf8_has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] >= 0x80 &&
		    (unsigned char)s.ptr[i + 1] <= 0x9f)
			return true;
		struct slice rest = slice_skip(s, i);
		if (slice_starts_nocase(rest, "\xe2\x80\xa8") || slice_starts_nocase(rest, "\xe2\x80\xa9"))
			return true;
	}
	return false;
}

struct slice utf8_cut(struct slice s, size_t max)
{
	size_t end = 0;
	if (s.len <= max)
		return s;
	while (end < max) {
		size_t len = utf8_character(slice_skip(s, end));
		if (len == 0)
			len = 1; /* not UTF-8: octet by octet */
		if (end + len > max)
			break;
		end += len;
	}
	return slice_make(s.ptr, end);
}
