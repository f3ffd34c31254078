/*
 * mime_body: the decoded octets of a part. GMime decodes; here its input is put right where RFC 2045 is more forgiving: blanks at a
 * line's end that a gateway added to quoted-printable (section 6.7), and base64 that ends without its padding (6.8).
 */
#ifndef POSTROOM_MIME_MIME_BODY_H
#define POSTROOM_MIME_MIME_BODY_H

#include <gmime/gmime.h>
#include <stdbool.h>

/* False and errno: they cannot be written there. Blocks as the stream does. */
bool mime_body_write(GMimePart *part, GMimeStream *to);

#endif
