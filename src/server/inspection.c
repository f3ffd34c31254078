/*
 * subject: a header parser and what it found. See subject.h.
 */
#include "server/subject.h"

enum {
	/* Octets of a decoded Subject: one octet of another charset is at most four of UTF-8. */
	SUBJECT_DECODED_MAX = 4 * HEADER_FIELD_MAX,
};

/* The first Subject that says something counts, as in every list. */
static void take_field(void *owner, const struct header_field *field)
{
	struct subject *s = owner;
	if (s->text.len > 0 || !slice_equal_text_nocase(field->name, "Subject"))
		return;
	s->first_line = field->value.len;
	if (!buf_append_slice(&s->text, field->folded))
		s->out_of_memory = true;
}

void subject_begin(struct subject *s)
{
	*s = (struct subject){ .first_line = 0 };
	buf_init(&s->text, HEADER_FIELD_MAX);
	header_parser_init(&s->header, take_field, s);
}

void subject_push(struct subject *s, const char *octets, size_t n)
{
	header_parser_push(&s->header, octets, n);
}

void subject_finish(struct subject *s)
{
	header_parser_finish(&s->header);
}

bool subject_blocks(const struct subject *s)
{
	return s->text.len > 0 && memmem(s->text.data, s->text.len, "=?", 2) != NULL;
}

/* A Subject goes on over indented lines only where the mail has an empty line after its header. */
static struct slice subject_text(const struct subject *s)
{
	return s->header.empty_line ? buf_slice(&s->text) : slice_make(s->text.data, s->first_line);
}

size_t subject_characters(const struct subject *s)
{
	struct buf decoded;
	if (s->text.len == 0)
		return 0;
	struct slice folded = subject_text(s);
	buf_init(&decoded, SUBJECT_DECODED_MAX);
	size_t count = header_characters(header_decode(folded, &decoded) ? buf_slice(&decoded) : folded);
	buf_release(&decoded);
	return count;
}

void subject_release(struct subject *s)
{
	header_parser_release(&s->header);
	buf_release(&s->text);
}
