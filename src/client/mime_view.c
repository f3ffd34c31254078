/*
 * mime_view: a walk through the parts of a mail. See mime_view.h.
 */
#include "client/mime_view.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <stdlib.h>

#include "mime/charset.h"
#include "mime/html_text.h"
#include "mime/mime_body.h"
#include "mime/mime_tree.h"
#include "client/mime_header.h"
#include "mail/utf8.h"

enum {
	TEXT_MAX = 128 * 1024 * 1024,     /* octets of all that is shown */
	PART_TEXT_MAX = 64 * 1024 * 1024, /* octets of one text */
};

/* ---- what is shown ---- */

struct walk {
	struct mime_view *view;
	unsigned parts;
	bool full;
	bool hidden; /* within an alternative that is not shown: its attachments count, its texts do not */
};

static void walk_object(struct walk *w, GMimeObject *object, unsigned depth);

static void put(struct walk *w, bool ok)
{
	w->full = w->full || !ok;
}

/* An empty line between what is there and what comes. */
static void put_gap(struct walk *w)
{
	struct buf *text = &w->view->text;

	if (text->len > 0)
		put(w,
		    (text->data[text->len - 1] == '\n' || buf_append_char(text, '\n')) && buf_append_char(text, '\n'));
}

static void put_note(struct walk *w, const char *note)
{
	put_gap(w);
	put(w, buf_printf(&w->view->text, "[%s]\n", note));
}

static GByteArray *decode(GMimePart *part)
{
	GMimeStream *memory = g_mime_stream_mem_new();
	GByteArray *octets = g_byte_array_new();

	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(memory), octets);
	mime_body_write(part, memory);
	g_object_unref(memory);
	return octets;
}

/* CR LF becomes LF. */
static bool put_lines(struct slice text, struct buf *out)
{
	while (text.len > 0) {
		size_t n = slice_find(text, '\n');
		size_t len = n < text.len && n > 0 && text.ptr[n - 1] == '\r' ? n - 1 : n;
		if (!buf_append(out, text.ptr, len) || (n < text.len && !buf_append_char(out, '\n')))
			return false;
		text = slice_skip(text, n + 1);
	}
	return true;
}

/* A text as UTF-8 with a note where its character set is not known. */
static bool put_decoded(struct walk *w, struct slice octets, const char *charset, struct buf *out)
{
	struct buf note;

	enum charset_outcome outcome = charset_decode(charset, octets, out);
	if (outcome != CHARSET_UNKNOWN)
		return outcome == CHARSET_DONE;
	buf_init(&note, 4 * MIME_TREE_NAME_MAX);
	struct slice name = slice_make(charset, strnlen(charset, MIME_TREE_NAME_MAX / 4));
	if (buf_append_text(&note, "in a character set that is not known here: ") && mime_header_line(name, &note) &&
	    buf_append_char(&note, '\0'))
		put_note(w, note.data);
	buf_release(&note);
	return buf_append_slice(out, octets);
}

static void show_text(struct walk *w, GMimePart *part)
{
	GMimeObject *object = GMIME_OBJECT(part);
	const char *charset = g_mime_object_get_content_type_parameter(object, "charset");
	bool html = g_mime_content_type_is_type(g_mime_object_get_content_type(object), "text", "html");
	GByteArray *octets = decode(part);
	struct buf utf8, words;

	buf_init(&utf8, PART_TEXT_MAX);
	buf_init(&words, PART_TEXT_MAX);
	errno = 0;
	bool fits = put_decoded(w, slice_make((char *)octets->data, octets->len), charset, &utf8);
	if (html)
		fits = fits && html_text(buf_slice(&utf8), &words);
	if (!fits && errno == ENOMEM) {
		put(w, false);
	} else if (!fits) {
		put_note(w, "a text that is too long to be shown");
	} else {
		put_gap(w);
		put(w, put_lines(buf_slice(html ? &words : &utf8), &w->view->text));
	}
	buf_release(&utf8);
	buf_release(&words);
	g_byte_array_unref(octets);
}

/* ---- attachments ---- */

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

static const char *name_of(GMimeObject *object)
{
	const char *name = GMIME_IS_PART(object) ? g_mime_part_get_filename(GMIME_PART(object))
	                                         : g_mime_object_get_content_disposition_parameter(object, "filename");

	return name ? name : GMIME_IS_MESSAGE_PART(object) ? "message.eml" : "";
}

static char *copy(const char *text)
{
	struct slice s = slice_make(text, strnlen(text, MIME_TREE_NAME_MAX + 1));

	return slice_dup(utf8_cut(s, MIME_TREE_NAME_MAX));
}

static void list_attachment(struct walk *w, GMimeObject *object)
{
	struct mime_view *v = w->view;
	struct mime_attachment *all = realloc(v->attachments, (v->count + 1) * sizeof *all);

	put(w, all != NULL);
	if (!all)
		return;
	char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
	v->attachments = all;
	struct mime_attachment *a = &all[v->count++];
	*a = (struct mime_attachment){ copy(name_of(object)), copy(type ? type : ""), count_octets(object), object };
	put(w, a->name && a->type);
	g_free(type);
}

static void put_attachments(struct walk *w)
{
	struct buf *text = &w->view->text;

	if (w->view->count > 0 && !w->full)
		put_gap(w);
	for (size_t i = 0; i < w->view->count && !w->full; i++) {
		const struct mime_attachment *a = &w->view->attachments[i];
		put(w, buf_printf(text, "[Attachment %zu: ", i + 1));
		put(w, mime_header_line(slice_str(a->name[0] ? a->name : "no name"), text));
		put(w, buf_append_text(text, ", ") && mime_header_line(slice_str(a->type), text));
		put(w, buf_printf(text, ", %llu octets]\n", (unsigned long long)a->octets));
	}
}

/* ---- the parts ---- */

static bool is_type(GMimeObject *object, const char *type, const char *subtype)
{
	return g_mime_content_type_is_type(g_mime_object_get_content_type(object), type, subtype);
}

static void walk_part(struct walk *w, GMimeObject *object)
{
	const char *disposition = g_mime_object_get_disposition(object);
	bool attached = disposition && slice_equal_text_nocase(slice_str(disposition), "attachment");
	bool text = GMIME_IS_PART(object) && is_type(object, "text", "*") && !attached;

	if (text && !w->hidden)
		show_text(w, GMIME_PART(object));
	if (!text || name_of(object)[0] != '\0')
		list_attachment(w, object);
}

static void walk_message(struct walk *w, GMimeObject *object, unsigned depth)
{
	GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

	list_attachment(w, object);
	if (!message || w->hidden)
		return;
	char *header = g_mime_object_get_headers(GMIME_OBJECT(message), NULL);
	put_note(w, "a mail within this mail:");
	put(w, mime_header_show(slice_str(header), &w->view->text));
	g_free(header);
	GMimeObject *inner = g_mime_message_get_mime_part(message);
	if (inner)
		walk_object(w, inner, depth + 1);
}

/* A multipart without delimiters has all its text before the first. */
static void show_prologue(struct walk *w, GMimeMultipart *multipart)
{
	const char *text = g_mime_multipart_get_prologue(multipart);

	put_note(w, "parts were promised, and none is marked:");
	put(w, !text || put_lines(slice_str(text), &w->view->text));
}

static bool has_text(GMimeObject *object, const char *subtype, unsigned depth)
{
	if (!GMIME_IS_MULTIPART(object))
		return GMIME_IS_PART(object) && is_type(object, "text", subtype);
	GMimeMultipart *multipart = GMIME_MULTIPART(object);
	int count = g_mime_multipart_get_count(multipart);
	for (int i = 0; i < count && depth < MIME_TREE_DEPTH_MAX; i++) {
		if (has_text(g_mime_multipart_get_part(multipart, i), subtype, depth + 1))
			return true;
	}
	return false;
}

/* The one that a terminal shows best: plain text, else HTML, else the plainest, which stands first (RFC 2046 section 5.1.4). */
static int best_alternative(GMimeMultipart *multipart, unsigned depth)
{
	static const char *const wanted[] = { "plain", "html", "*" };
	int count = g_mime_multipart_get_count(multipart);

	for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
		for (int i = 0; i < count; i++) {
			if (has_text(g_mime_multipart_get_part(multipart, i), wanted[k], depth))
				return i;
		}
	}
	return 0;
}

static void walk_multipart(struct walk *w, GMimeMultipart *multipart, unsigned depth)
{
	int count = g_mime_multipart_get_count(multipart);
	bool choice = is_type(GMIME_OBJECT(multipart), "multipart", "alternative") && !w->hidden && count > 0;
	int best = choice ? best_alternative(multipart, depth + 1) : 0;

	if (count == 0 && !w->hidden)
		show_prologue(w, multipart);
	for (int i = 0; i < count; i++) {
		bool before = w->hidden;
		w->hidden = before || (choice && i != best);
		walk_object(w, g_mime_multipart_get_part(multipart, i), depth + 1);
		w->hidden = before;
	}
}

static void walk_object(struct walk *w, GMimeObject *object, unsigned depth)
{
	if (w->full || w->parts > MIME_TREE_PARTS_MAX)
		return;
	if (++w->parts > MIME_TREE_PARTS_MAX)
		put_note(w, "more parts than are shown");
	else if (depth > MIME_TREE_DEPTH_MAX)
		put_note(w, "parts within parts, deeper than is shown");
	else if (GMIME_IS_MULTIPART(object))
		walk_multipart(w, GMIME_MULTIPART(object), depth);
	else if (GMIME_IS_MESSAGE_PART(object))
		walk_message(w, object, depth);
	else
		walk_part(w, object);
}

/* ---- life ---- */

void mime_view_init(struct mime_view *v)
{
	*v = (struct mime_view){ .root = NULL };
	buf_init(&v->text, TEXT_MAX);
}

void mime_view_release(struct mime_view *v)
{
	struct mime_tree *tree = v->root;

	for (size_t i = 0; i < v->count; i++) {
		free(v->attachments[i].name);
		free(v->attachments[i].type);
	}
	free(v->attachments);
	mime_tree_free(tree);
	buf_release(&v->text);
	mime_view_init(v);
}

bool mime_view_make(struct mime_view *v, struct slice mail)
{
	struct walk w = { .view = v };

	mime_view_release(v);
	if (!mime_tree_applies(mail) || !mime_tree_within_limits(mail))
		return false;
	struct mime_tree *tree = mime_tree_new(mail);
	v->root = tree;
	put(&w, tree && mime_header_show(mail, &v->text));
	if (!w.full) {
		walk_object(&w, tree->root, 0);
		put_attachments(&w);
	}
	if (w.full)
		mime_view_release(v);
	return !w.full;
}

bool mime_view_write(const struct mime_view *v, size_t index, int fd, struct fault *why)
{
	GMimeStream *file = g_mime_stream_fs_new(fd);

	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(file), FALSE);
	errno = 0;
	bool ok = write_part(v->attachments[index].part, file) && g_mime_stream_flush(file) == 0;
	if (!ok)
		fault_errno(why, "the attachment cannot be written");
	g_object_unref(file);
	return ok;
}
