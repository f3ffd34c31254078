/*
 * mime_header and charset: any header, and (the first octet is odd) any text of any character set, its name up to a NUL: what is shown is visible lines, and what
 * a set makes of octets is UTF-8.
 */
#include "client/mime_header.h"

#include <gmime/gmime.h>
#include <stdlib.h>

#include "mime/charset.h"
#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 16 * 1024 * 1024 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_visible(struct slice out, bool lines)
{
	check(utf8_valid(out));
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.ptr[i];
		check((c >= 0x20 && c != 0x7f) || (lines && c == '\n'));
	}
}

static void show(struct slice mail)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	check(mime_header_show(mail, &out));
	check_visible(buf_slice(&out), true);
	check(out.len == 0 || out.data[out.len - 1] == '\n');
	buf_clear(&out);
	check(mime_header_line(mail, &out));
	check_visible(buf_slice(&out), false);
	buf_release(&out);
}

static void decode(struct slice rest)
{
	struct buf out;
	struct slice name = slice_make(rest.ptr, slice_find(rest, '\0'));
	char *set = slice_dup(name);
	check(set != NULL);
	buf_init(&out, OUT_MAX);
	struct slice text = slice_skip(rest, name.len + 1);
	enum charset_outcome outcome = charset_decode(set, text, &out);
	bool passed_on = slice_equal(buf_slice(&out), text);
	check(outcome != CHARSET_FULL && (outcome == CHARSET_DONE || out.len == 0));
	check(passed_on || utf8_valid(buf_slice(&out)));
	buf_release(&out);
	free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	g_mime_init();
	struct slice rest = slice_make((const char *)data + 1, size - 1);
	if (data[0] & 1)
		decode(rest);
	else
		show(rest);
	return 0;
}
