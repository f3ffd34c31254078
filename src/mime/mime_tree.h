/*
 * mime_tree: a mail as the tree of its parts (RFC 2045, 2046), which GMime makes, and the limits within which it may: a hostile mail is counted before
 * GMime sees it. Opens no file.
 */
#ifndef POSTROOM_MIME_MIME_TREE_H
#define POSTROOM_MIME_MIME_TREE_H

#include <gmime/gmime.h>
#include <stdbool.h>

#include "base/slice.h"

#define MIME_TREE_MAX ((size_t)256 << 20) /* octets of a mail */

enum {
	MIME_TREE_DEPTH_MAX = 32,
	MIME_TREE_PARTS_MAX = 1000,
	MIME_TREE_HEADER_MAX = 4 * 1024 * 1024, /* octets of all header lines, the parts' too */
	MIME_TREE_DELIMITERS_MAX = 10000,       /* lines that begin with -- */
	MIME_TREE_FIELD_MAX = 64 * 1024,        /* octets of one field */
	MIME_TREE_NAME_MAX = 1024,              /* octets of an attachment's name and of its type */
};

/* Whether the mail, or its beginning, says that it is MIME: a MIME-Version or Content-Type field in a header that ends at an
 * empty line. */
bool mime_tree_applies(struct slice mail);
bool mime_tree_within_limits(struct slice mail);

struct mime_tree {
	GMimeObject *root;
	GByteArray bytes; /* the mail, which is somebody else's */
};

/* The mail has LF line ends, is within the limits, and must outlive the tree. NULL: memory is out. */
struct mime_tree *mime_tree_new(struct slice mail);
void mime_tree_free(struct mime_tree *tree);

#endif
