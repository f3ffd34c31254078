/*
 * mime_compose: a new mail in the form of RFC 5322 and MIME: one Date, one From, a Message-ID of its own, header values
 * encoded where they are not ASCII (RFC 2047) and folded, the text as UTF-8 in an encoding that keeps every line within 78
 * octets and every octet within seven bits, and files as attachments.
 *
 * A text that can go as it is stays where it is, and files are read when the mail is sent (mime_message); a text that has to be encoded is written
 * to a file without a name, so that it costs no memory twice. GMime encodes bodies and file names. It sends nothing; hidden
 * recipients are none of its business and so never in it (RFC 5322 section 3.6.3).
 */
#ifndef POSTROOM_CLIENT_MIME_COMPOSE_H
#define POSTROOM_CLIENT_MIME_COMPOSE_H

#include <time.h>

#include "client/mime_message.h"
#include "client/people.h"

enum {
	MIME_COMPOSE_LINE_MAX = 78,                /* octets of a line, RFC 5322 section 2.1.1 */
	MIME_COMPOSE_HEADER_MAX = 4 * 1024 * 1024, /* octets of the header */
	MIME_COMPOSE_SUBJECT_MAX = 32 * 1024,      /* octets of a subject */
};

struct mime_letter {
	const struct person *from;
	const struct people *to;
	const struct people *cc;
	struct slice subject; /* UTF-8, one line; empty: there is none */
	struct slice text;    /* UTF-8, LF line ends */
	const struct mime_file *files;
	size_t file_count;
	time_t date;
};

/* What the letter points to must live as long as the message. False: why is FAULT_PERMANENT where the letter cannot be written as a mail, else a file's or
 * the system's fault. Blocks. */
bool mime_compose(const struct mime_letter *l, struct mime_message *m, struct fault *why);

/* The header lines alone, without the content's. Not pure: the Message-ID is random. */
bool mime_compose_header(const struct mime_letter *l, struct buf *out, struct fault *why);

/* The place of the first octet that is not UTF-8, or text.len. */
size_t mime_compose_find_invalid(struct slice text);

#endif
