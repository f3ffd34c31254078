/*
 * text: small things about texts that the web room needs in several places. Pure.
 */
#ifndef POSTROOM_WEB_TEXT_H
#define POSTROOM_WEB_TEXT_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends the text as valid UTF-8: what is not becomes U+FFFD, NUL too. False: no room. */
bool text_utf8(struct slice text, struct buf *out);
/* … as one line: blanks and controls become single spaces; at most max octets. */
bool text_line(struct slice text, size_t max, struct buf *out);
/* Whether `part` is somewhere in `whole`, letters of ASCII without regard to case. */
bool text_contains(struct slice whole, struct slice part);
/* "2026-11-20T12:44:05.123Z" */
enum { TEXT_TIME_SIZE = 32 };
const char *text_time(int64_t ms, char out[TEXT_TIME_SIZE]);
/* Milliseconds since 1970 from RFC 3339, a number of seconds, or "now". */
bool text_read_time(struct slice text, int64_t *ms);
int64_t text_now(void);

#endif
