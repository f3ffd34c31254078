/*
 * dot: message text on its way over SMTP and POP3, and in and out of its stored form (RFC 5321 sections 4.5.2, 2.3.8; RFC 1939
 * section 3). Encoder beside decoder, used by all roles. Pure push filters: any cut of the input gives the same output.
 *
 * Stored form: LF line ends, a line's leading full stop doubled. Plain: LF line ends, nothing doubled. Wire: CR LF, doubled,
 * ended by CR LF . CR LF.
 */
#ifndef POSTROOM_PROTOCOL_DOT_H
#define POSTROOM_PROTOCOL_DOT_H

#include "base/buf.h"
#include "base/slice.h"

/* Whose lines: a peer that ended its first command with LF is read by LF throughout; all others are held to CR LF. From the latter a bare
 * LF becomes a line end of the text (the line after it is text, its full stop is doubled), but never ends the message. */
enum dot_peer {
	DOT_PEER_CRLF,
	DOT_PEER_LF,
	/* Octets of a known length, as BDAT has them (RFC 3030): they come verbatim, full stops mean nothing, and their number alone ends them. */
	DOT_CHUNKS,
};

/* Wire -> stored form. */
struct dot_decoder {
	enum dot_peer peer;
	int state;
	bool bare_cr; /* a CR without LF was seen: the mail is to be refused, the dialogue stays in step */
	bool bare_lf; /* a LF without CR was seen, but for one of an LF peer; whether that matters is the caller's */
	bool ended;   /* the final full stop was read */
	bool plain;   /* gives plain text instead of the stored form (clients) */
	uint64_t
	        octets; /* of the text so far as SIZE counts them (RFC 1870 section 5): CRLF line ends, stuffed full stops once */
};

void dot_decoder_init(struct dot_decoder *d, enum dot_peer peer, bool plain);
/* Takes octets up to the end of the message or of the input, hands spans of the text to out(); returns how many were taken. out() gets spans
 * that point into `octets` or into constants, and is called for lines or runs, not for single octets. */
size_t dot_decode(struct dot_decoder *d, const char *octets, size_t n,
                  void (*out)(void *owner, const char *octets, size_t n), void *owner);
/* Behind the last octet of the last chunk (DOT_CHUNKS): a CR that was held back is a bare one. False: the last line has no end. */
bool dot_decode_end(struct dot_decoder *d);

/* Stored form -> wire, and plain -> wire. A stored line with one leading full stop and something behind it comes from elsewhere, and is doubled.
 * A stored line that ends in CR LF keeps it. */
struct dot_encoder {
	int state;
	bool plain; /* the input is plain text: every leading full stop is doubled */
};

void dot_encoder_init(struct dot_encoder *e, bool plain);
/* Appends the encoded form of all n octets: at most 2 * n + 3. False: no room in out (nothing was taken). */
bool dot_encode(struct dot_encoder *e, const char *octets, size_t n, struct buf *out);
/* Ends the last line where it is incomplete, and adds the final ".\r\n". */
bool dot_encode_end(struct dot_encoder *e, struct buf *out);

#endif
