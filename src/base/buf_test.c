/*
 * buf_test: a buffer never passes its maximum, and a failed call leaves it as it was; an arena likewise.
 */
#include "base/buf.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/arena.h"

static void grows_up_to_its_maximum(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 1000);
	for (int i = 0; i < 1000; i++)
		assert_true(buf_append_char(&b, 'x'));
	assert_false(buf_append_char(&b, 'y'));
	assert_int_equal(b.len, 1000);
	assert_true(b.cap <= 1000);
	buf_release(&b);
	assert_null(b.data);
	assert_true(buf_append_text(&b, "again"));
	buf_release(&b);
}

static void failed_append_changes_nothing(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 8);
	assert_true(buf_append_text(&b, "12345"));
	assert_false(buf_append_text(&b, "6789"));
	assert_false(buf_printf(&b, "%d", 123456));
	assert_true(slice_equal_text(buf_slice(&b), "12345"));
	assert_false(buf_reserve(&b, SIZE_MAX));
	buf_release(&b);
}

static void consume_moves_the_rest_to_the_front(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 100);
	assert_true(buf_printf(&b, "%s-%d", "abc", 42));
	buf_consume(&b, 4);
	assert_true(slice_equal_text(buf_slice(&b), "42"));
	buf_consume(&b, 99);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

static void arena_is_bounded_and_aligned(void **state)
{
	(void)state;
	struct arena a;
	arena_init(&a, 8192);
	for (int i = 0; i < 10; i++) {
		char *p = arena_take(&a, 13);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, i, 13);
	}
	assert_string_equal(arena_dup(&a, slice_make("hello there", 5)), "hello");
	assert_non_null(arena_take(&a, 4000));
	assert_null(arena_take(&a, 4000));
	assert_null(arena_take(&a, SIZE_MAX - 3));
	arena_release(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_take(&a, 4000));
	arena_release(&a);
}

static void numbers_are_written_as_printf_writes_them(void **state)
{
	const uint64_t numbers[] = { 0, 7, 10, 99, 100, 4294967296, 10000000000000000000u, UINT64_MAX };
	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct buf one, other;
		buf_init(&one, 20);
		buf_init(&other, 21);
		assert_true(buf_append_number(&one, numbers[i]));
		assert_true(buf_printf(&other, "%" PRIu64, numbers[i]));
		assert_true(slice_equal(buf_slice(&one), buf_slice(&other)));
		assert_false(buf_append_number(&one, UINT64_MAX));
		assert_int_equal(one.len, other.len);
		buf_release(&one);
		buf_release(&other);
	}
}

static void text_becomes_a_json_string_or_nothing(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, 40);
	assert_true(buf_append_char(&b, ':'));
	assert_true(buf_append_json(&b, slice_str("a \"b\" \\ \n\x1f \xc3\xa4\x7f")));
	assert_true(slice_equal_text(buf_slice(&b), ":\"a \\\"b\\\" \\\\ \\u000a\\u001f \xc3\xa4\x7f\""));
	size_t before = b.len;
	assert_false(buf_append_json(&b, slice_str("123456789")));
	assert_int_equal(b.len, before);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_up_to_its_maximum),
		cmocka_unit_test(failed_append_changes_nothing),
		cmocka_unit_test(consume_moves_the_rest_to_the_front),
		cmocka_unit_test(arena_is_bounded_and_aligned),
		cmocka_unit_test(numbers_are_written_as_printf_writes_them),
		cmocka_unit_test(text_becomes_a_json_string_or_nothing),
	};
	return cmocka_run_group_tests_name("buf and arena", tests, NULL, NULL);
}
