/*
 * parts: a walk through the tree, and decoding. See parts.h.
 */
#include "web/parts.h"

#include <errno.h>
#include <stdlib.h>

#include "mail/header.h"
#include "mail/utf8.h"
#include "mime/charset.h"
#include "mime/mime_body.h"
#include "web/text.h"

enum {
	CID_MAX = 300,                 /* octets of a content id */
	INLINE_MAX = 16 * 1024 * 1024, /* octets of all images that are put into one HTML */
};

/* ---- the walk ---- */

static char *copy(const char *text)
{
	struct slice s = slice_make(text ? text : "", strnlen(text ? text : "", MIME_TREE_NAME_MAX + 1));
	return slice_dup(utf8_cut(s, MIME_TREE_NAME_MAX));
}

static char *type_of(GMimeObject *object)
{
	char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
	char *mine = copy(type);
	for (char *c = mine; c && *c; c++)
		*c = slice_lower(*c);
	g_free(type);
	return mine;
}

static const char *name_of(GMimeObject *object)
{
	const char *name = GMIME_IS_PART(object) ? g_mime_part_get_filename(GMIME_PART(object)) : NULL;
	return name ? name : GMIME_IS_MESSAGE_PART(object) ? "message.eml" : "";
}

static bool write_part(GMimeObject *object, GMimeStream *stream)
{
	if (!GMIME_IS_MESSAGE_PART(object))
		return mime_body_write(GMIME_PART(object), stream);
	GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
	return !message || g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, stream) >= 0;
}

static uint64_t count_octets(GMimeObject *object)
{
	GMimeStream *nowhere = g_mime_stream_null_new();
	write_part(object, nowhere);
	uint64_t octets = (uint64_t)GMIME_STREAM_NULL(nowhere)->written;
	g_object_unref(nowhere);
	return octets;
}

static bool is_shown(GMimeObject *object, const char *type)
{
	const char *disposition = g_mime_object_get_disposition(object);
	bool attached = disposition && slice_equal_text_nocase(slice_str(disposition), "attachment");
	return !attached && GMIME_IS_PART(object) && !*name_of(object) &&
	       (strcmp(type, "text/plain") == 0 || strcmp(type, "text/html") == 0);
}

static void take(struct parts *p, GMimeObject *object)
{
	struct part *more = realloc(p->list, (p->count + 1) * sizeof *more);
	p->full = p->full || !more;
	if (!more)
		return;
	p->list = more;
	struct part *part = &more[p->count++];
	*part = (struct part){ .object = object, .type = type_of(object), .name = copy(name_of(object)) };
	part->cid = copy(g_mime_object_get_content_id(object));
	p->full = p->full || !part->type || !part->name || !part->cid;
	if (p->full)
		return;
	part->octets = count_octets(object);
	part->shown = is_shown(object, part->type);
	part->html = part->shown && strcmp(part->type, "text/html") == 0;
}

static void walk(struct parts *p, GMimeObject *object, unsigned depth)
{
	if (p->full || !object || ++p->seen > MIME_TREE_PARTS_MAX || depth > MIME_TREE_DEPTH_MAX)
		return;
	if (!GMIME_IS_MULTIPART(object)) {
		take(p, object);
		return;
	}
	GMimeMultipart *multipart = GMIME_MULTIPART(object);
	int count = g_mime_multipart_get_count(multipart);
	for (int i = 0; i < count; i++)
		walk(p, g_mime_multipart_get_part(multipart, i), depth + 1);
}

bool parts_make(struct parts *p, struct slice mail)
{
	*p = (struct parts){ .mail = mail };
	if (!mime_tree_applies(mail) || !mime_tree_within_limits(mail))
		return true;
	p->tree = mime_tree_new(mail);
	if (p->tree)
		walk(p, p->tree->root, 0);
	return p->tree && !p->full;
}

void parts_release(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->list[i].name);
		free(p->list[i].type);
		free(p->list[i].cid);
	}
	free(p->list);
	mime_tree_free(p->tree);
	*p = (struct parts){ .tree = NULL };
}

const struct part *parts_attachment(const struct parts *p, size_t index)
{
	for (size_t i = 0; i < p->count; i++) {
		if (!p->list[i].shown && index-- == 0)
			return &p->list[i];
	}
	return NULL;
}

/* ---- contents ---- */

bool parts_octets(const struct part *part, struct buf *out)
{
	GMimeStream *memory = g_mime_stream_mem_new();
	GByteArray *octets = g_byte_array_new();
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(memory), octets);
	bool ok = write_part(part->object, memory) && buf_append(out, octets->data, octets->len);
	g_object_unref(memory);
	g_byte_array_unref(octets);
	return ok;
}

/* A text as UTF-8; of an unknown character set, what is ASCII in it. */
static bool decode(const struct part *part, struct buf *out)
{
	const char *charset = g_mime_object_get_content_type_parameter(part->object, "charset");
	struct buf octets, utf8;
	buf_init(&octets, out->max);
	buf_init(&utf8, out->max);
	bool ok = parts_octets(part, &octets);
	enum charset_outcome outcome = charset_decode(charset, buf_slice(&octets), &utf8);
	ok = ok && outcome != CHARSET_FULL && text_utf8(buf_slice(outcome == CHARSET_UNKNOWN ? &octets : &utf8), out);
	buf_release(&octets);
	buf_release(&utf8);
	return ok;
}

static void nothing(void *owner, const struct header_field *f)
{
	(void)owner;
	(void)f;
}

/* Behind the header of a mail that is no MIME. */
static struct slice body_of(struct slice mail)
{
	struct header_parser parser;
	header_parser_init(&parser, nothing, NULL);
	header_parser_push(&parser, mail.ptr, mail.len);
	header_parser_finish(&parser);
	size_t header = parser.octets + (parser.empty_line ? 1 : 0);
	header_parser_release(&parser);
	return slice_skip(mail, header);
}

static bool gap(struct buf *out, size_t start)
{
	return out->len == start || buf_append_char(out, '\n');
}

bool parts_text(const struct parts *p, struct buf *out)
{
	size_t start = out->len;
	if (!p->tree)
		return text_utf8(body_of(p->mail), out);
	bool ok = true;
	for (size_t i = 0; ok && i < p->count; i++) {
		if (p->list[i].shown && !p->list[i].html)
			ok = gap(out, start) && decode(&p->list[i], out);
	}
	return ok;
}

bool parts_has_html(const struct parts *p)
{
	for (size_t i = 0; i < p->count; i++) {
		if (p->list[i].html)
			return true;
	}
	return false;
}

/* ---- images that the mail brings ---- */

static bool is_cid_character(char c)
{
	return (unsigned char)c > ' ' && c != '"' && c != '\'' && c != '>' && c != '<' && c != ')' && c != '&';
}

static const struct part *find_image(const struct parts *p, struct slice cid)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct part *part = &p->list[i];
		if (*part->cid && slice_equal_text(cid, part->cid) &&
		    slice_starts_nocase(slice_str(part->type), "image/"))
			return part;
	}
	return NULL;
}

/* The type is the mail's: letters, digits and a few signs, or it is left out. */
static bool plain_type(const char *type)
{
	return type[strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789/.+-")] == '\0';
}

static bool put_data(const struct part *part, size_t *room, struct buf *out)
{
	struct buf octets;
	buf_init(&octets, *room);
	bool fits = plain_type(part->type) && parts_octets(part, &octets);
	if (fits) {
		gchar *base64 = g_base64_encode((const guchar *)(octets.len ? octets.data : ""), octets.len);
		fits = buf_printf(out, "data:%s;base64,", part->type) && buf_append_text(out, base64);
		*room -= octets.len;
		g_free(base64);
	}
	buf_release(&octets);
	return fits;
}

/* Where the text at `html` is a reference to an image of the mail: how many octets it takes, and it is put out; else 0. */
static size_t put_reference(const struct parts *p, struct slice html, size_t *room, struct buf *out)
{
	size_t n = 4;
	if (!slice_starts_nocase(html, "cid:"))
		return 0;
	while (n < html.len && n < CID_MAX && is_cid_character(html.ptr[n]))
		n++;
	const struct part *image = find_image(p, slice_make(html.ptr + 4, n - 4));
	return image && put_data(image, room, out) ? n : 0;
}

static bool put_html(const struct parts *p, struct slice html, size_t *room, struct buf *out)
{
	bool ok = true;
	while (ok && html.len > 0) {
		size_t n = put_reference(p, html, room, out);
		if (n == 0) {
			size_t c = slice_find(slice_skip(html, 1), 'c'), capital = slice_find(slice_skip(html, 1), 'C');
			n = 1 + (c < capital ? c : capital);
			ok = buf_append(out, html.ptr, n);
		}
		html = slice_skip(html, n);
	}
	return ok;
}

bool parts_html(const struct parts *p, struct buf *out)
{
	size_t room = INLINE_MAX;
	struct buf html;
	buf_init(&html, out->max);
	bool ok = true;
	for (size_t i = 0; ok && i < p->count; i++) {
		if (p->list[i].html)
			ok = decode(&p->list[i], &html);
	}
	ok = ok && put_html(p, buf_slice(&html), &room, out);
	buf_release(&html);
	return ok;
}
