/*
 * compose: reading and checking a typed mail. See compose.h.
 */
#include "client/compose.h"

#include "mail/address.h"
#include "mail/header.h"

enum {
	TO_MAX = COMPOSE_RECIPIENTS_MAX * (ADDRESS_PATH_MAX + 2),
	HEADER_ROOM = 4096 + TO_MAX,
	LINE_MAX_OCTETS = 998, /* RFC 5322 section 2.1.1 */
};

void compose_init(struct compose_mail *m)
{
	m->recipients_len = 0;
	buf_init(&m->from, ADDRESS_PATH_MAX);
	buf_init(&m->to, TO_MAX);
	buf_init(&m->text, (size_t)COMPOSE_MAX + HEADER_ROOM);
}

void compose_release(struct compose_mail *m)
{
	buf_release(&m->from);
	buf_release(&m->to);
	buf_release(&m->text);
}

enum compose_result compose_read(struct prompt *p, struct buf *typed)
{
	bool fits = true;

	for (;;) {
		size_t start = typed->len;
		enum prompt_answer answer = prompt_line(p, NULL, typed);
		if (answer == PROMPT_END)
			return COMPOSE_END;
		struct slice line = slice_skip(buf_slice(typed), start);
		if (slice_equal_text(line, ".")) {
			typed->len = start;
			return fits ? COMPOSE_OK : COMPOSE_TOO_BIG;
		}
		fits = fits && answer == PROMPT_OK && buf_append_char(typed, '\n');
		/* Too big: it is read on to its full stop, of which two octets must fit, and not kept. */
		if (!fits)
			buf_clear(typed);
	}
}

static struct slice next_line(struct slice *rest)
{
	size_t n = slice_find(*rest, '\n');
	struct slice line = slice_make(rest->ptr, n);

	*rest = slice_skip(*rest, n + 1);
	return line;
}

/* `Name: value`: the name, a colon, one or more blanks, and something. */
static bool read_field(struct slice *rest, const char *name, struct slice *value)
{
	struct slice line = next_line(rest);
	size_t len = strlen(name);

	if (!slice_starts_nocase(line, name))
		return false;
	line = slice_skip(line, len);
	if (line.len < 2 || line.ptr[0] != ':' || !slice_is_blank(line.ptr[1]))
		return false;
	*value = slice_trim(slice_skip(line, 1));
	return value->len > 0 && !slice_has(*value, '\0');
}

static bool read_sender(struct slice *rest, struct compose_mail *m)
{
	struct slice value;

	return read_field(rest, "From", &value) && address_parse_typed(value, &m->from);
}

/* One of To's addresses, behind those before it. */
static bool add_recipient(struct compose_mail *m, struct slice typed)
{
	struct slice separator = slice_str(m->recipients_len > 0 ? ", " : "");

	if (!buf_append_slice(&m->to, separator))
		return false;
	size_t start = m->to.len;
	if (!address_parse_typed(typed, &m->to))
		return false;
	m->recipients[m->recipients_len++] = slice_skip(buf_slice(&m->to), start);
	return m->to.len - start <= ADDRESS_PATH_MAX;
}

static bool read_recipients(struct slice *rest, size_t most, struct compose_mail *m)
{
	struct slice value;

	/* Reserved at once, so that the recipients stay parts of it. */
	if (!read_field(rest, "To", &value) || !buf_reserve(&m->to, TO_MAX))
		return false;
	for (;;) {
		size_t n = slice_find(value, ',');
		if (m->recipients_len == most || !add_recipient(m, slice_make(value.ptr, n)))
			return false;
		if (n == value.len)
			return true;
		value = slice_skip(value, n + 1);
	}
}

/* On one line as far as that goes: folded, a course's server would not find the Subject behind it. */
static bool put_recipients(struct compose_mail *m)
{
	size_t line = strlen("To:");

	for (size_t i = 0; i < m->recipients_len; i++) {
		struct slice address = m->recipients[i];
		const char *before = i == 0 ? " " : ", ";
		line += strlen(before) + address.len;
		if (line + 1 > LINE_MAX_OCTETS) {
			before = ",\n ";
			line = 1 + address.len;
		}
		if (!buf_append_text(&m->text, before) || !buf_append_slice(&m->text, address))
			return false;
	}
	return true;
}

static bool put_mail(struct compose_mail *m, struct slice subject, struct slice body)
{
	return buf_append_text(&m->text, "From: ") && buf_append_slice(&m->text, buf_slice(&m->from)) &&
	       buf_append_text(&m->text, "\nTo:") && put_recipients(m) && buf_append_text(&m->text, "\nSubject: ") &&
	       buf_append_slice(&m->text, subject) && buf_append_char(&m->text, '\n') &&
	       buf_append_slice(&m->text, body);
}

enum compose_result compose_check(struct slice typed, const struct compose_rules *rules, struct compose_mail *m)
{
	struct slice subject;

	/* A CR goes over the wire before an LF and nowhere else (RFC 5321 section 2.3.8). */
	if (slice_has(typed, '\r'))
		return COMPOSE_WRONG_FORMAT;
	if (!read_sender(&typed, m) || !read_recipients(&typed, rules->recipients_max, m) ||
	    !read_field(&typed, "Subject", &subject) || header_characters(subject) > rules->subject_max)
		return COMPOSE_WRONG_FORMAT;
	m->subject = subject;
	m->body = typed;
	return put_mail(m, subject, typed) ? COMPOSE_OK : COMPOSE_TOO_BIG;
}
