/*
 * address: mailbox addresses as they stand in SMTP commands (RFC 5321 section 4.1.2, RFC 6531 section 3.3). Pure.
 */
#ifndef POSTROOM_MAIL_ADDRESS_H
#define POSTROOM_MAIL_ADDRESS_H

#include "base/buf.h"
#include "base/slice.h"

enum {
	ADDRESS_LOCAL_MAX = 64,   /* RFC 5321 section 4.5.3.1.1 asks for 64; more is taken up to the path's limit */
	ADDRESS_DOMAIN_MAX = 255, /* section 4.5.3.1.2 */
	ADDRESS_PATH_MAX = 512,   /* section 4.5.3.1.3 asks for 256 */
};

struct address {
	char text[ADDRESS_PATH_MAX];  /* local@domain as it was written, without <> and source route; "" for <> */
	char local[ADDRESS_PATH_MAX]; /* the local part, quotes and backslashes undone */
	size_t local_len;             /* it holds no NUL, yet count on this */
	char domain[ADDRESS_DOMAIN_MAX + 1]; /* "" where none was given */
	bool utf8;                           /* it is not ASCII alone: only where SMTPUTF8 was said may it be used */
};

/* Reads a path off the front of *rest: `<a@b>`, `<@x,@y:a@b>` (the route is dropped), `<"q s"@b>`, `a@b` without brackets
 * up to a blank, `<a>` and `a` without a domain, `a@[127.0.0.1]`, and `<>` (both parts empty). *rest is what follows, blanks
 * trimmed. False: not an address; nothing is changed. */
bool address_parse_path(struct slice *rest, struct address *out);

/* What a person typed in a From or To line of a course's client: X@Y, where X and Y are words without blanks, commas,
 * angle brackets or a further @; blanks around the @ and <X@Y> are taken too. `out` gets X@Y. */
bool address_parse_typed(struct slice typed, struct buf *out);

static inline bool address_is_null(const struct address *a)
{
	return a->local_len == 0 && a->domain[0] == '\0';
}

#endif
