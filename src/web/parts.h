/*
 * parts: a mail as a page shows it: its texts, its HTML, its attachments. On mime/mime_tree; opens no file.
 */
#ifndef POSTROOM_WEB_PARTS_H
#define POSTROOM_WEB_PARTS_H

#include "base/buf.h"
#include "mime/mime_tree.h"

struct part {
	GMimeObject *object;
	char *name; /* "" where the mail says none; whatever octets it wants, as UTF-8 */
	char *type; /* "image/png", lower case */
	char *cid;  /* without <>; "" */
	uint64_t octets;
	bool shown; /* among the texts, no attachment */
	bool html;
};

struct parts {
	struct mime_tree *tree; /* NULL: no MIME, or beyond its limits */
	struct slice mail;
	struct part *list;
	size_t count;
	size_t seen; /* of the tree, multiparts too */
	bool full;
};

/* The mail has LF line ends and must outlive the parts. False: memory is out. */
bool parts_make(struct parts *p, struct slice mail);
void parts_release(struct parts *p);
/* Appends all plain texts, UTF-8. False: no room. */
bool parts_text(const struct parts *p, struct buf *out);
bool parts_has_html(const struct parts *p);
/* Appends all HTML, UTF-8, with each cid: of an image that the mail brings as data:. */
bool parts_html(const struct parts *p, struct buf *out);
/* Appends the part's decoded octets. */
bool parts_octets(const struct part *part, struct buf *out);
/* Attachments are counted from 0: the part, or NULL. */
const struct part *parts_attachment(const struct parts *p, size_t index);

#endif
