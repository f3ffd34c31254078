/*
 * mime_view: a MIME mail as a person reads it (RFC 2045 to 2049, 2047, 2183, 2231): its header lines decoded, its text parts
 * in UTF-8, and its attachments by number, name, type and size.
 *
 * GMime parses and decodes. What is not as the RFCs want it is shown as well as can be: a missing end boundary, junk in
 * base64, an unknown character set. Names and header values come out as one visible line each; the texts hold what the mail
 * holds, so the whole goes through terminal/screen. A mail beyond the limits of mime/mime_tree is no view, and is shown as it came. Opens no file.
 */
#ifndef POSTROOM_CLIENT_MIME_VIEW_H
#define POSTROOM_CLIENT_MIME_VIEW_H

#include "base/buf.h"
#include "base/fault.h"
#include "mime/mime_tree.h"

struct mime_attachment {
	char *name; /* as the mail says it: for attachment_name() and terminal/visible; "" where it says none */
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

/* An empty view, as a place to make one in. */
void mime_view_init(struct mime_view *v);
void mime_view_release(struct mime_view *v);
/* The mail has LF line ends and must outlive the view. False: it is not MIME, or passes a limit. */
bool mime_view_make(struct mime_view *v, struct slice mail);

/* Writes the attachment's decoded octets. Blocks. */
bool mime_view_write(const struct mime_view *v, size_t index, int fd, struct fault *why);

#endif
