/*
 * utf8: where a character of UTF-8 text ends (RFC 3629). Pure.
 */
#ifndef POSTROOM_MAIL_UTF8_H
#define POSTROOM_MAIL_UTF8_H

#include "base/slice.h"

/* Octets of the character that s begins with, 1 to 4; 0: s is empty, or does not begin with a whole and valid character. */
size_t utf8_character(struct slice s);
bool utf8_valid(struct slice s);
/* Whether it holds a control character other than a tab, C1's among them, or U+2028 or U+2029: all that ends a line for somebody. */
bool utf8_has_control(struct slice s);
/* At most max octets of s, none of its characters cut apart. */
struct slice utf8_cut(struct slice s, size_t max);

#endif
