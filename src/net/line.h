/*
 * line: where a line ends in octets as they come. Pure; keeps nothing between calls.
 */
#ifndef POSTROOM_NET_LINE_H
#define POSTROOM_NET_LINE_H

#include "net/session.h"

/* The octets of the first line with its end, 0 where there is none yet. Fills in the line's text (without its end)
 * and bare_lf; whether it is too long its caller judges. */
size_t line_find(struct slice input, enum line_ends ends, struct line *line);

#endif
