/*
 * query: words, phrases and columns, quoted so that nothing a person types is FTS5's own language. See query.h.
 */
#include "web/query.h"

static const struct column {
	const char *prefix;
	const char *column;
} columns[] = {
	{ "from:", "sender" }, { "to:", "sent_to" }, { "subject:", "subject" },
	{ "text:", "body" },   { "body:", "body" },
};

/* A word, or what stands between quotation marks; taken off the front. */
static struct slice take_term(struct slice *rest, bool *phrase)
{
	*phrase = rest->len > 0 && rest->ptr[0] == '"';
	if (*phrase)
		*rest = slice_skip(*rest, 1);
	size_t n = *phrase ? slice_find(*rest, '"') : 0;
	while (!*phrase && n < rest->len && (unsigned char)rest->ptr[n] > ' ')
		n++;
	struct slice term = slice_make(rest->ptr, n);
	*rest = slice_skip(*rest, *phrase ? n + 1 : n);
	return term;
}

static const char *take_column(struct slice *rest)
{
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
		if (slice_starts_nocase(*rest, columns[i].prefix)) {
			*rest = slice_skip(*rest, strlen(columns[i].prefix));
			return columns[i].column;
		}
	}
	return NULL;
}

/* Whether FTS5's tokenizer finds anything in it: else no mail would match. */
static bool has_letters(struct slice term)
{
	for (size_t i = 0; i < term.len; i++) {
		unsigned char c = (unsigned char)term.ptr[i];
		if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return true;
	}
	return false;
}

/* A word matches where a word of the mail begins so. */
static bool put_term(struct buf *out, const char *column, struct slice term, bool phrase)
{
	bool ok = (out->len == 0 || buf_append_text(out, " AND ")) && (!column || buf_printf(out, "%s : ", column)) &&
	          buf_append_char(out, '"');
	for (size_t i = 0; ok && i < term.len; i++)
		ok = buf_append_char(out, term.ptr[i] == '"' || term.ptr[i] == '\0' ? ' ' : term.ptr[i]);
	return ok && buf_append_text(out, phrase ? "\"" : "\" *");
}

static bool put_without(struct buf *out, const char *column, struct slice term, bool phrase)
{
	struct buf one;
	buf_init(&one, QUERY_MATCH_MAX);
	bool ok = put_term(&one, column, term, phrase) && (out->len == 0 || buf_append_text(out, " OR ")) &&
	          buf_append_slice(out, buf_slice(&one));
	buf_release(&one);
	return ok;
}

bool query_match(struct slice text, struct buf *match, struct buf *without)
{
	bool ok = true;
	while (ok && text.len > 0) {
		if ((unsigned char)text.ptr[0] <= ' ') {
			text = slice_skip(text, 1);
			continue;
		}
		bool minus = text.ptr[0] == '-' && text.len > 1, phrase;
		text = slice_skip(text, minus ? 1 : 0);
		const char *column = take_column(&text);
		struct slice term = take_term(&text, &phrase);
		if (has_letters(term))
			ok = minus ? put_without(without, column, term, phrase) : put_term(match, column, term, phrase);
	}
	return ok;
}
