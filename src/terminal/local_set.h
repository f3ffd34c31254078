/*
 * local_set: the terminal's character set where it is not UTF-8, as the locale names it: ISO-8859-1, KOI8-R, EUC-JP …
 *
 * What is printed goes from UTF-8 into it character by character, what is typed the other way. No octet comes out that a terminal could take for a
 * control, C0, DEL or C1, whatever the set has there; such a character counts as one that the set has no place for. The pointer NULL is UTF-8.
 */
#ifndef POSTROOM_TERMINAL_LOCAL_SET_H
#define POSTROOM_TERMINAL_LOCAL_SET_H

#include "base/buf.h"

enum { LOCAL_SET_OCTETS_MAX = 16 }; /* of one character */

struct local_set;

/* By its name in iconv(3); NULL: it is not known there, or memory is out. */
struct local_set *local_set_new(const char *name);
/* That of the environment's locale; NULL where it is UTF-8, or the plain C locale, which says nothing about the terminal, and today's speak UTF-8. LC_CTYPE is
 * C.UTF-8 from then on for the whole program, so that widths are those of UTF-8. */
struct local_set *local_set_of_locale(void);
void local_set_free(struct local_set *set);

/* One character of UTF-8, other than ASCII, in the set; gives how many octets that is, 0: it has no place there. */
size_t local_set_character(struct local_set *set, struct slice utf8, char octets[LOCAL_SET_OCTETS_MAX]);
/* Appends a text of UTF-8 in the set, what has no place there as <U+…>; the ellipsis that ends a cut column as ~, as wide as it is. False: no room. */
bool local_set_encode(struct local_set *set, struct slice utf8, struct buf *out);
/* Makes what stands in `text` from `start` on UTF-8; what is no character becomes U+FFFD. False: no room; then the text ends at `start`. The old octets are
 * wiped: they may be a password. */
bool local_set_decode(struct local_set *set, struct buf *text, size_t start);

/* The code point of a whole and valid character of UTF-8. */
uint32_t local_set_code_point(struct slice utf8);

#endif
