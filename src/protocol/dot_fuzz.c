/*
 * dot: any octets through the decoder and back through the encoder, whole and cut: whatever was decoded must come out of the round trip again, and cuts
 * must make no difference. The first octet chooses the peer, the form and the length of the cuts.
 */
#include "protocol/dot.h"

#include <stdlib.h>

enum { TEXT_MAX = 8 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void collect(void *owner, const char *octets, size_t n)
{
	check(n > 0 && buf_append(owner, octets, n));
}

static size_t decode(struct dot_decoder *d, struct slice wire, size_t step, struct buf *text)
{
	size_t at = 0;
	buf_init(text, TEXT_MAX);
	while (at < wire.len && !d->ended)
		at += dot_decode(d, wire.ptr + at, wire.len - at < step ? wire.len - at : step, collect, text);
	return at;
}

/* Octets of the text as its CR LF form has them. */
static uint64_t count(struct slice text, bool plain)
{
	uint64_t octets = 0;
	for (size_t i = 0; i < text.len; i++) {
		bool first = i == 0 || text.ptr[i - 1] == '\n';
		bool doubling = !plain && first && text.ptr[i] == '.';
		octets += text.ptr[i] == '\n' ? 2 : doubling ? 0 : 1;
	}
	return octets;
}

/* A text without CR, complete to its last line end, goes out and comes back the same. */
static void round_trip(struct slice text, bool plain)
{
	struct dot_encoder e;
	struct dot_decoder d;
	struct buf wire, again;
	if (slice_has(text, '\r') || (text.len > 0 && text.ptr[text.len - 1] != '\n'))
		return;
	buf_init(&wire, TEXT_MAX);
	dot_encoder_init(&e, plain);
	check(dot_encode(&e, text.ptr, text.len, &wire) && dot_encode_end(&e, &wire));
	dot_decoder_init(&d, DOT_PEER_CRLF, plain);
	check(decode(&d, buf_slice(&wire), wire.len, &again) == wire.len);
	check(d.ended && !d.bare_cr && slice_equal(buf_slice(&again), text));
	buf_release(&wire);
	buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct dot_decoder whole, cut;
	struct buf text, same;
	if (n == 0)
		return 0;
	struct slice wire = slice_make((const char *)octets + 1, n - 1);
	static const enum dot_peer peers[] = { DOT_PEER_CRLF, DOT_PEER_LF, DOT_CHUNKS, DOT_CHUNKS };
	enum dot_peer peer = peers[octets[0] & 3];
	bool plain = octets[0] & 4;
	dot_decoder_init(&whole, peer, plain);
	dot_decoder_init(&cut, peer, plain);
	size_t taken = decode(&whole, wire, n, &text);
	check(decode(&cut, wire, 1 + (octets[0] >> 3), &same) == taken);
	check(dot_decode_end(&whole) == dot_decode_end(&cut));
	check(whole.ended == cut.ended && whole.bare_cr == cut.bare_cr && whole.bare_lf == cut.bare_lf);
	check(whole.octets == cut.octets && (peer != DOT_CHUNKS || taken == n - 1));
	check(slice_equal(buf_slice(&text), buf_slice(&same)));
	check(whole.octets == count(buf_slice(&text), plain));
	round_trip(buf_slice(&text), plain);
	buf_release(&text);
	buf_release(&same);
	return 0;
}
