/*
 * visible: what may reach a terminal, character by character. See visible.h.
 */
#include "terminal/visible.h"

#include "mail/utf8.h"

#include <wchar.h>

enum decoded { DECODED_WHOLE, DECODED_PARTIAL, DECODED_INVALID };

static size_t promised_octets(unsigned char first)
{
	return first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static bool could_go_on(struct slice text)
{
	for (size_t i = 1; i < text.len; i++) {
		if (((unsigned char)text.ptr[i] & 0xC0) != 0x80)
			return false;
	}
	return text.len < promised_octets((unsigned char)text.ptr[0]);
}

/* The first character of a non-empty text. */
static enum decoded decode(struct slice text, uint32_t *character, size_t *len)
{
	*len = utf8_character(text);
	if (*len == 0)
		return could_go_on(text) ? DECODED_PARTIAL : DECODED_INVALID;
	*character = local_set_code_point(slice_make(text.ptr, *len));
	return DECODED_WHOLE;
}

/* Characters that change how what follows is read (Unicode's bidirectional embeddings, overrides and isolates). */
static bool turns_direction(uint32_t c)
{
	return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

static bool put_ascii(const struct visible *v, char c, struct buf *out)
{
	if (c == '\n' && v->mode == VISIBLE_TEXT)
		return buf_append_char(out, c);
	if (c == '\t')
		return buf_append_char(out, v->mode == VISIBLE_TEXT ? '\t' : ' ');
	if ((unsigned char)c < 0x20 || c == 0x7F)
		return buf_append_char(out, '^') && buf_append_char(out, (char)(c ^ 0x40));
	return buf_append_char(out, c);
}

static bool has_no_place(const struct visible *v, struct slice octets)
{
	char local[LOCAL_SET_OCTETS_MAX];

	return v->set && local_set_character(v->set, octets, local) == 0;
}

static bool put_character(const struct visible *v, uint32_t c, struct slice octets, struct buf *out)
{
	if (c < 0x80)
		return put_ascii(v, (char)c, out);
	if (c < 0xA0 || turns_direction(c) || has_no_place(v, octets))
		return buf_printf(out, "<U+%04X>", (unsigned)c);
	return buf_append_slice(out, octets);
}

static bool put_byte(char c, struct buf *out)
{
	return buf_printf(out, "<%02X>", (unsigned)(unsigned char)c);
}

/* The longest run from the front that is shown as it stands; mails are mostly that. */
static size_t plain_run(struct slice text)
{
	size_t n = 0;
	while (n < text.len && text.ptr[n] >= 0x20 && text.ptr[n] < 0x7F)
		n++;
	return n;
}

/* Puts the first character, or the first byte of what is none; *taken is 0 where more octets are needed to know. */
static bool put_first(const struct visible *v, struct slice text, size_t *taken, struct buf *out)
{
	uint32_t c = 0;
	size_t len = 0;

	switch (decode(text, &c, &len)) {
	case DECODED_WHOLE:
		*taken = len;
		return put_character(v, c, slice_make(text.ptr, len), out);
	case DECODED_PARTIAL:
		*taken = 0;
		return true;
	default:
		*taken = 1;
		return put_byte(text.ptr[0], out);
	}
}

void visible_init(struct visible *v, enum visible_mode mode, struct local_set *set)
{
	*v = (struct visible){ .mode = mode, .set = set };
}

static void drop_partial(struct visible *v, size_t n)
{
	memmove(v->partial, v->partial + n, v->partial_len - n);
	v->partial_len -= n;
}

/* Completes what an earlier push left behind, an octet at a time. */
static bool push_partial(struct visible *v, struct slice *text, struct buf *out)
{
	while (v->partial_len > 0) {
		size_t taken;
		if (!put_first(v, slice_make(v->partial, v->partial_len), &taken, out))
			return false;
		if (taken > 0) {
			drop_partial(v, taken);
		} else if (text->len > 0) {
			v->partial[v->partial_len++] = text->ptr[0];
			*text = slice_skip(*text, 1);
		} else {
			break;
		}
	}
	return true;
}

bool visible_push(struct visible *v, struct slice text, struct buf *out)
{
	if (!push_partial(v, &text, out))
		return false;
	while (text.len > 0) {
		size_t taken = plain_run(text);
		if (taken > 0) {
			if (!buf_append(out, text.ptr, taken))
				return false;
		} else if (!put_first(v, text, &taken, out)) {
			return false;
		}
		if (taken == 0) {
			memcpy(v->partial, text.ptr, text.len);
			v->partial_len = text.len;
			return true;
		}
		text = slice_skip(text, taken);
	}
	return true;
}

bool visible_finish(struct visible *v, struct buf *out)
{
	for (size_t i = 0; i < v->partial_len; i++) {
		if (!put_byte(v->partial[i], out))
			return false;
	}
	v->partial_len = 0;
	return true;
}

/* ---- widths ---- */

static size_t character_width(uint32_t c)
{
	int width = c < 0x80 ? 1 : wcwidth((wchar_t)c);
	return width < 0 ? 1 : (size_t)width;
}

/* The first character's octets and columns. */
static size_t measure(struct slice text, size_t *columns)
{
	uint32_t c;
	size_t len;

	*columns = 1;
	if (decode(text, &c, &len) != DECODED_WHOLE)
		return 1;
	*columns = character_width(c);
	return len;
}

size_t visible_width(struct slice text)
{
	size_t sum = 0;

	while (text.len > 0) {
		size_t columns;
		text = slice_skip(text, measure(text, &columns));
		sum += columns;
	}
	return sum;
}

size_t visible_fit(struct slice text, size_t columns)
{
	size_t sum = 0, octets = 0;

	while (octets < text.len) {
		size_t width;
		size_t len = measure(slice_skip(text, octets), &width);
		if (sum + width > columns)
			break;
		sum += width;
		octets += len;
	}
	return octets;
}
