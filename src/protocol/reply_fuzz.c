/*
 * reply: a course's text with any values from a peer in it: lines of at most 512 octets with the code in front, no control characters, and as many as the text has.
 *
 * The first octet: the code (one that POP3 uses, or SMTP), the enhanced one, and whether the peer reads UTF-8; then, with NULs between, the peer's name, sender,
 * recipient, and the text.
 */
#include "protocol/reply.h"

#include <stdlib.h>

#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static struct slice next_part(struct slice *rest)
{
	struct slice part = slice_make(rest->ptr, slice_find(*rest, '\0'));
	*rest = slice_skip(*rest, part.len + 1);
	return part;
}

static void check_line(struct slice line, bool smtp, bool last)
{
	check(line.len + 2 <= REPLY_LINE_MAX);
	check(!smtp || (line.len >= 4 && memcmp(line.ptr, "250", 3) == 0 && line.ptr[3] == (last ? ' ' : '-')));
	for (size_t i = 0; i < line.len; i++)
		check((unsigned char)line.ptr[i] >= ' ' && line.ptr[i] != 0x7f);
}

static size_t check_lines(struct slice said, bool smtp)
{
	size_t lines = 0;
	for (; said.len > 0; lines++) {
		size_t end = slice_find(said, '\n');
		check(end > 0 && end < said.len && said.ptr[end - 1] == '\r');
		check_line(slice_make(said.ptr, end - 1), smtp, end + 1 == said.len);
		said = slice_skip(said, end + 1);
	}
	return lines;
}

/* What a course's file may hold (course_file): text and line ends, of UTF-8. */
static bool may_be_text(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if ((c < ' ' && c != '\n') || c == 0x7f)
			return false;
	}
	return text.len > 0 && text.len <= REPLY_TEXT_MAX && utf8_valid(text);
}

static size_t count_lines(struct slice text)
{
	size_t lines = 1;
	for (; slice_has(text, '\n'); lines++)
		text = slice_skip(text, slice_find(text, '\n') + 1);
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct buf out;
	if (n == 0)
		return 0;
	struct slice rest = slice_make((const char *)octets + 1, n - 1);
	const struct reply_values values = {
		.domain = "example.org",
		.text = "TLS",
		.address = "5@lab",
		.client = next_part(&rest),
		.sender = next_part(&rest),
		.recipient = next_part(&rest),
		.utf8 = octets[0] & 4,
		.number = octets[0],
	};
	/* Addresses were looked at before they come here (mail/address). */
	if (!may_be_text(rest) || !utf8_valid(values.sender) || !utf8_valid(values.recipient))
		return 0;
	char *text = slice_dup(rest);
	check(text != NULL);
	const struct reply reply = { "fuzz", octets[0] & 1 ? 250 : 0, octets[0] & 2 ? "2.0.0" : NULL, text };
	buf_init(&out, (size_t)1 << 20);
	check(reply_write(&out, &reply, &values, octets[0] & 8));
	size_t lines = check_lines(buf_slice(&out), octets[0] & 1), most = count_lines(rest);
	check(lines > 0 && lines <= most && utf8_valid(buf_slice(&out)));
	buf_release(&out);
	free(text);
	return 0;
}
