/*
 * slice: a pointer and a length into bytes that somebody else owns.
 *
 * Everything that comes from a peer or a file is handled as a slice: it may hold NUL, and it never ends
 * in one by promise. Nothing here allocates, blocks or fails in any other way than its return value says.
 */
#ifndef POSTROOM_BASE_SLICE_H
#define POSTROOM_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

/* For printf's "%.*s". */
#define SLICE_FMT(s) (int)(s).len, (s).ptr

static inline struct slice slice_make(const char *ptr, size_t len)
{
	return (struct slice){ .ptr = ptr, .len = len };
}

static inline struct slice slice_str(const char *text)
{
	return slice_make(text, strlen(text));
}

static inline bool slice_empty(struct slice s)
{
	return s.len == 0;
}

/* A blank is a space or a tab: the WSP of RFC 5234. Unlike isspace() it knows no locale. */
static inline bool slice_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ASCII letters alone. */
char slice_lower(char c);

bool slice_equal(struct slice a, struct slice b);
bool slice_equal_text(struct slice a, const char *b);

/* ASCII letters alone are compared without regard to case. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_equal_text_nocase(struct slice a, const char *b);
bool slice_starts_nocase(struct slice s, const char *prefix);
/* FNV-1a, equal for what slice_equal_nocase() calls equal. For tables whose keys nobody outside chooses. */
uint32_t slice_hash_nocase(struct slice s);

/* The slice without the first n bytes (all of it when it is shorter). */
struct slice slice_skip(struct slice s, size_t n);
/* The slice without its leading and trailing blanks. */
struct slice slice_trim(struct slice s);

/* Cuts the next word (bytes up to a blank) off the front of *rest, with the blanks before and after it.
 * An empty slice says that there was none. */
struct slice slice_word(struct slice *rest);

/* The place of c, or s.len where it is not there. */
size_t slice_find(struct slice s, char c);
bool slice_has(struct slice s, char c);

/* No octet of it is above 127. */
bool slice_is_ascii(struct slice s);

/* A decimal number: digits alone, no sign, no blank, at most max. False leaves *value as it was. */
bool slice_number(struct slice s, uint64_t max, uint64_t *value);

/* A NUL-terminated copy from malloc, which the caller frees; NULL when memory is out. */
char *slice_dup(struct slice s);

#endif
