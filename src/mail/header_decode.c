/*
 * header_decode: a field's text as a reader sees it: unfolded, its encoded words decoded (RFC 2047).
 *
 * Neighbouring encoded words of one charset are joined before they are converted, for many mailers cut a character in two between them. An
 * encoded word is looked for anywhere, not only between blanks (section 5), as such mail is common. Whatever cannot be decoded stays as it is.
 * A field asks for at most CONVERSIONS_MAX charsets, so that none can keep iconv busy for long.
 */
#include "mail/header.h"

#include "mail/utf8.h"

#include <errno.h>
#include <iconv.h>

enum { CHARSET_MAX = 40, CONVERSIONS_MAX = 64 };

struct word {
	struct slice charset;
	char encoding; /* 'b' or 'q' */
	struct slice text;
	size_t len; /* from "=?" to "?=" */
};

struct decoder {
	struct buf *out;
	struct buf raw;  /* the octets of encoded words before their conversion */
	bool after_word; /* what was given out last was a decoded word */
	bool lacking;    /* memory is out: what is there is not the whole */
	int conversions; /* how many iconv has been asked for */
};

enum outcome { DECODED, BROKEN, FULL };

/* Encoded words */

/* The characters up to the next '?', all of them printable and not blank. */
static struct slice up_to_mark(struct slice s)
{
	size_t len = 0;
	while (len < s.len && s.ptr[len] > ' ' && s.ptr[len] <= '~' && s.ptr[len] != '?')
		len++;
	return slice_make(s.ptr, len);
}

static bool starts(struct slice s, const char *text)
{
	return s.len >= strlen(text) && memcmp(s.ptr, text, strlen(text)) == 0;
}

/* =?charset?encoding?text?= at the front of s. A language behind the charset (RFC 2231 section 5) is passed over. */
static bool read_word(struct slice s, struct word *w)
{
	if (!starts(s, "=?"))
		return false;
	struct slice rest = slice_skip(s, 2);
	struct slice charset = up_to_mark(rest);
	rest = slice_skip(rest, charset.len);
	if (rest.len < 3 || rest.ptr[0] != '?' || rest.ptr[2] != '?')
		return false;
	w->encoding = (char)(rest.ptr[1] | 0x20);
	rest = slice_skip(rest, 3);
	w->text = up_to_mark(rest);
	rest = slice_skip(rest, w->text.len);
	w->charset = slice_make(charset.ptr, slice_find(charset, '*'));
	w->len = s.len - rest.len + 2;
	return starts(rest, "?=") && (w->encoding == 'b' || w->encoding == 'q');
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_q(struct slice text, struct buf *raw)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '=') {
			int high = i + 1 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		if (!buf_append_char(raw, c))
			return false;
	}
	return true;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Missing padding is forgiven. */
static bool decode_b(struct slice text, struct buf *raw)
{
	uint32_t bits = 0;
	int count = 0;
	for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64_digit(text.ptr[i]);
		if (digit < 0)
			return false;
		bits = (bits << 6 | (uint32_t)digit) & 0xffff;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		if (!buf_append_char(raw, (char)(bits >> count & 0xff)))
			return false;
	}
	return count < 6; /* a digit alone is no octet */
}

static bool decode_word(const struct word *w, struct buf *raw)
{
	return w->encoding == 'q' ? decode_q(w->text, raw) : decode_b(w->text, raw);
}

/* Charsets */

static enum outcome append(struct buf *out, const char *octets, size_t n)
{
	return buf_append(out, octets, n) ? DECODED : FULL;
}

static enum outcome convert_latin1(struct slice raw, struct buf *out)
{
	for (size_t i = 0; i < raw.len; i++) {
		unsigned char c = (unsigned char)raw.ptr[i];
		char utf8[2] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) };
		bool ok = c < 0x80 ? buf_append_char(out, (char)c) : buf_append(out, utf8, 2);
		if (!ok)
			return FULL;
	}
	return DECODED;
}

static enum outcome run_iconv(iconv_t converter, struct slice raw, struct buf *out)
{
	char *in = (char *)raw.ptr; /* iconv() does not write there */
	size_t left = raw.len;
	bool flushing = false; /* the last call takes what a charset with states still holds back */
	for (;;) {
		char chunk[256];
		char *to = chunk;
		size_t room = sizeof chunk;
		size_t done = iconv(converter, flushing ? NULL : &in, flushing ? NULL : &left, &to, &room);
		int error = errno;
		if (!buf_append(out, chunk, sizeof chunk - room))
			return FULL;
		if (done == (size_t)-1 && (error != E2BIG || room == sizeof chunk))
			return BROKEN;
		if (done != (size_t)-1 && flushing)
			return DECODED;
		flushing = flushing || done != (size_t)-1;
	}
}

/* A charset's name comes from a peer: letters, digits and few signs, so that it names neither a path nor an option of iconv. */
static bool charset_name(struct slice charset, char name[CHARSET_MAX + 1])
{
	if (slice_empty(charset) || charset.len > CHARSET_MAX)
		return false;
	for (size_t i = 0; i < charset.len; i++) {
		char c = charset.ptr[i];
		bool alnum = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (!alnum && !strchr("-_.:+", c))
			return false;
	}
	memcpy(name, charset.ptr, charset.len);
	name[charset.len] = '\0';
	return true;
}

static enum outcome convert(struct decoder *d, struct slice charset)
{
	struct slice raw = buf_slice(&d->raw);
	char name[CHARSET_MAX + 1];
	if (slice_equal_text_nocase(charset, "utf-8") || slice_equal_text_nocase(charset, "us-ascii"))
		return utf8_valid(raw) ? append(d->out, raw.ptr, raw.len) : BROKEN;
	if (slice_equal_text_nocase(charset, "iso-8859-1"))
		return convert_latin1(raw, d->out);
	if (!charset_name(charset, name) || d->conversions++ >= CONVERSIONS_MAX)
		return BROKEN;
	iconv_t converter = iconv_open("UTF-8", name);
	if (converter == (iconv_t)-1)
		return errno == EINVAL ? BROKEN : FULL; /* EINVAL: there is no such charset */
	enum outcome o = run_iconv(converter, raw, d->out);
	iconv_close(converter);
	return o;
}

/* The field */

static bool is_space(char c)
{
	return slice_is_blank(c) || c == '\n';
}

static size_t spaces(struct slice s)
{
	size_t n = 0;
	while (n < s.len && is_space(s.ptr[n]))
		n++;
	return n;
}

/* Unfolded: without its line ends (RFC 5322 section 2.2.3). */
static bool give_plain(struct decoder *d, struct slice s)
{
	while (s.len > 0) {
		size_t lf = slice_find(s, '\n');
		if (!buf_append(d->out, s.ptr, lf))
			return false;
		s = slice_skip(s, lf + 1);
	}
	return true;
}

/* The encoded words that begin at the front of s and share a charset, decoded to d->raw; their length with the blanks between them, 0 where
 * there is none. */
static size_t read_run(struct decoder *d, struct slice s, struct slice *charset)
{
	struct word w;
	size_t end = 0, next = 0;
	buf_clear(&d->raw);
	while (read_word(slice_skip(s, next), &w) && (end == 0 || slice_equal_nocase(w.charset, *charset))) {
		size_t before = d->raw.len;
		d->lacking = !buf_reserve(&d->raw, w.text.len); /* a field's words fit */
		if (d->lacking || !decode_word(&w, &d->raw)) {
			d->raw.len = before;
			break;
		}
		*charset = w.charset;
		end = next + w.len;
		next = end + spaces(slice_skip(s, end));
	}
	return end;
}

/* `plain` and the run of encoded words behind it. Blanks between two runs that were decoded are no text (section 6.2). */
static bool give_run(struct decoder *d, struct slice plain, struct slice run, struct slice charset)
{
	size_t mark = d->out->len;
	bool between = d->after_word && spaces(plain) == plain.len;
	if (!between && !give_plain(d, plain))
		return false;
	enum outcome o = convert(d, charset);
	d->after_word = o == DECODED;
	if (o != BROKEN)
		return o == DECODED;
	d->out->len = mark;
	return give_plain(d, plain) && give_plain(d, run);
}

static bool decode(struct decoder *d, struct slice s)
{
	struct slice charset;
	size_t at = 0; /* before it, s is plain text */
	while (at < s.len) {
		size_t len = read_run(d, slice_skip(s, at), &charset);
		if (d->lacking)
			return false;
		if (len == 0) {
			at++;
			at += slice_find(slice_skip(s, at), '=');
			continue;
		}
		if (!give_run(d, slice_make(s.ptr, at), slice_make(s.ptr + at, len), charset))
			return false;
		s = slice_skip(s, at + len);
		at = 0;
	}
	return give_plain(d, s);
}

bool header_decode(struct slice folded, struct buf *out)
{
	struct decoder d = { .out = out };
	size_t before = out->len;
	buf_init(&d.raw, HEADER_FIELD_MAX);
	bool ok = decode(&d, folded);
	if (!ok)
		out->len = before;
	buf_release(&d.raw);
	return ok;
}
