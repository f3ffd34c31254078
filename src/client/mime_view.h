/*
 * mime_view: a MIME mail as a person reads it (RFC 2045 to 2049, 2047, 2183, 2231): its header lines decoded, its text parts
 * in UTF-8, and its attachments by number, name, type and size.
 *
 * GMime parses and decodes. What is not as the RFCs want it is shown as well as can be: a missing end boundary, junk in
 * base64, an unknown character set. Names and header values come out as one visible line each; the texts hold what the mail
 * holds, so the whole goes through client/screen. Everything that a mail counts has a limit below; a mail beyond them is no
 * view, and is shown as it came. Opens no file.
 */
#ifndef POSTROOM_CLIENT_MIME_VIEW_H
#define POSTROOM_CLIENT_MIME_VIEW_H

#include "base/buf.h"
#include "base/fault.h"

#define MIME_VIEW_MAX ((size_t)256 << 20) /* octets of a mail */

enum {
	MIME_VIEW_DEPTH_MAX = 32,
	MIME_VIEW_PARTS_MAX = 1000,
	MIME_VIEW_HEADER_MAX = 4 * 1024 * 1024, /* octets of all header lines, the parts' too */
	MIME_VIEW_DELIMITERS_MAX = 10000,       /* lines that begin with -- */
	MIME_VIEW_FIELD_MAX = 64 * 1024,        /* octets of one field */
	MIME_VIEW_NAME_MAX = 1024,              /* octets of an attachment's name and of its type */
};

struct mime_attachment {
	char *name; /* as the mail says it: for attachment_name() and client/visible; "" where it says none */
	char *type; /* "image/png", as the mail says it */
	uint64_t octets;
	void *part; /* GMime's */
};

struct mime_view {
	struct buf text; /* header, texts and a line for each attachment */
	struct mime_attachment *attachments;
	size_t count;
	void *root; /* GMime's; NULL: nothing is viewed */
};

/* Whether the mail, or its beginning, says that it is MIME: a MIME-Version or Content-Type field in a header that ends at an
 * empty line. What has none is shown as it is. */
bool mime_view_applies(struct slice mail);

/* An empty view, as a place to make one in. */
void mime_view_init(struct mime_view *v);
void mime_view_release(struct mime_view *v);
/* The mail has LF line ends and must outlive the view. False: it is not MIME, or passes a limit. */
bool mime_view_make(struct mime_view *v, struct slice mail);

/* Writes the attachment's decoded octets. Blocks. */
bool mime_view_write(const struct mime_view *v, size_t index, int fd, struct fault *why);

#endif
