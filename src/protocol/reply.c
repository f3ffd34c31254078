/*
 * reply: a text filled in, then cut into lines. See reply.h.
 */
#include "protocol/reply.h"

#include "mail/utf8.h"

#include <inttypes.h>
#include <stdio.h>

enum { FILLED_MAX = 4096 }; /* octets of a text once its placeholders are filled in; what is more is left out */

struct filled {
	size_t len;
	char text[FILLED_MAX];
};

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* One of our own: a newline is meant, and octets beyond ASCII are a course's language. */
static void add_own(struct filled *f, char c)
{
	bool control = ((unsigned char)c < ' ' && c != '\n') || c == 0x7f;
	if (f->len < sizeof f->text)
		f->text[f->len++] = control ? '?' : c;
}

static void add_own_text(struct filled *f, const char *text)
{
	for (; text && *text; text++)
		add_own(f, *text);
}

/* `utf8`: octets beyond ASCII may be shown, as in an address that was found to be UTF-8. */
static void add_peers(struct filled *f, struct slice said, bool utf8)
{
	for (size_t i = 0; i < said.len; i++) {
		bool shown = is_printable(said.ptr[i]) || (utf8 && (unsigned char)said.ptr[i] >= 0x80);
		add_own(f, shown ? said.ptr[i] : '?');
	}
}

static void add_number(struct filled *f, uint64_t number)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%" PRIu64, number);
	add_own_text(f, digits);
}

/* What stands for `%` and this letter. */
static void add_value(struct filled *f, char letter, const struct reply_values *values)
{
	switch (letter) {
	case 'd':
		add_own_text(f, values->domain);
		break;
	case 't':
		add_own_text(f, values->text);
		break;
	case 'a':
		add_own_text(f, values->address);
		break;
	case 'c':
		add_peers(f, values->client, false);
		break;
	case 's':
		add_peers(f, values->sender, values->utf8);
		break;
	case 'r':
		add_peers(f, values->recipient, values->utf8);
		break;
	case 'n':
		add_number(f, values->number);
		break;
	default:
		add_own(f, letter); /* "%%"; a course's texts were checked when they were read */
	}
}

static void fill_in(struct filled *f, const char *text, const struct reply_values *values)
{
	f->len = 0;
	for (; *text; text++) {
		if (text[0] == '%' && text[1])
			add_value(f, *++text, values);
		else
			add_own(f, *text);
	}
}

/* "250-2.1.0 " */
static size_t write_prefix(char prefix[REPLY_LINE_MAX], const struct reply *reply, bool last, bool enhanced)
{
	if (reply->code == 0)
		return 0;
	/* By hand: EHLO's answer has ten lines. */
	char *end = prefix;
	*end++ = (char)('0' + reply->code / 100 % 10);
	*end++ = (char)('0' + reply->code / 10 % 10);
	*end++ = (char)('0' + reply->code % 10);
	*end++ = last ? ' ' : '-';
	if (enhanced) {
		size_t len = strlen(reply->enhanced);
		memcpy(end, reply->enhanced, len);
		end += len;
		*end++ = ' ';
	}
	return (size_t)(end - prefix);
}

static bool write_line(struct buf *out, const struct reply *reply, struct slice text, bool last, bool enhanced)
{
	char line[REPLY_LINE_MAX];
	size_t len = write_prefix(line, reply, last, enhanced);
	size_t room = sizeof line - strlen("\r\n") - len;
	text = utf8_cut(text, room);
	if (text.len > 0)
		memcpy(line + len, text.ptr, text.len);
	len += text.len;
	line[len++] = '\r';
	line[len++] = '\n';
	return buf_append(out, line, len);
}

bool reply_write(struct buf *out, const struct reply *reply, const struct reply_values *values, bool enhanced)
{
	struct filled filled;
	size_t before = out->len;
	fill_in(&filled, reply->text, values);
	struct slice rest = slice_make(filled.text, filled.len);
	for (;;) {
		size_t end = slice_find(rest, '\n');
		bool last = end == rest.len;
		if (!write_line(out, reply, slice_make(rest.ptr, end), last, enhanced && reply->enhanced)) {
			out->len = before;
			return false;
		}
		if (last)
			return true;
		rest = slice_skip(rest, end + 1);
	}
}
