/*
 * charset: text of any character set as UTF-8, through iconv and GMime's table of names. An octet that is no character of its
 * set becomes U+FFFD; text that says it is UTF-8 or ASCII stays as it is, and whoever shows it shows what is not.
 */
#ifndef POSTROOM_MIME_CHARSET_H
#define POSTROOM_MIME_CHARSET_H

#include "base/buf.h"

enum charset_outcome {
	CHARSET_DONE,
	CHARSET_UNKNOWN, /* nothing was appended */
	CHARSET_FULL,
};

/* Appends the text; a name of NULL is US-ASCII (RFC 2045 section 5.2). */
enum charset_outcome charset_decode(const char *name, struct slice text, struct buf *out);

/* Has iconv load what mails commonly use, and keep it: for a process that will not be able to open files. */
void charset_keep_common(void);

#endif
