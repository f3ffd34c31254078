/*
 * mime_compose: header lines and a body's parts. See mime_compose.h.
 */
#include "client/mime_compose.h"

#include <errno.h>
#include <fcntl.h>
#include <gmime/gmime.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "client/attachment.h"
#include "mail/utf8.h"

enum {
	WORD_OCTETS =
	        39, /* of text in an encoded word, which takes at most 75 (RFC 2047 section 2) and here, behind "Subject: ", 78 */
	PLAIN_WORD_MAX = 60, /* a longer word of a header is encoded, as nothing else breaks it */
};

/* ---- header values ---- */

/* A header under way: a line is folded before it passes MIME_COMPOSE_LINE_MAX. */
struct header {
	struct buf *out;
	size_t column;
	bool full;
};

static void put(struct header *h, struct slice s)
{
	h->full = h->full || !buf_append_slice(h->out, s);
	h->column += s.len;
}

static void put_text(struct header *h, const char *text)
{
	put(h, slice_str(text));
}

static void begin(struct header *h, const char *name)
{
	h->column = 0;
	put_text(h, name);
	put_text(h, ":");
}

static void end(struct header *h)
{
	put_text(h, "\n");
}

/* A blank, or a new line that begins with one (RFC 5322 section 2.2.3). */
static void put_blank(struct header *h, size_t needed)
{
	if (h->column + 1 + needed > MIME_COMPOSE_LINE_MAX) {
		put_text(h, "\n");
		h->column = 0;
	}
	put_text(h, " ");
}

/* RFC 2047: words of whole characters. */
static void put_encoded(struct header *h, struct slice text)
{
	while (text.len > 0) {
		struct slice piece = utf8_cut(text, WORD_OCTETS);
		char *word = g_base64_encode((const guchar *)piece.ptr, piece.len);
		put_blank(h, strlen(word) + 12);
		put_text(h, "=?UTF-8?B?");
		put_text(h, word);
		put_text(h, "?=");
		g_free(word);
		text = slice_skip(text, piece.len);
	}
}

static size_t word_length(struct slice s)
{
	size_t n = 0;

	while (n < s.len && !slice_is_blank(s.ptr[n]))
		n++;
	return n;
}

/* Printable ASCII in words that can be folded, nothing that looks encoded, single blanks between. */
static bool is_plain(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		struct slice rest = slice_skip(text, i);
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7E || slice_starts_nocase(rest, "=?") ||
		    slice_starts_nocase(rest, "  ") || (i == 0 && text.ptr[i] == ' '))
			return false;
	}
	return text.len == 0 || text.ptr[text.len - 1] != ' ';
}

static bool has_long_word(struct slice text)
{
	while (text.len > 0) {
		size_t n = word_length(text);
		if (n > PLAIN_WORD_MAX)
			return true;
		text = slice_skip(text, n + 1);
	}
	return false;
}

static void put_words(struct header *h, struct slice text)
{
	while (text.len > 0) {
		struct slice word = slice_make(text.ptr, word_length(text));
		put_blank(h, word.len);
		put(h, word);
		text = slice_skip(text, word.len + 1);
	}
}

static void put_unstructured(struct header *h, struct slice text)
{
	if (is_plain(text) && !has_long_word(text))
		put_words(h, text);
	else
		put_encoded(h, text);
}

/* A name before an address (RFC 5322 section 3.4): words, a quoted string, or encoded words. */
static void put_name(struct header *h, struct slice name)
{
	static const char atom[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~ ";
	bool atoms = true, quotable = true;

	for (size_t i = 0; i < name.len; i++) {
		atoms = atoms && name.ptr[i] && strchr(atom, name.ptr[i]);
		quotable = quotable && name.ptr[i] != '"' && name.ptr[i] != '\\';
	}
	if (!is_plain(name) || name.len > PLAIN_WORD_MAX || (!atoms && !quotable)) {
		put_encoded(h, name);
	} else if (atoms) {
		put_words(h, name);
	} else {
		put_blank(h, name.len + 2);
		put_text(h, "\"");
		put(h, name);
		put_text(h, "\"");
	}
}

static void put_person(struct header *h, const struct person *person, const char *behind)
{
	if (person->name.len > 0)
		put_name(h, person->name);
	put_blank(h, person->address.len + 3);
	put_text(h, person->name.len > 0 ? "<" : "");
	put(h, person->address);
	put_text(h, person->name.len > 0 ? ">" : "");
	put_text(h, behind);
}

static void put_people(struct header *h, const char *name, const struct people *people)
{
	if (!people || people->count == 0)
		return;
	begin(h, name);
	for (size_t i = 0; i < people->count; i++)
		put_person(h, &people->list[i], i + 1 < people->count ? "," : "");
	end(h);
}

/* With the zone of this place (RFC 5322 section 3.3). The C locale's names are English. */
static void put_date(struct header *h, time_t when)
{
	char text[64];
	struct tm tm;

	localtime_r(&when, &tm);
	strftime(text, sizeof text, " %a, %d %b %Y %H:%M:%S %z", &tm);
	begin(h, "Date");
	put_text(h, text);
	end(h);
}

/* 128 random bits at the sender's domain: unique without asking anybody (section 3.6.4). */
static bool put_message_id(struct header *h, struct slice sender, struct fault *why)
{
	unsigned char bits[16];
	char digits[2 * sizeof bits + 1];
	size_t at = sender.len;

	if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits)
		return fault_errno(why, "there is no randomness for the Message-ID");
	for (size_t i = 0; i < sizeof bits; i++)
		snprintf(digits + 2 * i, 3, "%02x", bits[i]);
	while (at > 0 && sender.ptr[at - 1] != '@')
		at--;
	begin(h, "Message-ID");
	put_blank(h, sizeof digits + sender.len - at + 2);
	put_text(h, "<");
	put_text(h, digits);
	put_text(h, "@");
	put(h, slice_skip(sender, at));
	put_text(h, ">");
	end(h);
	return true;
}

bool mime_compose_header(const struct mime_letter *l, struct buf *out, struct fault *why)
{
	struct header h = { .out = out };

	if (l->subject.len > MIME_COMPOSE_SUBJECT_MAX)
		return fault_set(why, FAULT_PERMANENT, "the subject is longer than %d octets",
		                 MIME_COMPOSE_SUBJECT_MAX);
	if (mime_compose_find_invalid(l->subject) < l->subject.len)
		return fault_set(why, FAULT_PERMANENT, "the subject is not UTF-8");
	put_date(&h, l->date);
	begin(&h, "From");
	put_person(&h, l->from, "");
	end(&h);
	put_people(&h, "To", l->to);
	put_people(&h, "Cc", l->cc);
	if (l->subject.len > 0) {
		begin(&h, "Subject");
		put_unstructured(&h, l->subject);
		end(&h);
	}
	if (!put_message_id(&h, l->from->address, why))
		return false;
	put_text(&h, "MIME-Version: 1.0\n");
	return !h.full || fault_set(why, FAULT_TEMPORARY, "the header is too long, or memory is out");
}

/* ---- the text ---- */

enum { WORD = sizeof(uint64_t) };

/* The octets above 127 among eight, each as one bit. */
static uint64_t high_octets(const char *octets)
{
	uint64_t word;

	memcpy(&word, octets, WORD);
	return word & UINT64_C(0x8080808080808080);
}

size_t mime_compose_find_invalid(struct slice text)
{
	size_t at = 0;

	while (at < text.len) {
		bool ascii = at + WORD <= text.len && high_octets(text.ptr + at) == 0;
		size_t n = ascii ? WORD : utf8_character(slice_skip(text, at));
		if (n == 0)
			break;
		at += n;
	}
	return at;
}

enum { LOOKED_AT_ONCE = 32 * 1024 }; /* octets, which the processor's cache holds */

struct look {
	size_t high;    /* octets above 127 */
	size_t longest; /* line */
	size_t line_ends;
	bool binary; /* NUL, or a CR, which only a line's end may hold */
};

static size_t count_high(struct slice text)
{
	size_t i = 0, n = 0;

	for (; i + WORD <= text.len; i += WORD) {
		uint64_t high = high_octets(text.ptr + i);
		n += high ? (size_t)__builtin_popcountll(high) : 0;
	}
	for (; i < text.len; i++)
		n += (unsigned char)text.ptr[i] >= 0x80;
	return n;
}

/* A piece of the text; *line is how long the line is that is under way. */
static void look_at_piece(struct look *look, struct slice text, size_t *line)
{
	look->high += count_high(text);
	look->binary = look->binary || slice_has(text, '\0') || slice_has(text, '\r');
	while (text.len > 0) {
		size_t n = slice_find(text, '\n');
		bool ends = n < text.len;
		*line += n;
		look->longest = *line > look->longest ? *line : look->longest;
		look->line_ends += ends;
		*line = ends ? 0 : *line;
		text = slice_skip(text, n + 1);
	}
}

static struct look look_at(struct slice text)
{
	struct look look = { 0 };
	size_t line = 0;

	for (; text.len > 0; text = slice_skip(text, LOOKED_AT_ONCE)) {
		size_t n = text.len < LOOKED_AT_ONCE ? text.len : LOOKED_AT_ONCE;
		look_at_piece(&look, slice_make(text.ptr, n), &line);
	}
	return look;
}

/* Seven bits always, as not every server on the way takes eight (RFC 6152). Readable where it can be. */
static GMimeContentEncoding encoding_of(const struct look *look, size_t len)
{
	if (look->binary || look->high > len / 3)
		return GMIME_CONTENT_ENCODING_BASE64;
	if (look->high > 0 || look->longest > MIME_COMPOSE_LINE_MAX)
		return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
	return GMIME_CONTENT_ENCODING_7BIT;
}

static GMimePart *text_part(const struct look *look, GMimeContentEncoding encoding)
{
	GMimePart *part = g_mime_part_new_with_type("text", "plain");

	g_mime_part_set_content_encoding(part, encoding);
	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", look->high > 0 ? "utf-8" : "us-ascii");
	return part;
}

/* The array stands for the text and must live as long as the part. */
static void set_content(GMimePart *part, struct slice text, GByteArray *array)
{
	GMimeStream *stream = g_mime_stream_mem_new();

	*array = (GByteArray){ .data = (guint8 *)text.ptr, .len = (guint)text.len };
	g_mime_stream_mem_set_byte_array(GMIME_STREAM_MEM(stream), array);
	/* RFC 2045 section 6.8: a text's line ends are CR LF before they are encoded. */
	if (g_mime_part_get_content_encoding(part) == GMIME_CONTENT_ENCODING_BASE64) {
		GMimeStream *lines = g_mime_stream_filter_new(stream);
		GMimeFilter *filter = g_mime_filter_unix2dos_new(FALSE);
		g_mime_stream_filter_add(GMIME_STREAM_FILTER(lines), filter);
		g_object_unref(filter);
		g_object_unref(stream);
		stream = lines;
	}
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_mime_part_set_content(part, content);
	g_object_unref(content);
	g_object_unref(stream);
}

/* Of no name from the start, so that nothing is left behind. */
static int open_nameless(struct fault *why)
{
	const char *dir = getenv("TMPDIR");

	int fd = open(dir && dir[0] ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fault_errno(why, "no file can be made in %s for the mail", dir && dir[0] ? dir : "/tmp");
	return fd;
}

static bool write_part(GMimePart *part, int fd, struct fault *why)
{
	GMimeStream *stream = g_mime_stream_fs_new(fd);

	g_mime_stream_fs_set_owner(GMIME_STREAM_FS(stream), FALSE);
	errno = 0;
	bool ok = g_mime_object_write_to_stream(GMIME_OBJECT(part), NULL, stream) >= 0;
	if (!ok)
		fault_errno(why, "the mail cannot be put together");
	g_object_unref(stream);
	return ok;
}

static bool map(int fd, struct mime_piece *piece, struct fault *why)
{
	struct stat look;

	if (fstat(fd, &look) != 0)
		return fault_errno(why, "the mail cannot be read back");
	void *octets = mmap(NULL, (size_t)look.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (octets == MAP_FAILED)
		return fault_errno(why, "the mail cannot be read back");
	piece->text = slice_make(octets, (size_t)look.st_size);
	piece->text_octets = mime_message_octets(piece->text);
	piece->mapped = true;
	return true;
}

/* Header lines, an empty line, and the text as it is encoded. */
static bool put_encoded_part(struct mime_piece *piece, GMimePart *part, struct slice text, struct fault *why)
{
	GByteArray array;
	int fd = open_nameless(why);

	if (fd < 0)
		return false;
	set_content(part, text, &array);
	bool ok = write_part(part, fd, why) && map(fd, piece, why);
	file_close(fd);
	return ok;
}

/* Header lines and the empty one. */
static bool put_headers(struct buf *out, GMimeObject *object, struct fault *why)
{
	char *lines = g_mime_object_get_headers(object, NULL);
	bool ok = buf_append_text(out, lines) && buf_append_char(out, '\n');

	g_free(lines);
	return ok || fault_set(why, FAULT_TEMPORARY, "the header is too long, or memory is out");
}

static bool put_text_part(struct mime_piece *piece, struct slice text, struct fault *why)
{
	struct look look = look_at(text);
	GMimeContentEncoding encoding = encoding_of(&look, text.len);
	GMimePart *part = text_part(&look, encoding);
	bool ok;

	if (encoding == GMIME_CONTENT_ENCODING_7BIT) {
		ok = put_headers(&piece->head, GMIME_OBJECT(part), why);
		piece->text = text;
		piece->text_octets = text.len + look.line_ends;
	} else {
		ok = put_encoded_part(piece, part, text, why);
	}
	g_object_unref(part);
	return ok;
}

/* ---- files ---- */

static const struct {
	const char *extension, *type, *subtype;
} types[] = {
	{ ".txt", "text", "plain" },         { ".html", "text", "html" },      { ".csv", "text", "csv" },
	{ ".ics", "text", "calendar" },      { ".pdf", "application", "pdf" }, { ".json", "application", "json" },
	{ ".xml", "application", "xml" },    { ".zip", "application", "zip" }, { ".gz", "application", "gzip" },
	{ ".png", "image", "png" },          { ".jpg", "image", "jpeg" },      { ".jpeg", "image", "jpeg" },
	{ ".gif", "image", "gif" },          { ".svg", "image", "svg+xml" },   { ".webp", "image", "webp" },
	{ ".mp3", "audio", "mpeg" },         { ".ogg", "audio", "ogg" },       { ".mp4", "video", "mp4" },
	{ ".doc", "application", "msword" }, { ".rtf", "application", "rtf" },
};

static GMimePart *typed_part(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++) {
		if (slice_equal_text_nocase(slice_str(dot), types[i].extension))
			return g_mime_part_new_with_type(types[i].type, types[i].subtype);
	}
	return g_mime_part_new_with_type("application", "octet-stream");
}

static GMimePart *file_part(const struct mime_file *file, size_t number)
{
	char name[ATTACHMENT_NAME_MAX + 1];

	attachment_name(slice_str(file->name), number, name);
	GMimePart *part = typed_part(name);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_mime_object_set_disposition(GMIME_OBJECT(part), "attachment");
	g_mime_part_set_filename(part, name);
	return part;
}

/* RFC 2046 section 5.1.1: the line before the first part, or, behind another part, between two. */
static bool put_boundary(struct buf *out, const char *boundary, const char *before, const char *behind,
                         struct fault *why)
{
	return buf_printf(out, "%s--%s%s\n", before, boundary, behind) ||
	       fault_set(why, FAULT_TEMPORARY, "memory is out");
}

static bool put_file(struct mime_message *m, const struct mime_file *file, const char *boundary, struct fault *why)
{
	size_t number = m->count;
	struct mime_piece *piece = mime_message_add(m);
	GMimePart *part = file_part(file, number);
	bool ok = put_boundary(&piece->head, boundary, "\n", "", why) &&
	          put_headers(&piece->head, GMIME_OBJECT(part), why) && mime_message_add_file(m, piece, file, why);

	g_object_unref(part);
	return ok;
}

/* ---- the whole mail ---- */

static bool put_parts(const struct mime_letter *l, struct mime_message *m, struct fault *why)
{
	GMimeMultipart *all = g_mime_multipart_new_with_subtype("mixed");
	const char *boundary = g_mime_multipart_get_boundary(all);
	struct mime_piece *first = &m->pieces[0];
	bool ok = put_headers(&first->head, GMIME_OBJECT(all), why) &&
	          put_boundary(&first->head, boundary, "", "", why) && put_text_part(first, l->text, why);

	for (size_t i = 0; ok && i < l->file_count; i++)
		ok = put_file(m, &l->files[i], boundary, why);
	ok = ok && put_boundary(&mime_message_add(m)->head, boundary, "\n", "--", why);
	g_object_unref(all);
	return ok;
}

bool mime_compose(const struct mime_letter *l, struct mime_message *m, struct fault *why)
{
	g_mime_init();
	if (!mime_message_init(m, l->file_count + 2, MIME_COMPOSE_HEADER_MAX))
		return fault_set(why, FAULT_TEMPORARY, "memory is out");
	struct mime_piece *first = mime_message_add(m);
	bool ok = mime_compose_header(l, &first->head, why) &&
	          (l->file_count > 0 ? put_parts(l, m, why) : put_text_part(first, l->text, why));
	if (!ok)
		mime_message_release(m);
	return ok;
}
