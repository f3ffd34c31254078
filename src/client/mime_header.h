/*
 * mime_header: the header lines of a mail that a person reads: From, To, Cc, Date, Subject, and a course's Received.
 *
 * Encoded words are decoded (RFC 2047), those of an address list token by token and never inside a quoted string (section 5);
 * a broken one stays as it is. Each value comes out as one visible line. Pure.
 */
#ifndef POSTROOM_CLIENT_MIME_HEADER_H
#define POSTROOM_CLIENT_MIME_HEADER_H

#include "base/buf.h"

/* Appends the lines that the mail, which begins with its header, has. False: no room. */
bool mime_header_show(struct slice mail, struct buf *out);

/* A foreign text as one visible line, appended without an end. */
bool mime_header_line(struct slice foreign, struct buf *out);

#endif
