/*
 * extract: what a test, or a person in a hurry, wants from a mail: its links, and codes of four to eight digits (or letters and digits) that are meant to
 * be typed somewhere. Pure.
 */
#ifndef POSTROOM_WEB_EXTRACT_H
#define POSTROOM_WEB_EXTRACT_H

#include "base/buf.h"
#include "base/slice.h"

enum { EXTRACT_LINKS_MAX = 100, EXTRACT_CODES_MAX = 20, EXTRACT_LINK_MAX = 2048 };

/* Each is given to `found`, every one once, in the order of the text. `text` is UTF-8. */
void extract_links(struct slice text, void (*found)(void *owner, struct slice link), void *owner);
/* Links of HTML's href, their character references undone. */
void extract_html_links(struct slice html, void (*found)(void *owner, struct slice link), void *owner);
/* Best first: those that stand near a word like "code" or "PIN", or alone on a line; then other numbers. Years and parts of longer words are none. Of a long list only the first
 * two thousand are looked at. */
void extract_codes(struct slice text, void (*found)(void *owner, struct slice code), void *owner);

#endif
