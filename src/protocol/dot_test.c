/*
 * What ends a message and what only looks like it, and that text comes through whole, however it is cut.
 */
#include "protocol/dot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TEXT_MAX = 1024 * 1024 };

/* What a decoder made of some octets. */
struct result {
	struct buf text;
	size_t taken;
	bool ended;
	bool bare_cr;
	bool bare_lf;
	uint64_t octets;
};

static void collect(void *owner, const char *octets, size_t n)
{
	assert_true(n > 0);
	assert_true(buf_append(owner, octets, n));
}

static void add_length(void *owner, const char *octets, size_t n)
{
	size_t *length = owner;
	(void)octets;
	*length += n;
}

static struct result note(const struct dot_decoder *d, struct buf text, size_t taken)
{
	return (struct result){ text, taken, d->ended, d->bare_cr, d->bare_lf, d->octets };
}

/* The octets, in pieces that end at every multiple of `step` and at `cut`. */
static struct result decode_cut(struct slice wire, enum dot_peer peer, bool plain, size_t step, size_t cut)
{
	struct dot_decoder d;
	struct buf text;
	size_t at = 0;
	buf_init(&text, TEXT_MAX);
	dot_decoder_init(&d, peer, plain);
	while (at < wire.len && !d.ended) {
		size_t next = (at / step + 1) * step;
		if (at < cut && cut < next)
			next = cut;
		if (next > wire.len)
			next = wire.len;
		at += dot_decode(&d, wire.ptr + at, next - at, collect, &text);
		assert_true(d.ended || at == next);
	}
	if (peer == DOT_CHUNKS)
		d.ended = dot_decode_end(&d);
	return note(&d, text, at);
}

static void assert_same(const struct result *a, struct result b)
{
	assert_true(slice_equal(buf_slice(&a->text), buf_slice(&b.text)));
	assert_int_equal(a->taken, b.taken);
	assert_int_equal(a->ended, b.ended);
	assert_int_equal(a->bare_cr, b.bare_cr);
	assert_int_equal(a->bare_lf, b.bare_lf);
	assert_int_equal(a->octets, b.octets);
	buf_release(&b.text);
}

/* Whole, octet by octet, and cut in two at every place: always the same. */
static struct result decode(struct slice wire, enum dot_peer peer, bool plain)
{
	struct result whole = decode_cut(wire, peer, plain, wire.len + 1, 0);
	assert_same(&whole, decode_cut(wire, peer, plain, 1, 0));
	for (size_t cut = 1; cut < wire.len; cut++)
		assert_same(&whole, decode_cut(wire, peer, plain, wire.len + 1, cut));
	return whole;
}

static void expect_text(struct result r, const char *text, size_t len)
{
	assert_true(slice_equal(buf_slice(&r.text), slice_make(text, len)));
	buf_release(&r.text);
}

/* The wire's message ends where the wire does, and is `stored`. */
static void expect(const char *wire, enum dot_peer peer, const char *stored)
{
	struct result r = decode(slice_str(wire), peer, false);
	assert_true(r.ended);
	assert_false(r.bare_cr);
	assert_int_equal(r.taken, strlen(wire));
	expect_text(r, stored, strlen(stored));
}

/* RFC 5321 section 4.5.2 */
static void a_doubled_full_stop_stays_doubled_in_the_stored_form(void **state)
{
	(void)state;
	expect("a\r\n..\r\nb\r\n.\r\n", DOT_PEER_CRLF, "a\n..\nb\n");
	expect("..first\r\n...\r\n.\r\n", DOT_PEER_CRLF, "..first\n...\n");
}

static void a_full_stop_that_was_not_doubled_is_dropped(void **state)
{
	(void)state;
	expect(".x\r\na.b\r\n.\r\n", DOT_PEER_CRLF, "x\na.b\n");
}

static void plain_text_has_nothing_doubled(void **state)
{
	(void)state;
	expect_text(decode(slice_str("..a\r\n...\r\nb\n.c\r\n.\r\n"), DOT_PEER_CRLF, true), ".a\n..\nb\n.c\n",
	            strlen(".a\n..\nb\n.c\n"));
}

/* Section 4.1.1.4 */
static void a_message_may_be_empty(void **state)
{
	(void)state;
	expect(".\r\n", DOT_PEER_CRLF, "");
	expect(".\n", DOT_PEER_LF, "");
	expect("\r\n.\r\n", DOT_PEER_CRLF, "\n");
}

static void what_follows_the_end_is_not_taken(void **state)
{
	(void)state;
	struct result r = decode(slice_str("a\r\n.\r\nQUIT\r\n"), DOT_PEER_CRLF, false);
	assert_true(r.ended);
	assert_int_equal(r.taken, strlen("a\r\n.\r\n"));
	expect_text(r, "a\n", 2);
}

/* Sections 2.3.8, 4.1.1.4: the forms of smuggled mail. */
static void only_crlf_full_stop_crlf_ends_a_message(void **state)
{
	static const struct slice forms[] = {
		{ "\n.\n", 3 },       { "\n.\r\n", 4 },     { "\r\n.\n", 4 },     { "\n.\r", 3 },
		{ "\r.\n", 3 },       { "\r.\r", 3 },       { "\r.\r\n", 4 },     { "\r\n.\r", 4 },
		{ "\r\n\0.\r\n", 6 }, { "\r\n.\0\r\n", 6 }, { "\r\n.\r\r\n", 6 }, { "\r\r\n.\r\r\n", 7 },
		{ "\r\n .\r\n", 6 },  { "\r\n. \r\n", 6 },  { "\n\n.\n\n", 5 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		char wire[64] = "a";
		memcpy(wire + 1, forms[i].ptr, forms[i].len);
		memcpy(wire + 1 + forms[i].len, "RSET\r\n", 6);
		struct result r = decode(slice_make(wire, 1 + forms[i].len + 6), DOT_PEER_CRLF, false);
		if (r.ended)
			fail_msg("form %zu ends a message", i);
		buf_release(&r.text);
	}
}

static void a_bare_lf_becomes_a_line_end_and_the_full_stop_behind_it_is_text(void **state)
{
	(void)state;
	expect("a\n.\nb\n.\r\nc\r\n.\r\n", DOT_PEER_CRLF, "a\n..\nb\n..\nc\n");
	expect("a\r\n.\nb\r\n.\r\n", DOT_PEER_CRLF, "a\n\nb\n");
}

static void a_bare_cr_is_told_and_kept(void **state)
{
	static const char *const wires[] = { "a\rb\r\n.\r\n", "a\r\r\n.\r\n",    "a\r\n.\rb\r\n.\r\n",
		                             "\ra\r\n.\r\n",  "a\n\rb\r\n.\r\n", "a\r\n.\r\r\nb\r\n.\r\n" };
	static const char *const texts[] = { "a\rb\n", "a\r\n", "a\n\rb\n", "\ra\n", "a\n\rb\n", "a\n\r\nb\n" };
	(void)state;
	for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
		struct result r = decode(slice_str(wires[i]), DOT_PEER_CRLF, false);
		assert_true(r.ended);
		assert_true(r.bare_cr);
		assert_int_equal(r.taken, strlen(wires[i]));
		expect_text(r, texts[i], strlen(texts[i]));
	}
}

static void an_lf_peer_is_read_by_lf(void **state)
{
	(void)state;
	expect("a\n..b\n.\n", DOT_PEER_LF, "a\n..b\n");
	expect("a\r\nb\n.\r\n", DOT_PEER_LF, "a\nb\n");
}

static void a_bare_cr_of_an_lf_peer_is_told_too(void **state)
{
	(void)state;
	struct result r = decode(slice_str("a\rb\n.\n"), DOT_PEER_LF, false);
	assert_true(r.ended);
	assert_true(r.bare_cr);
	expect_text(r, "a\rb\n", 4);
}

static void a_bare_lf_is_told_but_for_an_lf_peers(void **state)
{
	static const struct {
		const char *wire;
		enum dot_peer peer;
		bool bare_lf;
	} wires[] = {
		{ "a\r\n.\r\n", DOT_PEER_CRLF, false },
		{ "a\nb\r\n.\r\n", DOT_PEER_CRLF, true },
		{ "\n.\r\n.\r\n", DOT_PEER_CRLF, true },
		{ "a\r\n.\n.\r\n.\r\n", DOT_PEER_CRLF, true },
		{ "a\n.\n", DOT_PEER_LF, false },
		{ "a\r\n", DOT_CHUNKS, false },
		{ "a\n", DOT_CHUNKS, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
		struct result r = decode(slice_str(wires[i].wire), wires[i].peer, false);
		if (r.bare_lf != wires[i].bare_lf || !r.ended)
			fail_msg("wire %zu", i);
		buf_release(&r.text);
	}
}

/* ---- chunks: `ended` says here that the last line has its end ---- */

/* RFC 3030 section 2 */
static void in_chunks_no_full_stop_is_special_and_all_are_kept(void **state)
{
	(void)state;
	expect(".\r\n..\r\n.x\r\na.b\r\n\r\n.\r\n", DOT_CHUNKS, "..\n...\n..x\na.b\n\n..\n");
	expect("a\n.b\n", DOT_CHUNKS, "a\n..b\n");
	expect("", DOT_CHUNKS, "");
}

static void the_end_of_chunks_tells_an_unfinished_line_and_a_bare_cr(void **state)
{
	static const struct {
		const char *wire;
		bool ended, bare_cr;
		const char *text;
	} wires[] = {
		{ "a", false, false, "a" },           { "a\r\nb", false, false, "a\nb" },
		{ ".", false, false, ".." },          { "a\r", false, true, "a" },
		{ "a\rb\r\n", true, true, "a\rb\n" }, { "\r\r\n", true, true, "\r\n" },
		{ "\r.\r\n", true, true, "\r.\n" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof wires / sizeof wires[0]; i++) {
		struct result r = decode(slice_str(wires[i].wire), DOT_CHUNKS, false);
		if (r.ended != wires[i].ended || r.bare_cr != wires[i].bare_cr)
			fail_msg("wire %zu", i);
		expect_text(r, wires[i].text, strlen(wires[i].text));
	}
}

static void octets_of_chunks_are_counted_as_size_counts_them(void **state)
{
	(void)state;
	struct result r = decode(slice_str("ab\r\n.c\r\n..\n"), DOT_CHUNKS, false);
	assert_int_equal(r.octets, strlen("ab\r\n.c\r\n..\r\n"));
	buf_release(&r.text);
}

/* RFC 1870 section 5 */
static void octets_are_counted_as_size_counts_them(void **state)
{
	(void)state;
	struct result r = decode(slice_str("ab\r\n..c\r\n.\r\n"), DOT_PEER_CRLF, false);
	assert_int_equal(r.octets, strlen("ab\r\n.c\r\n"));
	buf_release(&r.text);
	r = decode(slice_str("ab\n..c\n.\n"), DOT_PEER_LF, false);
	assert_int_equal(r.octets, strlen("ab\r\n.c\r\n"));
	buf_release(&r.text);
}

/* RFC 5321 section 4.5.3.1.6 */
static void long_lines_and_all_octets_come_through(void **state)
{
	char wire[5000];
	char stored[5000];
	size_t n = 0;
	(void)state;
	for (size_t i = 0; i < 4000; i++) {
		char c = (char)(i % 256);
		wire[n++] = c == '\r' || c == '\n' ? 'x' : c;
	}
	memcpy(stored, wire, n);
	stored[n] = '\n';
	memcpy(wire + n, "\r\n.\r\n", 5);
	expect_text(decode(slice_make(wire, n + 5), DOT_PEER_CRLF, false), stored, n + 1);
}

/* Line ends and full stops in every order, from each kind of peer: decode() compares the cuts. */
static void however_it_is_cut_the_text_is_the_same(void **state)
{
	static const char alphabet[] = ".\r\na";
	enum { LEN = 6 };
	char wire[LEN];
	(void)state;
	for (unsigned i = 0; i < 3u << 2 * LEN; i++) {
		for (size_t j = 0; j < LEN; j++)
			wire[j] = alphabet[i >> 2 * j & 3];
		struct result r = decode(slice_make(wire, LEN), (enum dot_peer)(i >> 2 * LEN), false);
		buf_release(&r.text);
	}
}

/* Were the next LF looked for anew behind each CR, and the other way round, each would take minutes. */
static void a_flood_of_one_kind_of_line_end_is_read_in_one_pass(void **state)
{
	enum { LEN = 4 * 1024 * 1024 };
	char *flood = malloc(LEN);
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct dot_decoder d;
		size_t text = 0;
		memset(flood, "\r\n"[i], LEN);
		dot_decoder_init(&d, DOT_PEER_CRLF, false);
		assert_int_equal(dot_decode(&d, flood, LEN, add_length, &text), LEN);
		assert_int_equal(text, i == 0 ? LEN - 1 : LEN);
		assert_int_equal(d.bare_cr, i == 0);
	}
	free(flood);
}

/* ---- the encoder ---- */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ (the end)";

static void encode_cut(struct slice text, bool plain, size_t step, size_t cut, struct buf *wire)
{
	struct dot_encoder e;
	size_t at = 0;
	buf_init(wire, TEXT_MAX);
	dot_encoder_init(&e, plain);
	while (at < text.len) {
		size_t next = (at / step + 1) * step;
		if (at < cut && cut < next)
			next = cut;
		if (next > text.len)
			next = text.len;
		assert_true(dot_encode(&e, text.ptr + at, next - at, wire));
		at = next;
	}
	assert_true(dot_encode_end(&e, wire));
}

static void expect_wire(const char *text, bool plain, const char *expected)
{
	struct slice all = slice_str(text);
	for (size_t cut = 0; cut <= all.len; cut++) {
		struct buf wire;
		encode_cut(all, plain, cut == all.len ? 1 : all.len + 1, cut, &wire);
		assert_true(slice_equal(buf_slice(&wire), slice_str(expected)));
		buf_release(&wire);
	}
}

static void stored_text_travels_with_crlf_and_its_doubled_full_stops(void **state)
{
	(void)state;
	expect_wire("a\n..b\n\n", false, "a\r\n..b\r\n\r\n.\r\n");
	expect_wire("", false, ".\r\n");
}

static void somebody_elses_single_full_stop_is_doubled(void **state)
{
	(void)state;
	expect_wire(".x\n", false, "..x\r\n.\r\n");
	expect_wire("a\n.\nb\n", false, "a\r\n..\r\nb\r\n.\r\n");
	expect_wire(".", false, "..\r\n.\r\n");
	expect_wire("...x\n", false, "...x\r\n.\r\n");
}

static void plain_text_is_stuffed(void **state)
{
	(void)state;
	expect_wire(".\n..\n.x\na.b\n", true, "..\r\n...\r\n..x\r\na.b\r\n.\r\n");
}

static void a_stored_crlf_stays_one_line_end(void **state)
{
	(void)state;
	expect_wire("a\r\n\r\nb\n", false, "a\r\n\r\nb\r\n.\r\n");
}

static void an_unfinished_last_line_is_ended(void **state)
{
	(void)state;
	expect_wire("a", false, "a\r\n.\r\n");
	expect_wire("a\r", false, "a\r\n.\r\n");
}

static void without_room_nothing_is_taken(void **state)
{
	struct dot_encoder e;
	struct buf out;
	(void)state;
	buf_init(&out, 16);
	dot_encoder_init(&e, false);
	assert_false(dot_encode(&e, "0123456789", 10, &out));
	assert_int_equal(out.len, 0);
	assert_true(dot_encode(&e, "012345", 6, &out));
	assert_false(dot_encode_end(&e, &out) && out.len > 16);
	buf_release(&out);
}

/* Everything a mail can hold goes out as it came in. */
/* What is found and copied at once is found in pieces of a fixed width. */
static void lines_of_any_length_are_encoded_whole(void **state)
{
	enum { LONGEST = 70 };
	(void)state;
	for (size_t length = 0; length <= LONGEST; length++) {
		char text[2 * LONGEST + 3], expected[2 * LONGEST + 8];
		snprintf(text, sizeof text, "%.*s\n%.*s\n", (int)length, letters, (int)(LONGEST - length), letters);
		snprintf(expected, sizeof expected, "%.*s\r\n%.*s\r\n.\r\n", (int)length, letters,
		         (int)(LONGEST - length), letters);
		expect_wire(text, false, expected);
	}
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
	static const char alphabet[] = ".\n\0a";
	char text[8];
	(void)state;
	for (unsigned i = 0; i < 1u << 14; i++) {
		struct buf wire;
		for (size_t j = 0; j < 7; j++)
			text[j] = alphabet[i >> 2 * j & 3];
		text[7] = '\n';
		encode_cut(slice_make(text, 8), true, 9, 0, &wire);
		struct result r = decode_cut(buf_slice(&wire), DOT_PEER_CRLF, true, TEXT_MAX, 0);
		assert_true(r.ended && !r.bare_cr && r.taken == wire.len);
		expect_text(r, text, 8);
		buf_release(&wire);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_doubled_full_stop_stays_doubled_in_the_stored_form),
		cmocka_unit_test(a_full_stop_that_was_not_doubled_is_dropped),
		cmocka_unit_test(plain_text_has_nothing_doubled),
		cmocka_unit_test(a_message_may_be_empty),
		cmocka_unit_test(what_follows_the_end_is_not_taken),
		cmocka_unit_test(only_crlf_full_stop_crlf_ends_a_message),
		cmocka_unit_test(a_bare_lf_becomes_a_line_end_and_the_full_stop_behind_it_is_text),
		cmocka_unit_test(a_bare_cr_is_told_and_kept),
		cmocka_unit_test(an_lf_peer_is_read_by_lf),
		cmocka_unit_test(a_bare_cr_of_an_lf_peer_is_told_too),
		cmocka_unit_test(a_bare_lf_is_told_but_for_an_lf_peers),
		cmocka_unit_test(in_chunks_no_full_stop_is_special_and_all_are_kept),
		cmocka_unit_test(the_end_of_chunks_tells_an_unfinished_line_and_a_bare_cr),
		cmocka_unit_test(octets_of_chunks_are_counted_as_size_counts_them),
		cmocka_unit_test(octets_are_counted_as_size_counts_them),
		cmocka_unit_test(long_lines_and_all_octets_come_through),
		cmocka_unit_test(however_it_is_cut_the_text_is_the_same),
		cmocka_unit_test(a_flood_of_one_kind_of_line_end_is_read_in_one_pass),
		cmocka_unit_test(stored_text_travels_with_crlf_and_its_doubled_full_stops),
		cmocka_unit_test(somebody_elses_single_full_stop_is_doubled),
		cmocka_unit_test(plain_text_is_stuffed),
		cmocka_unit_test(a_stored_crlf_stays_one_line_end),
		cmocka_unit_test(an_unfinished_last_line_is_ended),
		cmocka_unit_test(without_room_nothing_is_taken),
		cmocka_unit_test(lines_of_any_length_are_encoded_whole),
		cmocka_unit_test(what_is_encoded_decodes_to_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
