/*
 * pop3_origin: whether a stored mail came by SMTPUTF8 (RFC 6531), so that a client that has not said UTF8 does not get it (RFC 6856).
 *
 * Its first Received line says so: `with UTF8SMTP`, or with S and A behind it. That is the line of the server that took the mail; whatever its
 * sender wrote stands below. A push parser: any cut of the mail gives the same. Looks at the first POP3_ORIGIN_MAX octets alone.
 */
#ifndef POSTROOM_PROTOCOL_POP3_ORIGIN_H
#define POSTROOM_PROTOCOL_POP3_ORIGIN_H

#include "base/slice.h"

enum { POP3_ORIGIN_MAX = 8 * 1024 };

enum pop3_origin_way {
	POP3_ORIGIN_UNKNOWN, /* give more */
	POP3_ORIGIN_PLAIN,
	POP3_ORIGIN_UTF8,
};

/* A quick look at a mail's beginning: whether its header is all here and nothing in it can make it POP3_ORIGIN_UTF8, as it is with nearly all. False: it has to be
 * read. */
bool pop3_origin_is_plain(struct slice octets);

struct pop3_origin;

/* NULL: memory is out. */
struct pop3_origin *pop3_origin_new(void);
/* NULL is passed over. */
void pop3_origin_free(struct pop3_origin *o);
/* Takes the mail's next octets; none: it is over, and then the answer is not POP3_ORIGIN_UNKNOWN. */
enum pop3_origin_way pop3_origin_push(struct pop3_origin *o, struct slice octets);

#endif
