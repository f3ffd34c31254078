/* message: what is encoded comes back, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "monitor/message.h"

static struct message sample(unsigned type)
{
	return (struct message){
		.type = (enum message_type)type,
		.numbers = { 1, UINT64_MAX, 'C', 0, 1ULL << 40, 7 },
		.texts = { slice_str("alice"), slice_make("a\0b\n", 4), slice_str(""), slice_str("x"),
		           slice_str("last") },
	};
}

static void every_type_comes_back_as_it_was(void **state)
{
	(void)state;
	for (unsigned type = 1; type < MESSAGE_TYPES; type++) {
		const struct message m = sample(type);
		struct buf one, two;
		struct message back;
		buf_init(&one, MESSAGE_MAX);
		buf_init(&two, MESSAGE_MAX);
		assert_true(message_encode(&m, &one));
		assert_true(message_decode(&back, buf_slice(&one)));
		assert_int_equal(back.type, type);
		assert_true(message_encode(&back, &two));
		assert_true(slice_equal(buf_slice(&one), buf_slice(&two)));
		buf_release(&one);
		buf_release(&two);
	}
}

static void texts_may_hold_any_octet(void **state)
{
	(void)state;
	const struct message m = sample(MESSAGE_DELIVERED);
	struct buf packet;
	struct message back;
	buf_init(&packet, MESSAGE_MAX);
	assert_true(message_encode(&m, &packet));
	assert_true(message_decode(&back, buf_slice(&packet)));
	assert_true(back.numbers[1] == UINT64_MAX);
	assert_true(slice_equal(back.texts[1], slice_make("a\0b\n", 4)));
	assert_true(slice_equal_text(back.texts[4], "last"));
	buf_release(&packet);
}

/* A packet comes whole or not at all: each part of one, and one with more behind it, is none. */
static void a_part_of_a_packet_is_no_message(void **state)
{
	(void)state;
	for (unsigned type = 1; type < MESSAGE_TYPES; type++) {
		const struct message m = sample(type);
		struct buf packet;
		struct message back;
		buf_init(&packet, MESSAGE_MAX);
		assert_true(message_encode(&m, &packet));
		for (size_t n = 0; n < packet.len; n++) {
			char *exact = malloc(n + 1);
			memcpy(exact, packet.data, n);
			assert_false(message_decode(&back, slice_make(exact, n)));
			free(exact);
		}
		assert_true(buf_append_char(&packet, 'x'));
		assert_false(message_decode(&back, buf_slice(&packet)));
		buf_release(&packet);
	}
}

static void an_unknown_type_is_no_message(void **state)
{
	(void)state;
	const char types[] = { 0, MESSAGE_TYPES, 127, (char)200 };
	struct message back;
	for (size_t i = 0; i < sizeof types; i++)
		assert_false(message_decode(&back, slice_make(&types[i], 1)));
}

static void what_is_too_long_is_not_encoded(void **state)
{
	(void)state;
	static char much[MESSAGE_MAX];
	const struct message m = { .type = MESSAGE_METRICS, .texts = { slice_make(much, sizeof much) } };
	struct buf packet;
	buf_init(&packet, (size_t)2 * MESSAGE_MAX);
	assert_false(message_encode(&m, &packet));
	buf_release(&packet);
}

static void a_list_is_read_member_by_member(void **state)
{
	(void)state;
	struct slice list = slice_str("one\ntwo\n\nlast"), member;
	const char *const expected[] = { "one", "two", "", "last" };
	for (size_t i = 0; i < 4; i++) {
		assert_true(message_list_next(&list, &member));
		assert_true(slice_equal_text(member, expected[i]));
	}
	assert_false(message_list_next(&list, &member));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_as_it_was),  cmocka_unit_test(texts_may_hold_any_octet),
		cmocka_unit_test(a_part_of_a_packet_is_no_message), cmocka_unit_test(an_unknown_type_is_no_message),
		cmocka_unit_test(what_is_too_long_is_not_encoded),  cmocka_unit_test(a_list_is_read_member_by_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
