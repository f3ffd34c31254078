/*
 * mime_message: a composed mail on its way out, in pieces: what stands in memory, and files, which are read and encoded (BASE64) as the mail is
 * sent. So a file's size costs no memory, and no time before the first octet goes.
 *
 * mime_compose makes it. A file that is not the same any more when it is read ends the mail with a fault: half of it is of no use.
 */
#ifndef POSTROOM_CLIENT_MIME_MESSAGE_H
#define POSTROOM_CLIENT_MIME_MESSAGE_H

#include <time.h>

#include "base/buf.h"
#include "base/fault.h"
#include "protocol/smtp_client.h"

struct mime_file {
	const char *name; /* its path: the last part is what the attachment is called */
	int fd;           /* open for reading, a regular file's; the caller's */
};

/* Header lines and what they are of. */
struct mime_piece {
	struct buf head;
	struct slice text;    /* the caller's, or mapped */
	uint64_t text_octets; /* as they travel, see mime_message_octets() */
	bool mapped;
	const struct mime_file *file; /* NULL: none */
	uint64_t size;                /* of the file, when the mail was composed … */
	struct timespec changed;      /* … and when it was changed last */
};

struct mime_encoder;

/* A mail as it is sent: LF line ends, nothing stuffed, seven bits. */
struct mime_message {
	/* private */
	struct mime_piece *pieces;
	size_t count;
	struct mime_encoder *encoder; /* NULL: there is no file */
	size_t piece;                 /* the one that is under way … */
	int step;                     /* … and what of it */
	uint64_t taken;               /* octets of its file */
	bool file_over;
};

/* With no pieces and room for so many. False: memory is out. */
bool mime_message_init(struct mime_message *m, size_t pieces_max, size_t head_max);
void mime_message_release(struct mime_message *m);
/* The next piece, empty. There is room for it. */
struct mime_piece *mime_message_add(struct mime_message *m);
/* The piece is the file. */
bool mime_message_add_file(struct mime_message *m, struct mime_piece *piece, const struct mime_file *file,
                           struct fault *why);

/* Of a piece's text: CR LF line ends, full stops not doubled. */
uint64_t mime_message_octets(struct slice text);

/* What comes next, good until the next call; empty: that was all. False: a file cannot be read, or was changed. Blocks. */
bool mime_message_next(struct mime_message *m, struct slice *octets, struct fault *why);
/* All of it, for smtp_client, as long as the message lives. */
struct smtp_client_more mime_message_text(struct mime_message *m);

#endif
