/*
 * inspection: a header parser and what it found. See inspection.h.
 */
#include "server/inspection.h"

enum {
	/* Octets of a decoded Subject: one octet of another charset is at most four of UTF-8. */
	SUBJECT_DECODED_MAX = 4 * HEADER_FIELD_MAX,
};

/* The first Subject that says something counts, as in every list. */
static void take_subject(struct inspection *i, const struct header_field *field)
{
	if (i->subject.len > 0)
		return;
	i->first_line = field->value.len;
	if (!buf_append_slice(&i->subject, field->folded))
		i->out_of_memory = true;
}

static void take_field(void *owner, const struct header_field *field)
{
	struct inspection *i = owner;
	if (slice_equal_text_nocase(field->name, "Received"))
		i->received++;
	else if (i->wants_subject && slice_equal_text_nocase(field->name, "Subject"))
		take_subject(i, field);
}

void inspection_begin(struct inspection *i, bool wants_subject)
{
	*i = (struct inspection){ .wants_subject = wants_subject };
	buf_init(&i->subject, HEADER_FIELD_MAX);
	header_parser_init(&i->header, take_field, i);
}

void inspection_push(struct inspection *i, const char *octets, size_t n)
{
	header_parser_push(&i->header, octets, n);
}

void inspection_finish(struct inspection *i)
{
	header_parser_finish(&i->header);
}

bool inspection_blocks(const struct inspection *i)
{
	return i->subject.len > 0 && memmem(i->subject.data, i->subject.len, "=?", 2) != NULL;
}

/* A Subject goes on over indented lines only where the mail has an empty line after its header. */
static struct slice subject_text(const struct inspection *i)
{
	return i->header.empty_line ? buf_slice(&i->subject) : slice_make(i->subject.data, i->first_line);
}

void inspection_judge(struct inspection *i)
{
	struct buf decoded;
	if (i->subject.len == 0)
		return;
	struct slice folded = subject_text(i);
	buf_init(&decoded, SUBJECT_DECODED_MAX);
	i->subject_characters = header_characters(header_decode(folded, &decoded) ? buf_slice(&decoded) : folded);
	buf_release(&decoded);
}

void inspection_release(struct inspection *i)
{
	header_parser_release(&i->header);
	buf_release(&i->subject);
}
