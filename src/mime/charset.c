/*
 * charset: iconv over a whole text. See charset.h.
 */
#include "mime/charset.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <iconv.h>

enum { NAME_MAX_OCTETS = 40 };

/* The name comes from a mail: it must name neither a path nor an option of iconv. */
static bool is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+";
	size_t len = strspn(name, allowed);

	return len > 0 && len <= NAME_MAX_OCTETS && name[len] == '\0';
}

static bool is_passed_on(const char *name)
{
	struct slice s = slice_str(name);

	return slice_equal_text_nocase(s, "utf-8") || slice_equal_text_nocase(s, "utf8") ||
	       slice_equal_text_nocase(s, "us-ascii") || slice_equal_text_nocase(s, "ascii");
}

static bool put_replacement(struct buf *out)
{
	return buf_append_text(out, "\xEF\xBF\xBD");
}

/* A set that composes keeps a character back until it knows that nothing more comes. */
static enum charset_outcome flush(iconv_t converter, struct buf *out)
{
	char piece[64];
	char *to = piece;
	size_t room = sizeof piece;

	iconv(converter, NULL, NULL, &to, &room);
	return buf_append(out, piece, sizeof piece - room) ? CHARSET_DONE : CHARSET_FULL;
}

static enum charset_outcome run(iconv_t converter, struct slice text, struct buf *out)
{
	char *in = (char *)text.ptr; /* iconv() does not write there */
	size_t left = text.len;

	while (left > 0) {
		char piece[4096];
		char *to = piece;
		size_t room = sizeof piece;
		size_t done = iconv(converter, &in, &left, &to, &room);
		int error = errno;
		if (!buf_append(out, piece, sizeof piece - room))
			return CHARSET_FULL;
		if (done != (size_t)-1 || (error == E2BIG && room < sizeof piece))
			continue;
		if (!put_replacement(out))
			return CHARSET_FULL;
		/* Some of glibc's sets refuse an octet that they have taken already. */
		if (error == EINVAL || left == 0)
			break;
		in++;
		left--;
	}
	return flush(converter, out);
}

enum charset_outcome charset_decode(const char *name, struct slice text, struct buf *out)
{
	if (!name || is_passed_on(name))
		return buf_append_slice(out, text) ? CHARSET_DONE : CHARSET_FULL;
	errno = EINVAL;
	iconv_t converter = is_name(name) ? g_mime_iconv_open("UTF-8", name) : (iconv_t)-1;
	if (converter == (iconv_t)-1)
		return errno == ENOMEM ? CHARSET_FULL : CHARSET_UNKNOWN;
	enum charset_outcome outcome = run(converter, text, out);
	g_mime_iconv_close(converter);
	return outcome;
}

void charset_keep_common(void)
{
	static const char *const names[] = {
		"ISO-8859-1",   "ISO-8859-2",   "ISO-8859-3",   "ISO-8859-4",   "ISO-8859-5",   "ISO-8859-6",
		"ISO-8859-7",   "ISO-8859-8",   "ISO-8859-9",   "ISO-8859-10",  "ISO-8859-11",  "ISO-8859-13",
		"ISO-8859-14",  "ISO-8859-15",  "ISO-8859-16",  "WINDOWS-1250", "WINDOWS-1251", "WINDOWS-1252",
		"WINDOWS-1253", "WINDOWS-1254", "WINDOWS-1255", "WINDOWS-1256", "WINDOWS-1257", "WINDOWS-1258",
		"KOI8-R",       "KOI8-U",       "MACINTOSH",    "IBM850",       "IBM437",       "TIS-620",
		"BIG5",         "BIG5-HKSCS",   "GB2312",       "GBK",          "GB18030",      "EUC-JP",
		"SHIFT_JIS",    "CP932",        "ISO-2022-JP",  "EUC-KR",       "CP949",        "ISO-2022-KR",
		"UTF-7",        "UTF-16",       "UTF-16LE",     "UTF-16BE",     "UTF-32",       "US-ASCII",
	};
	/* Never closed: a set whose last converter is closed may be unloaded. */
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)iconv_open("UTF-8", names[i]);
	g_mime_init();
}
