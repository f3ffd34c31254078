/*
 * header: cuts a message's header into fields, line by line. Decoding a field's text is in header_text.c.
 *
 * A line is collected in `pending`, and joins `line`, the field under way, once it is known to belong there; the field comes out when a line
 * follows that is no continuation. Each of the two holds HEADER_FIELD_MAX octets; what is more is counted, not kept.
 */
#include "mail/header.h"

#include "mail/utf8.h"

void header_parser_init(struct header_parser *h, void (*field)(void *owner, const struct header_field *), void *owner)
{
	*h = (struct header_parser){ .field = field, .owner = owner };
	buf_init(&h->line, HEADER_FIELD_MAX);
	buf_init(&h->pending, HEADER_FIELD_MAX);
}

void header_parser_release(struct header_parser *h)
{
	buf_release(&h->line);
	buf_release(&h->pending);
}

bool header_is_field(struct slice line)
{
	size_t len = 0;
	while (len < line.len && line.ptr[len] > ' ' && line.ptr[len] <= '~' && line.ptr[len] != ':')
		len++;
	return len > 0 && len < line.len && line.ptr[len] == ':';
}

/* As much as there is room for. */
static void keep(struct header_parser *h, struct buf *b, struct slice s)
{
	size_t room = b->max - b->len;
	h->lacking |= !buf_append(b, s.ptr, s.len < room ? s.len : room);
}

static bool is_space(char c)
{
	return slice_is_blank(c) || c == '\n';
}

static struct slice trim_lines(struct slice s)
{
	while (s.len > 0 && is_space(s.ptr[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static void give_field(struct header_parser *h)
{
	if (!h->field_under_way)
		return;
	h->field_under_way = false;
	struct slice all = buf_slice(&h->line);
	size_t colon = slice_find(all, ':');
	struct slice rest = slice_skip(all, colon + 1);
	struct header_field field = {
		.name = slice_make(all.ptr, colon),
		.value = slice_trim(slice_make(rest.ptr, slice_find(rest, '\n'))),
		.folded = trim_lines(rest),
	};
	h->field(h->owner, &field);
}

static void begin_field(struct header_parser *h, struct slice line)
{
	give_field(h);
	buf_clear(&h->line);
	keep(h, &h->line, line);
	/* Without memory for it there is no field to give. */
	h->field_under_way = header_is_field(buf_slice(&h->line));
}

static void end_header(struct header_parser *h, bool empty_line)
{
	h->ended = true;
	h->empty_line = empty_line;
	give_field(h);
	header_parser_release(h);
}

/* The line in `pending` is whole. */
static void read_line(struct header_parser *h)
{
	struct slice line = buf_slice(&h->pending);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	bool continues = h->octets > 0 && line.len > 0 && slice_is_blank(line.ptr[0]);
	if (continues) {
		keep(h, &h->line, slice_str("\n"));
		keep(h, &h->line, line);
	} else if (header_is_field(line)) {
		begin_field(h, line);
	} else {
		end_header(h, slice_empty(line));
		return;
	}
	h->octets += h->pending_octets;
	h->pending_octets = 0;
	buf_clear(&h->pending);
}

void header_parser_push(struct header_parser *h, const char *octets, size_t n)
{
	struct slice rest = slice_make(octets, n);
	while (rest.len > 0 && !h->ended) {
		size_t lf = slice_find(rest, '\n');
		size_t taken = lf < rest.len ? lf + 1 : lf;
		keep(h, &h->pending, slice_make(rest.ptr, lf));
		h->pending_octets += taken;
		if (taken > lf)
			read_line(h);
		rest = slice_skip(rest, taken);
	}
}

void header_parser_finish(struct header_parser *h)
{
	if (!h->ended && h->pending_octets > 0)
		read_line(h);
	if (!h->ended)
		end_header(h, false);
}

size_t header_characters(struct slice utf8)
{
	size_t count = 0;
	while (utf8.len > 0) {
		size_t len = utf8_character(utf8);
		utf8 = slice_skip(utf8, len > 0 ? len : 1);
		count++;
	}
	return count;
}
