/*
 * mime_message: pieces, and a file's encoding. See mime_message.h.
 */
#include "client/mime_message.h"

#include <errno.h>
#include <gmime/gmime.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	QUANTUM = 3,             /* octets, which BASE64 makes four of */
	LINE = 76,               /* … on a line (RFC 2045 section 6.8) */
	READ_MAX = 60 * 1024,    /* octets of a file at a time; what they become is sent in two pieces */
	ENCODED_MAX = 84 * 1024, /* … with their line ends, and what the encoder may hold back */
};

struct mime_encoder {
	GMimeEncoding state;
	char octets[READ_MAX];
	char encoded[ENCODED_MAX];
};

enum step { HEAD, TEXT, OCTETS_OF_FILE };

bool mime_message_init(struct mime_message *m, size_t pieces_max, size_t head_max)
{
	*m = (struct mime_message){ .pieces = calloc(pieces_max, sizeof *m->pieces) };
	for (size_t i = 0; m->pieces && i < pieces_max; i++)
		buf_init(&m->pieces[i].head, head_max);
	return m->pieces != NULL;
}

void mime_message_release(struct mime_message *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct mime_piece *piece = &m->pieces[i];
		buf_release(&piece->head);
		if (piece->mapped)
			munmap((char *)piece->text.ptr, piece->text.len);
	}
	free(m->pieces);
	free(m->encoder);
	*m = (struct mime_message){ .count = 0 };
}

struct mime_piece *mime_message_add(struct mime_message *m)
{
	return &m->pieces[m->count++];
}

bool mime_message_add_file(struct mime_message *m, struct mime_piece *piece, const struct mime_file *file,
                           struct fault *why)
{
	struct stat look;

	if (!m->encoder && !(m->encoder = malloc(sizeof *m->encoder)))
		return fault_set(why, FAULT_TEMPORARY, "memory is out");
	if (fstat(file->fd, &look) != 0)
		return fault_errno(why, "%s cannot be read", file->name);
	piece->file = file;
	piece->size = (uint64_t)look.st_size;
	piece->changed = look.st_mtim;
	return true;
}

/* ---- sizes ---- */

uint64_t mime_message_octets(struct slice text)
{
	uint64_t octets = text.len;

	while (text.len > 0) {
		size_t n = slice_find(text, '\n');
		octets += n < text.len;
		text = slice_skip(text, n + 1);
	}
	return octets;
}

static uint64_t encoded_size(uint64_t size)
{
	uint64_t characters = (size + QUANTUM - 1) / QUANTUM * 4;

	return characters + (characters + LINE - 1) / LINE * 2;
}

/* Of a message whose last piece is a text, be it empty. */
static bool is_ended(const struct mime_message *m)
{
	const struct mime_piece *last = &m->pieces[m->count - 1];
	struct slice text = last->text.len > 0 ? last->text : buf_slice(&last->head);

	return text.len > 0 && text.ptr[text.len - 1] == '\n';
}

/* CR LF line ends, full stops not doubled, the last line ended. */
static uint64_t octets_of_all(const struct mime_message *m)
{
	uint64_t octets = is_ended(m) ? 0 : 2;

	for (size_t i = 0; i < m->count; i++) {
		const struct mime_piece *piece = &m->pieces[i];
		octets += mime_message_octets(buf_slice(&piece->head)) + piece->text_octets;
		octets += piece->file ? encoded_size(piece->size) : 0;
	}
	return octets;
}

/* ---- a file ---- */

static bool is_unchanged(const struct mime_piece *piece)
{
	struct stat look;

	return fstat(piece->file->fd, &look) == 0 && (uint64_t)look.st_size == piece->size &&
	       look.st_mtim.tv_sec == piece->changed.tv_sec && look.st_mtim.tv_nsec == piece->changed.tv_nsec;
}

static ssize_t read_some(struct mime_message *m, const struct mime_piece *piece)
{
	ssize_t n;

	do {
		n = pread(piece->file->fd, m->encoder->octets, READ_MAX, (off_t)m->taken);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Of the file under way; at its end, what the encoder has held back. */
static bool encode_some(struct mime_message *m, struct slice *octets, struct fault *why)
{
	const struct mime_piece *piece = &m->pieces[m->piece];
	struct mime_encoder *e = m->encoder;
	size_t len;

	if (m->taken == 0)
		g_mime_encoding_init_encode(&e->state, GMIME_CONTENT_ENCODING_BASE64);
	ssize_t n = read_some(m, piece);
	if (n < 0)
		return fault_errno(why, "%s cannot be read", piece->file->name);
	m->taken += (uint64_t)n;
	m->file_over = n == 0;
	if (m->taken > piece->size || (m->file_over && !is_unchanged(piece)))
		return fault_set(why, FAULT_TEMPORARY, "%s was changed while it was sent: the mail is given up",
		                 piece->file->name);
	if (m->file_over)
		len = g_mime_encoding_flush(&e->state, "", 0, e->encoded);
	else
		len = g_mime_encoding_step(&e->state, e->octets, (size_t)n, e->encoded);
	*octets = slice_make(e->encoded, len);
	return true;
}

/* ---- in order ---- */

static void next_piece(struct mime_message *m)
{
	m->piece++;
	m->step = HEAD;
	m->taken = 0;
}

bool mime_message_next(struct mime_message *m, struct slice *octets, struct fault *why)
{
	*octets = slice_make("", 0);
	while (octets->len == 0 && m->piece < m->count) {
		const struct mime_piece *piece = &m->pieces[m->piece];
		if (m->step == HEAD) {
			*octets = buf_slice(&piece->head);
			m->step = TEXT;
		} else if (m->step == TEXT) {
			*octets = piece->text;
			m->step = OCTETS_OF_FILE;
		} else if (!piece->file) {
			next_piece(m);
		} else if (!encode_some(m, octets, why)) {
			return false;
		} else if (m->file_over) {
			next_piece(m);
		}
	}
	return true;
}

static bool next(void *owner, struct slice *octets, struct fault *why)
{
	return mime_message_next(owner, octets, why);
}

struct smtp_client_more mime_message_text(struct mime_message *m)
{
	return (struct smtp_client_more){ .octets = octets_of_all(m), .next = next, .owner = m };
}
