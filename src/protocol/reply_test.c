/*
 * How a row of the table becomes lines, and that nothing a peer sent can break one.
 */
#include "protocol/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct reply_values nothing;

static void expect(const struct reply *reply, const struct reply_values *values, bool enhanced, const char *expected)
{
	struct buf out;
	buf_init(&out, 8192);
	assert_true(reply_write(&out, reply, values, enhanced));
	assert_true(buf_append_char(&out, '\0'));
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void every_placeholder_is_filled_in(void **state)
{
	static const struct reply reply = { "x", 250, NULL, "%d %c <%s> <%r> %n %t %a %%" };
	struct reply_values values = {
		.domain = "lab.example",
		.client = slice_str("kgp"),
		.sender = slice_str("a@b"),
		.recipient = slice_str("c@d"),
		.number = 18446744073709551615u,
		.text = "text",
		.address = "5@lab",
	};
	(void)state;
	expect(&reply, &values, false, "250 lab.example kgp <a@b> <c@d> 18446744073709551615 text 5@lab %\r\n");
}

static void what_is_not_known_is_left_empty(void **state)
{
	static const struct reply reply = { "x", 250, NULL, "[%d%c%s%r%t] %n %" };
	(void)state;
	expect(&reply, &nothing, false, "250 [] 0 %\r\n");
}

/* RFC 2034 section 4 */
static void an_enhanced_code_stands_before_the_text_where_it_is_asked_for(void **state)
{
	(void)state;
	expect(&replies_default[REPLY_NO_SUCH_USER], &nothing, false, "550 No such user\r\n");
	expect(&replies_default[REPLY_NO_SUCH_USER], &nothing, true, "550 5.1.1 No such user\r\n");
	expect(&replies_default[REPLY_DATA_START], &nothing, true, "354 Start mail input; end with <CRLF>.<CRLF>\r\n");
}

/* RFC 5321 section 4.2.1, RFC 2034 section 4 */
static void a_newline_begins_the_next_line_with_all_its_codes(void **state)
{
	static const struct reply reply = { "x", 250, "2.0.0", "one\ntwo\nthree" };
	(void)state;
	expect(&reply, &nothing, false, "250-one\r\n250-two\r\n250 three\r\n");
	expect(&reply, &nothing, true, "250-2.0.0 one\r\n250-2.0.0 two\r\n250 2.0.0 three\r\n");
}

static void pop3_replies_have_no_code(void **state)
{
	(void)state;
	expect(&replies_default[REPLY_POP3_GREETING], &nothing, true, "+OK POP3 server ready\r\n");
}

static void nothing_a_peer_sent_breaks_a_line(void **state)
{
	static const struct reply reply = { "x", 250, NULL, "%c|%s|%r" };
	struct reply_values values = {
		.client = slice_make("a\r\n550 x\0y", 10),
		.sender = slice_str("b\nc\x1b[2J"),
		.recipient = slice_str("d\x7f\xc2\x9b"),
	};
	(void)state;
	expect(&reply, &values, false, "250 a??550 x?y|b?c?[2J|d???\r\n");
}

/* RFC 5321 section 4.5.3.1.5 */
static void no_line_is_longer_than_512_octets(void **state)
{
	static const struct reply reply = { "x", 250, "2.1.0", "%s\n%s%s%s" };
	char path[600];
	struct buf out;
	(void)state;
	memset(path, 'p', sizeof path);
	struct reply_values values = { .sender = slice_make(path, sizeof path) };
	buf_init(&out, 8192);
	assert_true(reply_write(&out, &reply, &values, true));
	assert_int_equal(out.len, 2 * REPLY_LINE_MAX);
	assert_memory_equal(out.data + REPLY_LINE_MAX - 2, "\r\n250 2.1.0 p", 13);
	assert_memory_equal(out.data + 2 * REPLY_LINE_MAX - 2, "\r\n", 2);
	buf_release(&out);
}

static void a_very_long_text_is_cut_not_overrun(void **state)
{
	static const struct reply reply = { "x", 250, NULL, "%s%s%s%s%s%s%s%s%s%s%s%s" };
	char path[600];
	struct buf out;
	(void)state;
	memset(path, 'p', sizeof path);
	struct reply_values values = { .sender = slice_make(path, sizeof path) };
	buf_init(&out, 8192);
	assert_true(reply_write(&out, &reply, &values, false));
	assert_int_equal(out.len, REPLY_LINE_MAX);
	buf_release(&out);
}

static void without_room_nothing_is_written(void **state)
{
	static const struct reply reply = { "x", 250, NULL, "one\ntwo" };
	struct buf out;
	(void)state;
	buf_init(&out, 12);
	assert_false(reply_write(&out, &reply, &nothing, false));
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_placeholder_is_filled_in),
		cmocka_unit_test(what_is_not_known_is_left_empty),
		cmocka_unit_test(an_enhanced_code_stands_before_the_text_where_it_is_asked_for),
		cmocka_unit_test(a_newline_begins_the_next_line_with_all_its_codes),
		cmocka_unit_test(pop3_replies_have_no_code),
		cmocka_unit_test(nothing_a_peer_sent_breaks_a_line),
		cmocka_unit_test(no_line_is_longer_than_512_octets),
		cmocka_unit_test(a_very_long_text_is_cut_not_overrun),
		cmocka_unit_test(without_room_nothing_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
