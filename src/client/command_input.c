/*
 * command_input: reading and checking. See command_input.h.
 */
#include "client/command_input.h"

#include <errno.h>
#include <sysexits.h>
#include <unistd.h>

#include "client/mime_compose.h"

enum { PIECE = 64 * 1024, LINE_MAX_OCTETS = 998 };

static int read_all(const struct command_options *o, struct buf *in)
{
	for (;;) {
		if (!buf_reserve(in, PIECE))
			return command_fail(o, EX_DATAERR, "standard input has more than %zu MiB, or memory is out",
			                    in->max >> 20);
		ssize_t n = read(STDIN_FILENO, buf_end(in), PIECE);
		if (n == 0)
			return EX_OK;
		if (n > 0)
			buf_grew(in, (size_t)n);
		else if (errno != EINTR)
			return command_fail(o, EX_NOINPUT, "cannot read standard input: %s", strerror(errno));
	}
}

/* CR LF becomes LF, in place: what stands between two of them moves as one. */
static void end_lines(struct buf *in)
{
	size_t from = slice_find(buf_slice(in), '\r'), to = from;

	while (from < in->len) {
		struct slice rest = slice_skip(buf_slice(in), from);
		rest = slice_skip(rest, slice_starts_nocase(rest, "\r\n") ? 1 : 0);
		size_t n = 1 + slice_find(slice_skip(rest, 1), '\r');
		memmove(in->data + to, rest.ptr, n);
		to += n;
		from = (size_t)(rest.ptr - in->data) + n;
	}
	in->len = to;
}

int command_input_text(const struct command_options *o, struct buf *text)
{
	int status = read_all(o, text);

	if (status != EX_OK)
		return status;
	if (o->local && isatty(STDIN_FILENO) && !local_set_decode(o->local, text, 0))
		return command_fail(o, EX_DATAERR, "the text is too large");
	size_t invalid = mime_compose_find_invalid(buf_slice(text));
	if (invalid < text->len)
		return command_fail(o, EX_DATAERR, "the text is not UTF-8: octet %zu", invalid + 1);
	end_lines(text);
	return EX_OK;
}

/* ---- a whole mail ---- */

static int check_line(const struct command_options *o, struct slice line, size_t number)
{
	if (line.len > LINE_MAX_OCTETS)
		return command_fail(o, EX_DATAERR, "line %zu has more than %d octets (RFC 5322 section 2.1.1)", number,
		                    LINE_MAX_OCTETS);
	if (slice_has(line, '\r'))
		return command_fail(o, EX_DATAERR, "line %zu has a CR that ends no line (RFC 5322 section 2.2)",
		                    number);
	if (slice_has(line, '\0'))
		return command_fail(o, EX_DATAERR, "line %zu has a NUL (RFC 5322 section 2.2)", number);
	return EX_OK;
}

struct raw {
	struct buf *mail;
	size_t to; /* so much of it is kept */
	bool in_header;
	bool in_hidden; /* within a Bcc field */
	bool has_from;
};

/* RFC 5322 section 4.5: in old mails blanks may stand before the colon. Empty: the line begins no field. */
static struct slice field_name(struct slice line)
{
	size_t colon = slice_find(line, ':');
	struct slice name = slice_trim(slice_make(line.ptr, colon));

	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~')
			return slice_make("", 0);
	}
	return colon < line.len && !slice_is_blank(line.ptr[0]) ? name : slice_make("", 0);
}

/* RFC 5322 sections 3.6.3 and 3.6.6: who gets a hidden copy does not stand in the mail. */
static bool is_hidden(struct slice name)
{
	return slice_equal_text_nocase(name, "Bcc") || slice_equal_text_nocase(name, "Resent-Bcc");
}

/* A line before the empty one. What follows something else would be text to the one reader, and a field to the next. */
static int check_header_line(const struct command_options *o, struct raw *r, struct slice line, size_t number)
{
	if (slice_is_blank(line.ptr[0]) && number > 1)
		return EX_OK;
	struct slice name = field_name(line);
	if (name.len == 0)
		return command_fail(o, EX_DATAERR,
		                    "line %zu is no field, and no empty line comes before it (RFC 5322 section 2.1)",
		                    number);
	r->in_hidden = is_hidden(name);
	r->has_from = r->has_from || slice_equal_text_nocase(name, "From");
	return EX_OK;
}

static void keep(struct raw *r, struct slice line)
{
	memmove(r->mail->data + r->to, line.ptr, line.len);
	r->to += line.len;
	r->mail->data[r->to++] = '\n';
}

static int check_lines(const struct command_options *o, struct raw *r)
{
	struct slice rest = buf_slice(r->mail);
	int status = EX_OK;

	for (size_t number = 1; rest.len > 0 && status == EX_OK; number++) {
		size_t n = slice_find(rest, '\n');
		struct slice line = slice_make(rest.ptr, n);
		rest = slice_skip(rest, n + 1);
		status = check_line(o, line, number);
		if (line.len == 0)
			r->in_header = r->in_hidden = false;
		if (status == EX_OK && r->in_header)
			status = check_header_line(o, r, line, number);
		if (!r->in_hidden)
			keep(r, line);
	}
	r->mail->len = r->to;
	return status;
}

int command_input_raw(const struct command_options *o, struct buf *mail)
{
	struct raw r = { .mail = mail, .in_header = true };
	int status = read_all(o, mail);

	if (status != EX_OK)
		return status;
	end_lines(mail);
	/* So that every line, the last too, has room for its end. */
	if (mail->len > 0 && mail->data[mail->len - 1] != '\n' && !buf_append_char(mail, '\n'))
		return command_fail(o, EX_DATAERR, "the mail is too large");
	status = check_lines(o, &r);
	if (status == EX_OK && !r.has_from)
		return command_fail(o, EX_DATAERR, "the mail has no From field (RFC 5322 section 3.6)");
	return status;
}
