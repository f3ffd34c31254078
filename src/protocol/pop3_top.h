/*
 * pop3_top: what TOP sends of a stored mail (RFC 1939 section 7): its header, the empty line behind it, and some lines of its body.
 *
 * The header ends at an empty line or, as the courses' mails have none, at the first line that is neither `Name: …` nor a continuation. Nothing is added:
 * what TOP sends is always the beginning of what RETR sends, so a mail without an empty line has none in TOP either; mail programs
 * end such a header at the same line. A pure push filter: any cut of the mail gives the same.
 */
#ifndef POSTROOM_PROTOCOL_POP3_TOP_H
#define POSTROOM_PROTOCOL_POP3_TOP_H

#include "base/slice.h"

enum { POP3_TOP_NAME_MAX = 256 }; /* octets of a field's name and its colon; what is longer is no field */

struct pop3_top {
	uint64_t lines_left; /* of the body */
	int part;            /* of the mail, where the next octet is */
	bool over;           /* what follows is not part of it */
	size_t held_len;
	char held[POP3_TOP_NAME_MAX]; /* a line's beginning that does not yet tell what line it is */
};

void pop3_top_init(struct pop3_top *t, uint64_t lines);
/* Takes the mail's next octets, and hands what belongs to the answer to out(). */
void pop3_top_push(struct pop3_top *t, struct slice octets, void (*out)(void *owner, const char *octets, size_t n),
                   void *owner);
/* The mail is over. */
void pop3_top_finish(struct pop3_top *t, void (*out)(void *owner, const char *octets, size_t n), void *owner);

#endif
