/*
 * local_set: iconv, a character at a time. See local_set.h.
 */
#include "terminal/local_set.h"

#include <errno.h>
#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>

#include "mail/utf8.h"

enum { UTF8_GROWTH = 4 }; /* an octet of any set becomes at most so many, U+FFFD's three among them */

static const char replacement[] = "\xEF\xBF\xBD";
static const char ellipsis[] = "\xE2\x80\xA6";

struct local_set {
	iconv_t to;
	iconv_t from;
};

static const iconv_t none = (iconv_t)-1;

struct local_set *local_set_new(const char *name)
{
	struct local_set *set = malloc(sizeof *set);

	if (!set)
		return NULL;
	set->to = iconv_open(name, "UTF-8");
	set->from = iconv_open("UTF-8", name);
	if (set->to != none && set->from != none)
		return set;
	local_set_free(set);
	return NULL;
}

void local_set_free(struct local_set *set)
{
	if (!set)
		return;
	if (set->to != none)
		iconv_close(set->to);
	if (set->from != none)
		iconv_close(set->from);
	free(set);
}

/* One that iconv does not know shows ASCII alone: in many sets half of UTF-8's octets are C1 controls. */
static struct local_set *find(const char *name)
{
	if (strcmp(name, "UTF-8") == 0 || strcmp(name, "ANSI_X3.4-1968") == 0 || strcmp(name, "US-ASCII") == 0)
		return NULL;
	struct local_set *set = local_set_new(name);
	return set ? set : local_set_new("US-ASCII");
}

struct local_set *local_set_of_locale(void)
{
	setlocale(LC_CTYPE, "");
	struct local_set *set = find(nl_langinfo(CODESET));
	setlocale(LC_CTYPE, "C.UTF-8");
	return set;
}

/* ---- out ---- */

/* A terminal may obey these in any set: not every one knows the locale of the program that it shows. */
static bool is_control(unsigned char c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

size_t local_set_character(struct local_set *set, struct slice utf8, char octets[LOCAL_SET_OCTETS_MAX])
{
	char *in = (char *)utf8.ptr, *out = octets; /* iconv() does not write to the former */
	size_t left = utf8.len, room = LOCAL_SET_OCTETS_MAX;

	iconv(set->to, NULL, NULL, NULL, NULL);
	/* A count above 0 says that something similar was put in its place. */
	if (iconv(set->to, &in, &left, &out, &room) != 0)
		return 0;
	size_t n = LOCAL_SET_OCTETS_MAX - room;
	for (size_t i = 0; i < n; i++) {
		if (is_control((unsigned char)octets[i]))
			return 0;
	}
	return n;
}

uint32_t local_set_code_point(struct slice utf8)
{
	static const unsigned char first_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	uint32_t c = (unsigned char)utf8.ptr[0] & first_bits[utf8.len];

	for (size_t i = 1; i < utf8.len; i++)
		c = c << 6 | ((unsigned char)utf8.ptr[i] & 0x3F);
	return c;
}

static bool put_character(struct local_set *set, struct slice utf8, struct buf *out)
{
	char octets[LOCAL_SET_OCTETS_MAX];
	size_t n = local_set_character(set, utf8, octets);

	if (n > 0)
		return buf_append(out, octets, n);
	if (slice_equal_text(utf8, ellipsis))
		return buf_append_char(out, '~');
	return buf_printf(out, "<U+%04X>", (unsigned)local_set_code_point(utf8));
}

bool local_set_encode(struct local_set *set, struct slice utf8, struct buf *out)
{
	while (utf8.len > 0) {
		size_t ascii = 0;
		while (ascii < utf8.len && (unsigned char)utf8.ptr[ascii] < 0x80)
			ascii++;
		if (!buf_append(out, utf8.ptr, ascii))
			return false;
		utf8 = slice_skip(utf8, ascii);
		size_t n = utf8_character(utf8);
		if (n > 0 && !put_character(set, slice_make(utf8.ptr, n), out))
			return false;
		if (n == 0 && utf8.len > 0 && !buf_printf(out, "<%02X>", (unsigned)(unsigned char)utf8.ptr[0]))
			return false;
		utf8 = slice_skip(utf8, n > 0 ? n : 1);
	}
	return true;
}

/* ---- in ---- */

/* A set that composes keeps a character back until it knows that nothing more comes. */
static bool decode_end(struct local_set *set, struct buf *out)
{
	char *to = buf_end(out);
	size_t room = out->cap - out->len, before = room;
	bool fits = iconv(set->from, NULL, NULL, &to, &room) != (size_t)-1;

	buf_grew(out, before - room);
	return fits;
}

static bool decode(struct local_set *set, struct slice typed, struct buf *out)
{
	char *in = (char *)typed.ptr;
	size_t left = typed.len;

	iconv(set->from, NULL, NULL, NULL, NULL);
	while (left > 0) {
		char *to = buf_end(out);
		size_t room = out->cap - out->len, before = room;
		size_t done = iconv(set->from, &in, &left, &to, &room);
		int error = errno;
		buf_grew(out, before - room);
		if (done != (size_t)-1)
			break;
		if (error == E2BIG || !buf_append_text(out, replacement))
			return false;
		/* Some of glibc's sets refuse an octet that they have taken already. */
		if (left == 0)
			break;
		in++;
		left--;
	}
	return decode_end(set, out);
}

bool local_set_decode(struct local_set *set, struct buf *text, size_t start)
{
	struct slice typed = slice_skip(buf_slice(text), start);
	struct buf utf8;

	if (!typed.ptr || typed.len == 0)
		return true;
	buf_init(&utf8, typed.len * UTF8_GROWTH);
	bool ok = buf_reserve(&utf8, utf8.max) && decode(set, typed, &utf8);
	explicit_bzero((char *)typed.ptr, typed.len);
	text->len = start;
	ok = ok && buf_append_slice(text, buf_slice(&utf8));
	if (utf8.data)
		explicit_bzero(utf8.data, utf8.cap);
	buf_release(&utf8);
	return ok;
}
