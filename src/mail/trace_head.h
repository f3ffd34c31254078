/*
 * trace_head: what a server that delivers puts on top of a mail: Return-Path and Received (RFC 5321 section 4.4), in stored form. Pure but for the time
 * zone.
 *
 * Whatever a client called itself, the lines are two header fields of the RFC's syntax, and no more.
 */
#ifndef POSTROOM_MAIL_TRACE_HEAD_H
#define POSTROOM_MAIL_TRACE_HEAD_H

#include <time.h>

#include "base/slice.h"

enum { TRACE_HEAD_MAX = 4096 };

struct trace_facts {
	struct slice sender;     /* as it was written; empty for <> */
	struct slice client;     /* EHLO's or HELO's argument */
	const char *peer;        /* numeric address; a word without . and : is none, and not shown */
	const char *domain;      /* the server's */
	const char *protocol;    /* from trace_protocol() */
	const char *id;          /* letters, digits and hyphens */
	const char *tls_version; /* NULL, both: in clear */
	const char *tls_cipher;
	struct slice recipient; /* empty: not told */
	bool utf8;              /* the mail came with SMTPUTF8: names may be UTF-8 */
	time_t when;
};

/* Writes both fields, lines folded and ended by LF; returns the octets. */
size_t trace_head(const struct trace_facts *facts, char text[TRACE_HEAD_MAX]);

/* The word behind `with`: RFC 3848, and RFC 6531 section 4.3 for mails that came with SMTPUTF8. */
const char *trace_protocol(bool extended, bool tls, bool authenticated, bool utf8);
const char *trace_protocol_lmtp(bool tls, bool authenticated, bool utf8);

#endif
