/*
 * dot: the decoder and the encoder, each a machine of a few states over runs of octets. See dot.h.
 *
 * The decoder knows one end of a message, CR LF . CR LF (of an LF peer: LF . LF), and no other: what only resembles it is text.
 * That, and the CR that is told to the caller, is what keeps smuggled mail out. Neither half allocates or fails on any input.
 */
#include "protocol/dot.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum decoder_state {
	LINE_START, /* behind a line end that counts, or at the very beginning */
	AFTER_LF,   /* behind a bare LF: a line of the text begins, but not one that can end it */
	IN_LINE,    /* behind anything else */
	AFTER_DOT,  /* a full stop at LINE_START, not yet given out */
	AFTER_DOT_CR,
	AFTER_CR, /* a CR that is not yet given out */
};

enum encoder_state {
	OF_LINE_START,
	OF_STORED_DOT, /* a stored line's first full stop is written once; what follows says whether it was doubled */
	OF_LINE,
	OF_LINE_CR, /* the last octet was a CR */
};

struct taker {
	void (*out)(void *owner, const char *octets, size_t n);
	void *owner;
};

void dot_decoder_init(struct dot_decoder *d, enum dot_peer peer, bool plain)
{
	*d = (struct dot_decoder){ .peer = peer, .state = LINE_START, .plain = plain };
}

/* Where the next CR and the next LF are, or the input's end: each is looked for once, whatever comes between. */
struct ends {
	size_t cr, lf;
};

static size_t find(struct slice input, size_t from, char c)
{
	return from + slice_find(slice_skip(input, from), c);
}

static size_t find_line_end(struct slice input, size_t from, struct ends *next)
{
	if (next->cr < from)
		next->cr = find(input, from, '\r');
	if (next->lf < from)
		next->lf = find(input, from, '\n');
	return next->cr < next->lf ? next->cr : next->lf;
}

static void end_line(struct dot_decoder *d, struct taker to, enum decoder_state next)
{
	to.out(to.owner, "\n", 1);
	d->octets += 2;
	d->state = next;
}

/* A full stop that belongs to the text and begins its line. */
static void give_first_dot(struct dot_decoder *d, struct taker to)
{
	to.out(to.owner, "..", d->plain ? 1 : 2);
	d->octets++;
	d->state = IN_LINE;
}

static void give_bare_cr(struct dot_decoder *d, struct taker to)
{
	to.out(to.owner, "\r", 1);
	d->octets++;
	d->bare_cr = true;
	d->state = IN_LINE;
}

/* Of an LF peer it is the line end. */
static void end_line_bare(struct dot_decoder *d, struct taker to)
{
	d->bare_lf = d->bare_lf || d->peer != DOT_PEER_LF;
	end_line(d, to, d->peer == DOT_PEER_CRLF ? AFTER_LF : LINE_START);
}

/* Looks at one octet where no run is to be had. Whether it is taken; else it is looked at again in the new state. */
static bool step(struct dot_decoder *d, char c, struct taker to)
{
	enum decoder_state state = (enum decoder_state)d->state;
	bool lf_counts = d->peer == DOT_PEER_LF;

	if ((state == AFTER_DOT_CR && c == '\n') || (state == AFTER_DOT && c == '\n' && lf_counts)) {
		d->ended = true; /* RFC 5321 section 4.1.1.4 */
	} else if (state == AFTER_CR && c == '\n') {
		end_line(d, to, LINE_START);
	} else if (state == AFTER_CR || state == AFTER_DOT_CR) {
		give_bare_cr(d, to);
		return false;
	} else if (state == LINE_START && c == '.') {
		d->state = AFTER_DOT;
	} else if ((state == AFTER_DOT || state == AFTER_LF) && c == '.') {
		give_first_dot(d, to);
	} else if (c == '\r') {
		d->state = state == AFTER_DOT ? AFTER_DOT_CR : AFTER_CR;
	} else if (c == '\n') {
		end_line_bare(d, to);
	} else {
		/* Section 4.5.2: behind AFTER_DOT, this drops the line's first full stop. */
		d->state = IN_LINE;
		return false;
	}
	return true;
}

/* The same within chunks, where no full stop is special (RFC 3030 section 2): a line's first is doubled, as it is stored so. */
static bool step_chunk(struct dot_decoder *d, char c, struct taker to)
{
	if (d->state == AFTER_CR && c == '\n') {
		end_line(d, to, LINE_START);
	} else if (d->state == AFTER_CR) {
		give_bare_cr(d, to);
		return false;
	} else if (c == '\r') {
		d->state = AFTER_CR;
	} else if (c == '\n') {
		end_line_bare(d, to);
	} else if (d->state == LINE_START && c == '.') {
		give_first_dot(d, to);
	} else {
		d->state = IN_LINE;
		return false;
	}
	return true;
}

/* Text from a line's inside or beginning on, as long as nothing comes that step() has to look at. */
static size_t take_lines(struct dot_decoder *d, struct slice input, size_t i, struct ends *next, struct taker to)
{
	do {
		size_t end = find_line_end(input, i, next);
		if (end > i) {
			to.out(to.owner, input.ptr + i, end - i);
			d->octets += end - i;
			d->state = IN_LINE;
		}
		i = end;
		bool crlf = end + 1 < input.len && next->cr == end && next->lf == end + 1;
		if (!crlf)
			break;
		end_line(d, to, LINE_START);
		i += 2;
	} while (i < input.len && input.ptr[i] != '.');
	return i;
}

static bool is_text(const struct dot_decoder *d, char c)
{
	return d->state == IN_LINE || (d->state == LINE_START && c != '.');
}

size_t dot_decode(struct dot_decoder *d, const char *octets, size_t n,
                  void (*out)(void *owner, const char *octets, size_t n), void *owner)
{
	struct taker to = { .out = out, .owner = owner };
	struct slice input = slice_make(octets, n);
	struct ends next = { .cr = find(input, 0, '\r'), .lf = find(input, 0, '\n') };
	size_t i = 0;
	while (i < n && !d->ended) {
		size_t from = i;
		if (is_text(d, octets[i]))
			i = take_lines(d, input, i, &next, to);
		if (i == from)
			i += d->peer == DOT_CHUNKS ? step_chunk(d, octets[i], to) : step(d, octets[i], to);
	}
	return i;
}

bool dot_decode_end(struct dot_decoder *d)
{
	d->bare_cr = d->bare_cr || d->state == AFTER_CR;
	return d->state == LINE_START;
}

void dot_encoder_init(struct dot_encoder *e, bool plain)
{
	*e = (struct dot_encoder){ .state = OF_LINE_START, .plain = plain };
}

/* An encoding under way, in local variables: room was reserved, and what is written is counted at the end. */
struct encoding {
	const char *from; /* what is not encoded yet, up to … */
	const char *end;
	char *to;
	int state;
	bool plain;
};

/* The start of a line, as far as it is special. Whether it was. */
static bool encode_dot(struct encoding *c)
{
	bool dot = *c->from == '.';
	if (c->state == OF_LINE_START && dot) {
		*c->to++ = '.';
		if (c->plain)
			*c->to++ = '.';
		c->state = c->plain ? OF_LINE : OF_STORED_DOT;
	} else if (c->state == OF_STORED_DOT) {
		*c->to++ = '.';
		c->state = OF_LINE;
		if (!dot)
			return true; /* it stood there alone, and is doubled now */
	} else {
		return false;
	}
	c->from++;
	return true;
}

/* A CR that stands before the LF already is part of the line end. */
static void encode_line_end(struct encoding *c)
{
	if (c->state != OF_LINE_CR)
		*c->to++ = '\r';
	*c->to++ = '\n';
	c->state = OF_LINE_START;
}

/* Copies up to the line's LF, or all; returns how much. Finding and copying in one go is what most of a mail's encoding comes to. There is room for twice as much, so
 * what is stored behind the LF does no harm. */
static size_t copy_line(char *to, const char *from, size_t n)
{
	size_t i = 0;
#ifdef __SSE2__
	for (; n - i >= sizeof(__m128i); i += sizeof(__m128i)) {
		__m128i some = _mm_loadu_si128((const __m128i *)(from + i));
		_mm_storeu_si128((__m128i *)(to + i), some);
		int ends = _mm_movemask_epi8(_mm_cmpeq_epi8(some, _mm_set1_epi8('\n')));
		if (ends != 0)
			return i + (size_t)__builtin_ctz((unsigned)ends);
	}
#endif
	const char *behind = memccpy(to + i, from + i, '\n', n - i);
	return behind ? (size_t)(behind - to) - 1 : n;
}

static void encode_line(struct encoding *c)
{
	size_t run = copy_line(c->to, c->from, (size_t)(c->end - c->from));
	if (run > 0) {
		c->from += run;
		c->to += run;
		c->state = c->from[-1] == '\r' ? OF_LINE_CR : OF_LINE;
	}
	if (c->from < c->end) {
		encode_line_end(c);
		c->from++;
	}
}

bool dot_encode(struct dot_encoder *e, const char *octets, size_t n, struct buf *out)
{
	if (n == 0)
		return true; /* `octets` may be NULL */
	if (n > (SIZE_MAX - 3) / 2 || !buf_reserve(out, 2 * n + 3))
		return false;
	struct encoding c = { octets, octets + n, buf_end(out), e->state, e->plain };
	while (c.from < c.end) {
		if (!encode_dot(&c))
			encode_line(&c);
	}
	e->state = c.state;
	buf_grew(out, (size_t)(c.to - buf_end(out)));
	return true;
}

bool dot_encode_end(struct dot_encoder *e, struct buf *out)
{
	if (!buf_reserve(out, strlen(".\r\n.\r\n")))
		return false;
	struct encoding c = { .to = buf_end(out), .state = e->state };
	if (c.state == OF_STORED_DOT)
		*c.to++ = '.';
	if (c.state != OF_LINE_START)
		encode_line_end(&c);
	memcpy(c.to, ".\r\n", 3);
	buf_grew(out, (size_t)(c.to + 3 - buf_end(out)));
	return true;
}
