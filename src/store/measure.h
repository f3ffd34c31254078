/*
 * measure: how many octets stored text is on the wire (RFC 1939 section 11): each line's content and CR LF, a doubled leading full
 * stop counted once. A push counter: any cut of the text gives the same sum. Pure.
 */
#ifndef POSTROOM_STORE_MEASURE_H
#define POSTROOM_STORE_MEASURE_H

#include "base/slice.h"

struct measure {
	uint64_t octets; /* of the complete lines so far */
	uint64_t column; /* octets of the line under way */
	bool dot;        /* it begins with a full stop */
	bool doubled;    /* … with two */
	bool cr;         /* its last octet so far is a CR */
};

void measure_init(struct measure *m);
void measure_push(struct measure *m, const char *text, size_t n);
/* The same for the rest of a line, its LF not counted in: whoever knows where it is need not have it looked for. */
void measure_line(struct measure *m, const char *text, size_t n);

/* Whether the text ends within a line. */
static inline bool measure_in_line(const struct measure *m)
{
	return m->column > 0;
}

#endif
