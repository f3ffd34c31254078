/*
 * mime_body: content, mended and decoded. See mime_body.h.
 */
#include "mime/mime_body.h"

#include "base/slice.h"

enum { PIECE = 64 * 1024 };

static bool is_base64_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '+' || c == '/';
}

/* How many padding signs the text should have at its end, and has not. */
static size_t missing_padding(GMimeStream *raw)
{
	char octets[PIECE];
	size_t digits = 0, padding = 0;
	ssize_t n;

	g_mime_stream_reset(raw);
	while ((n = g_mime_stream_read(raw, octets, sizeof octets)) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			digits += is_base64_digit(octets[i]);
			padding += octets[i] == '=';
		}
	}
	g_mime_stream_reset(raw);
	return padding > 0 || digits % 4 < 2 ? 0 : 4 - digits % 4;
}

static GMimeStream *with_padding(GMimeStream *raw)
{
	GMimeStream *both = g_mime_stream_cat_new();
	GMimeStream *end = g_mime_stream_mem_new_with_buffer("==", missing_padding(raw));

	g_mime_stream_cat_add_source(GMIME_STREAM_CAT(both), raw);
	g_mime_stream_cat_add_source(GMIME_STREAM_CAT(both), end);
	g_object_unref(end);
	return both;
}

/* A line without the blanks at its end; a CR there is its end's. */
static void append_line(GByteArray *to, struct slice line, bool ended)
{
	while (line.len > 0 && (slice_is_blank(line.ptr[line.len - 1]) || line.ptr[line.len - 1] == '\r'))
		line.len--;
	g_byte_array_append(to, (const guint8 *)line.ptr, (guint)line.len);
	if (ended)
		g_byte_array_append(to, (const guint8 *)"\n", 1);
}

static GMimeStream *without_blanks(GMimeStream *raw)
{
	GMimeStream *copy = g_mime_stream_mem_new(), *mended = g_mime_stream_mem_new();
	GByteArray *octets, *lines = g_byte_array_new();

	g_mime_stream_reset(raw);
	g_mime_stream_write_to_stream(raw, copy);
	octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(copy));
	struct slice rest = slice_make((const char *)octets->data, octets->len);
	while (rest.len > 0) {
		size_t n = slice_find(rest, '\n');
		append_line(lines, slice_make(rest.ptr, n), n < rest.len);
		rest = slice_skip(rest, n + 1);
	}
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(mended), lines);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(mended), TRUE);
	g_object_unref(copy);
	return mended;
}

static bool write_mended(GMimeStream *mended, GMimeContentEncoding encoding, GMimeStream *to)
{
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(mended, encoding);
	bool ok = g_mime_data_wrapper_write_to_stream(content, to) >= 0;

	g_object_unref(content);
	g_object_unref(mended);
	return ok;
}

bool mime_body_write(GMimePart *part, GMimeStream *to)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);

	if (!content)
		return true;
	GMimeStream *raw = g_mime_data_wrapper_get_stream(content);
	switch (g_mime_data_wrapper_get_encoding(content)) {
	case GMIME_CONTENT_ENCODING_BASE64:
		return write_mended(with_padding(raw), GMIME_CONTENT_ENCODING_BASE64, to);
	case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
		return write_mended(without_blanks(raw), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, to);
	default:
		return g_mime_data_wrapper_write_to_stream(content, to) >= 0;
	}
}
