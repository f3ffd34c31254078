/*
 * html_text: tags off, words kept. See html_text.h.
 */
#include "mime/html_text.h"

enum { ENTITY_MAX = 10, BREAKS_MAX = 2 };

struct html {
	struct slice rest;
	struct buf *out;
	size_t start;      /* of this text in out */
	struct slice link; /* the address of the link that is open */
	unsigned breaks;   /* line ends due before the next word */
	bool blank;        /* a blank is due before it */
	bool verbatim;     /* within <pre> */
	bool no_tags;      /* no '>' is left */
};

/* ---- what is given out ---- */

static bool put_pending(struct html *h)
{
	bool first = h->out->len == h->start;

	for (; h->breaks > 0; h->breaks--) {
		h->blank = false;
		if (!first && !buf_append_char(h->out, '\n'))
			return false;
	}
	bool blank = h->blank && !first;
	h->blank = false;
	return !blank || buf_append_char(h->out, ' ');
}

static bool put(struct html *h, struct slice text)
{
	return put_pending(h) && buf_append_slice(h->out, text);
}

static void break_line(struct html *h, unsigned breaks)
{
	if (h->breaks < breaks)
		h->breaks = breaks;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool put_character(struct html *h, char c)
{
	if (!is_space(c) || (h->verbatim && c != '\n'))
		return put(h, slice_make(&c, 1));
	if (h->verbatim)
		h->breaks++;
	else
		h->blank = true;
	return h->breaks <= BREAKS_MAX || put_pending(h);
}

/* ---- entities ---- */

static const struct {
	const char *name;
	uint32_t character;
} entities[] = {
	{ "amp", '&' },      { "lt", '<' },       { "gt", '>' },        { "quot", '"' },     { "apos", '\'' },
	{ "nbsp", ' ' },     { "shy", 0xAD },     { "copy", 0xA9 },     { "reg", 0xAE },     { "euro", 0x20AC },
	{ "ndash", 0x2013 }, { "mdash", 0x2014 }, { "lsquo", 0x2018 },  { "rsquo", 0x2019 }, { "ldquo", 0x201C },
	{ "rdquo", 0x201D }, { "bull", 0x2022 },  { "hellip", 0x2026 }, { "laquo", 0xAB },   { "raquo", 0xBB },
	{ "middot", 0xB7 },  { "auml", 0xE4 },    { "ouml", 0xF6 },     { "uuml", 0xFC },    { "Auml", 0xC4 },
	{ "Ouml", 0xD6 },    { "Uuml", 0xDC },    { "szlig", 0xDF },    { "eacute", 0xE9 },  { "egrave", 0xE8 },
	{ "agrave", 0xE0 },  { "ccedil", 0xE7 },  { "ntilde", 0xF1 },   { "trade", 0x2122 }, { "zwnj", 0x200C },
};

static size_t encode(uint32_t c, char octets[4])
{
	if (c < 0x80) {
		octets[0] = (char)c;
		return 1;
	}
	size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = { 0, 0xC0, 0xE0, 0xF0 };
	octets[0] = (char)(lead[more] | c >> (6 * more));
	for (size_t i = 1; i <= more; i++)
		octets[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3F));
	return more + 1;
}

static bool number_of(struct slice digits, uint32_t *character)
{
	uint32_t value = 0;
	bool hex = digits.len > 0 && (digits.ptr[0] | 0x20) == 'x';
	uint32_t base = hex ? 16 : 10;

	digits = slice_skip(digits, hex);
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a') + 10;
		if (digit >= base)
			return false;
		value = value * base + digit;
		if (value > 0x10FFFF)
			return false;
	}
	*character = value;
	return digits.len > 0 && value > 0 && (value < 0xD800 || value > 0xDFFF);
}

static bool find_entity(struct slice name, uint32_t *character)
{
	if (name.len > 1 && name.ptr[0] == '#')
		return number_of(slice_skip(name, 1), character);
	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
		if (slice_equal_text(name, entities[i].name)) {
			*character = entities[i].character;
			return true;
		}
	}
	return false;
}

/* At an ampersand: what is no entity is text. */
static bool take_entity(struct html *h)
{
	struct slice name = slice_skip(h->rest, 1);
	uint32_t character;
	char octets[4];

	name.len = slice_find(slice_make(name.ptr, name.len < ENTITY_MAX ? name.len : ENTITY_MAX), ';');
	bool whole = name.len + 1 < h->rest.len && h->rest.ptr[name.len + 1] == ';';
	if (!whole || !find_entity(name, &character)) {
		h->rest = slice_skip(h->rest, 1);
		return put(h, slice_str("&"));
	}
	h->rest = slice_skip(h->rest, name.len + 2);
	/* A line end that is written as a number is a blank as any other; a soft hyphen shows nothing. */
	if (character < 0x80)
		return put_character(h, (char)character);
	return character == 0xAD || character == 0x200C || put(h, slice_make(octets, encode(character, octets)));
}

/* ---- tags ---- */

/* The text up to `end` is passed over; all of it where `end` is not there. */
static void skip_to(struct html *h, const char *end)
{
	while (h->rest.len > 0 && !slice_starts_nocase(h->rest, end)) {
		h->rest = slice_skip(h->rest, 1);
		h->rest = slice_skip(h->rest, slice_find(h->rest, end[0]));
	}
}

/* What stands behind ` href=`, with or without quotes. */
static struct slice link_of(struct slice attributes)
{
	static const char name[] = "href=";

	for (; attributes.len > 0; attributes = slice_skip(attributes, 1)) {
		if (!is_space(attributes.ptr[0]) || !slice_starts_nocase(slice_skip(attributes, 1), name))
			continue;
		struct slice value = slice_skip(attributes, sizeof name);
		char quote = value.len > 0 ? value.ptr[0] : ' ';
		if (quote != '"' && quote != '\'')
			return slice_make(value.ptr, slice_find(value, ' '));
		value = slice_skip(value, 1);
		return slice_make(value.ptr, slice_find(value, quote));
	}
	return attributes;
}

static bool end_link(struct html *h)
{
	struct slice link = h->link;

	h->link.len = 0;
	if (!slice_starts_nocase(link, "http") && !slice_starts_nocase(link, "mailto:"))
		return true;
	h->blank = true;
	return put(h, slice_str("<")) && buf_append_slice(h->out, link) && buf_append_char(h->out, '>');
}

enum effect { EFFECT_LINE, EFFECT_PARAGRAPH, EFFECT_ITEM, EFFECT_CELL, EFFECT_HIDDEN };

static const struct {
	const char *name;
	enum effect effect;
	const char *end; /* of what is hidden */
} tags[] = {
	{ "br", EFFECT_LINE, NULL },           { "div", EFFECT_LINE, NULL },
	{ "tr", EFFECT_LINE, NULL },           { "p", EFFECT_PARAGRAPH, NULL },
	{ "h1", EFFECT_PARAGRAPH, NULL },      { "h2", EFFECT_PARAGRAPH, NULL },
	{ "h3", EFFECT_PARAGRAPH, NULL },      { "ul", EFFECT_PARAGRAPH, NULL },
	{ "ol", EFFECT_PARAGRAPH, NULL },      { "table", EFFECT_PARAGRAPH, NULL },
	{ "hr", EFFECT_PARAGRAPH, NULL },      { "blockquote", EFFECT_PARAGRAPH, NULL },
	{ "li", EFFECT_ITEM, NULL },           { "td", EFFECT_CELL, NULL },
	{ "th", EFFECT_CELL, NULL },           { "script", EFFECT_HIDDEN, "</script" },
	{ "style", EFFECT_HIDDEN, "</style" }, { "title", EFFECT_HIDDEN, "</title" },
};

static bool have_effect(struct html *h, size_t tag, bool closing)
{
	switch (tags[tag].effect) {
	case EFFECT_LINE:
		break_line(h, 1);
		return true;
	case EFFECT_PARAGRAPH:
		break_line(h, 2);
		return true;
	case EFFECT_CELL:
		h->blank = true;
		return true;
	case EFFECT_ITEM:
		break_line(h, 1);
		return closing || put(h, slice_str("- "));
	case EFFECT_HIDDEN:
		if (!closing)
			skip_to(h, tags[tag].end);
		return true;
	}
	return true;
}

/* The inside of <…>. */
static bool obey_tag(struct html *h, struct slice tag)
{
	bool closing = tag.len > 0 && tag.ptr[0] == '/';
	size_t len = 0;

	tag = slice_skip(tag, closing);
	while (len < tag.len && !is_space(tag.ptr[len]) && tag.ptr[len] != '/')
		len++;
	struct slice name = slice_make(tag.ptr, len);
	if (slice_equal_text_nocase(name, "pre")) {
		h->verbatim = !closing;
		break_line(h, 1);
	} else if (slice_equal_text_nocase(name, "a")) {
		if (closing)
			return end_link(h);
		h->link = link_of(slice_skip(tag, len));
	}
	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		if (slice_equal_text_nocase(name, tags[i].name))
			return have_effect(h, i, closing);
	}
	return true;
}

/* At a '<': what begins no tag is text. */
static bool take_tag(struct html *h)
{
	struct slice inside = slice_skip(h->rest, 1);
	char c = inside.len > 0 ? (char)(inside.ptr[0] | 0x20) : ' ';
	bool tag = (c >= 'a' && c <= 'z') || (inside.len > 0 && strchr("/!?", inside.ptr[0]) && inside.ptr[0]);

	if (slice_starts_nocase(h->rest, "<!--")) {
		skip_to(h, "-->");
		h->rest = slice_skip(h->rest, 3);
		return true;
	}
	size_t end = tag && !h->no_tags ? slice_find(inside, '>') : inside.len;
	if (end == inside.len) {
		/* Not looked for again and again. */
		h->no_tags = h->no_tags || tag;
		h->rest = inside;
		return put(h, slice_str("<"));
	}
	h->rest = slice_skip(inside, end + 1);
	return obey_tag(h, slice_make(inside.ptr, end));
}

static bool take_text(struct html *h)
{
	char c = h->rest.ptr[0];

	h->rest = slice_skip(h->rest, 1);
	return put_character(h, c);
}

bool html_text(struct slice html, struct buf *out)
{
	struct html h = { .rest = html, .out = out, .start = out->len };

	while (h.rest.len > 0) {
		char c = h.rest.ptr[0];
		bool ok = c == '<' ? take_tag(&h) : c == '&' ? take_entity(&h) : take_text(&h);
		if (!ok)
			return false;
	}
	return out->len == h.start || buf_append_char(out, '\n');
}
