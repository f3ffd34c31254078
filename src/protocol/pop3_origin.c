/*
 * pop3_origin: the header's fields up to the first Received, and that one's `with` clause. See pop3_origin.h.
 */
#include "protocol/pop3_origin.h"

#include "mail/header.h"

#include <stdlib.h>

struct pop3_origin {
	struct header_parser header;
	size_t pushed;
	bool received; /* the first such field is seen, and … */
	bool utf8;     /* … says UTF8SMTP */
};

static bool ends_word(char c)
{
	return slice_is_blank(c) || c == '\r' || c == '\n' || c == '(' || c == ')' || c == ';';
}

/* The next word outside of comments, cut off the front; empty: there is none. */
static struct slice next_word(struct slice *rest)
{
	size_t at = 0;
	unsigned depth = 0;
	for (; at < rest->len && (depth > 0 || ends_word(rest->ptr[at])); at++) {
		if (rest->ptr[at] == '\\' && depth > 0)
			at++; /* a quoted pair: RFC 5322 section 3.2.1 */
		else if (rest->ptr[at] == '(')
			depth++;
		else if (rest->ptr[at] == ')' && depth > 0)
			depth--;
	}
	struct slice word = slice_skip(*rest, at);
	size_t len = 0;
	while (len < word.len && !ends_word(word.ptr[len]))
		len++;
	*rest = slice_skip(word, len);
	return slice_make(word.ptr, len);
}

/* RFC 6531 section 4.3 */
static bool says_utf8(struct slice received)
{
	bool with = false;
	struct slice word;
	while ((word = next_word(&received)).len > 0) {
		if (with)
			return slice_starts_nocase(word, "UTF8SMTP");
		if (slice_equal_text_nocase(word, "from") || slice_equal_text_nocase(word, "by"))
			next_word(&received); /* a name, whatever it is */
		with = slice_equal_text_nocase(word, "with");
	}
	return false;
}

static void take_field(void *owner, const struct header_field *field)
{
	struct pop3_origin *o = owner;
	if (o->received || !slice_equal_text_nocase(field->name, "Received"))
		return;
	o->received = true;
	o->utf8 = says_utf8(field->folded);
}

/* By its digit: it is the rarest of its letters. */
static bool mentions_utf8(struct slice text)
{
	for (;;) {
		size_t at = slice_find(text, '8');
		if (at == text.len)
			return false;
		if (at >= 3 && slice_starts_nocase(slice_skip(text, at - 3), "UTF8SMTP"))
			return true;
		text = slice_skip(text, at + 1);
	}
}

bool pop3_origin_is_plain(struct slice octets)
{
	const char *end = octets.len > 0 ? memmem(octets.ptr, octets.len, "\n\n", 2) : NULL;
	return end && !mentions_utf8(slice_make(octets.ptr, (size_t)(end - octets.ptr)));
}

struct pop3_origin *pop3_origin_new(void)
{
	struct pop3_origin *o = calloc(1, sizeof *o);
	if (o)
		header_parser_init(&o->header, take_field, o);
	return o;
}

void pop3_origin_free(struct pop3_origin *o)
{
	if (!o)
		return;
	header_parser_release(&o->header);
	free(o);
}

enum pop3_origin_way pop3_origin_push(struct pop3_origin *o, struct slice octets)
{
	size_t room = POP3_ORIGIN_MAX - o->pushed;
	size_t n = octets.len < room ? octets.len : room;
	o->pushed += n;
	if (n > 0)
		header_parser_push(&o->header, octets.ptr, n);
	bool over = octets.len == 0 || o->pushed == POP3_ORIGIN_MAX;
	if (over && !o->received)
		header_parser_finish(&o->header);
	if (o->received)
		return o->utf8 ? POP3_ORIGIN_UTF8 : POP3_ORIGIN_PLAIN;
	return over || o->header.ended ? POP3_ORIGIN_PLAIN : POP3_ORIGIN_UNKNOWN;
}
