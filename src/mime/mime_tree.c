/*
 * mime_tree: counting before parsing, and GMime's parser. See mime_tree.h.
 */
#include "mime/mime_tree.h"

#include <stdlib.h>

#include "mail/header.h"

/* ---- is it MIME, and within the limits? ---- */

static void look_for_mime(void *owner, const struct header_field *f)
{
	bool *found = owner;

	*found = *found || slice_equal_text_nocase(f->name, "MIME-Version") ||
	         slice_equal_text_nocase(f->name, "Content-Type");
}

bool mime_tree_applies(struct slice mail)
{
	struct header_parser parser;
	bool found = false;

	header_parser_init(&parser, look_for_mime, &found);
	header_parser_push(&parser, mail.ptr, mail.len);
	header_parser_finish(&parser);
	bool applies = found && parser.empty_line;
	header_parser_release(&parser);
	return applies;
}

/* What a hostile mail could make GMime keep in memory, counted before GMime sees it. Every line from the beginning, and from
 * what may be a delimiter, to the next empty line counts as a header's; behind a header that may be of a mail within the mail
 * comes that mail's own. */
struct census {
	size_t delimiters;
	size_t header;
	size_t field;
	bool in_header;
	bool of_part;  /* it began with a delimiter */
	bool has_mail; /* it names a message/… */
	bool digest; /* a header named multipart/digest, whose parts are mails without saying so (RFC 2046 section 5.1.5) */
};

static bool has_word(struct slice s, const char *word)
{
	for (; s.len > 0; s = slice_skip(s, 1)) {
		if (slice_starts_nocase(s, word))
			return true;
	}
	return false;
}

/* The words alone are looked for: between them and the slash there may be comments. */
static void count_header_line(struct census *c, struct slice line)
{
	bool folded = slice_is_blank(line.ptr[0]);
	struct slice value = folded ? line : slice_skip(line, slice_find(line, ':'));

	c->header += line.len + 1;
	c->field = (folded ? c->field : 0) + line.len;
	c->has_mail = c->has_mail || has_word(value, "message");
	c->digest = c->digest || has_word(value, "digest");
}

static void begin_header(struct census *c, bool follows, bool of_part)
{
	c->in_header = follows;
	c->of_part = of_part;
	c->has_mail = false;
	c->field = 0;
}

static bool count_line(struct census *c, struct slice line)
{
	if (line.len >= 2 && line.ptr[0] == '-' && line.ptr[1] == '-') {
		c->delimiters++;
		begin_header(c, true, true);
	} else if (line.len == 0 || slice_equal_text(line, "\r")) {
		begin_header(c, c->in_header && (c->has_mail || (c->of_part && c->digest)), false);
	} else if (c->in_header) {
		count_header_line(c, line);
	}
	return c->delimiters <= MIME_TREE_DELIMITERS_MAX && c->header <= MIME_TREE_HEADER_MAX &&
	       (!c->in_header || c->field <= MIME_TREE_FIELD_MAX);
}

bool mime_tree_within_limits(struct slice mail)
{
	struct census c = { .in_header = true };

	if (mail.len > MIME_TREE_MAX)
		return false;
	while (mail.len > 0) {
		size_t n = slice_find(mail, '\n');
		if (!count_line(&c, slice_make(mail.ptr, n)))
			return false;
		mail = slice_skip(mail, n + 1);
	}
	return true;
}

/* ---- the tree ---- */

struct mime_tree *mime_tree_new(struct slice mail)
{
	struct mime_tree *tree = calloc(1, sizeof *tree);

	if (!tree)
		return NULL;
	g_mime_init();
	tree->bytes = (GByteArray){ .data = (guint8 *)mail.ptr, .len = (guint)mail.len };
	GMimeStream *stream = g_mime_stream_mem_new();
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), &tree->bytes);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	tree->root = g_mime_parser_construct_part(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	if (tree->root)
		return tree;
	free(tree);
	return NULL;
}

void mime_tree_free(struct mime_tree *tree)
{
	if (!tree)
		return;
	g_object_unref(tree->root);
	free(tree);
}
