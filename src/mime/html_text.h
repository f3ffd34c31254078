/*
 * html_text: the words of an HTML text, for a mail that has nothing else to show.
 *
 * Tags are taken off, scripts, styles and comments left out, entities decoded, blanks folded as a browser folds them; a
 * link's address stands behind its words, so that one sees where it leads. Pure, linear in the text's length, and it
 * obeys nothing: control characters stay for terminal/visible to show.
 */
#ifndef POSTROOM_MIME_HTML_TEXT_H
#define POSTROOM_MIME_HTML_TEXT_H

#include "base/buf.h"

/* Appends the words of `html` (UTF-8) to out, LF line ends. False: no room. */
bool html_text(struct slice html, struct buf *out);

#endif
