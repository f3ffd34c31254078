/*
 * digest: what a list and a search need of a mail: from, to, subject, when, a first line, its words. Made once when a mail is met.
 */
#ifndef POSTROOM_WEB_DIGEST_H
#define POSTROOM_WEB_DIGEST_H

#include "base/buf.h"

enum {
	DIGEST_FIELD_MAX = 1000,      /* octets of a field */
	DIGEST_WORDS_MAX = 64 * 1024, /* octets of text that are searched */
	DIGEST_SNIPPET_MAX = 200,
	DIGEST_ADDRESSES_MAX = 8 * 1024, /* octets of all addresses */
};

struct digest {
	struct buf from; /* "Ann <ann@x.org>", decoded, one line */
	struct buf to;
	struct buf subject;
	struct buf words;
	struct buf snippet;
	struct buf addresses; /* a line each, lower case: those of To and Cc, and the envelope's that the trace names */
	int64_t when;         /* ms since 1970: of the newest trace line, else of Date; -1: none */
	size_t attachments;
};

void digest_init(struct digest *d);
void digest_release(struct digest *d);
/* False: memory is out. */
bool digest_make(struct digest *d, struct slice mail);

#endif
