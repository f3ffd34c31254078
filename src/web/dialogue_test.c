/*
 * dialogue_test: what was told comes back line by line, explained, and a broken record harms nobody.
 */
#include "web/dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add(struct buf *d, uint64_t when, char side, const char *text, unsigned how)
{
	const struct message m = { .type = MESSAGE_LINE,
		                   .numbers = { 1, when, (unsigned char)side, strlen(text) + 2, how },
		                   .texts = { slice_str(text) } };
	assert_true(dialogue_add(d, &m));
}

static const char *text_of(const json_t *lines, size_t i, const char *name)
{
	const char *text = json_string_value(json_object_get(json_array_get(lines, i), name));
	return text ? text : "";
}

static void lines_come_back_with_times_octets_and_explanations(void **state)
{
	(void)state;
	struct buf d;
	buf_init(&d, DIALOGUE_MAX);
	add(&d, 1000, 'S', "220 ready", 0);
	add(&d, 1005, 'C', "EHLO x", 0);
	add(&d, 1007, 'C', "AUTH PLAIN ", MESSAGE_LINE_SECRET);
	const struct message text = { .type = MESSAGE_TEXT, .numbers = { 1, 1010, 'C', 500, 9 } };
	assert_true(dialogue_add(&d, &text));
	json_t *lines = dialogue_json(buf_slice(&d), 1000);
	assert_int_equal(json_array_size(lines), 5);
	assert_string_equal(text_of(lines, 0, "side"), "note");
	assert_string_equal(text_of(lines, 2, "text"), "EHLO x");
	assert_non_null(strstr(text_of(lines, 2, "explanation"), "hello"));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(lines, 2), "after")), 5);
	assert_true(json_is_true(json_object_get(json_array_get(lines, 3), "secret")));
	assert_true(json_is_true(json_object_get(json_array_get(lines, 4), "mail")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(lines, 4), "lines")), 9);
	json_decref(lines);
	buf_release(&d);
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	struct buf d;
	buf_init(&d, 100);
	add(&d, 1000, 'S', "220 ready", 0);
	size_t len = d.len;
	const struct message m = { .type = MESSAGE_LINE,
		                   .numbers = { 1, 1, 'C', 2, 0 },
		                   .texts = { slice_str("a line that is too long for what is left of it") } };
	assert_false(dialogue_add(&d, &m));
	assert_int_equal(d.len, len);
	buf_release(&d);
}

static void a_record_that_is_cut_or_broken_is_read_as_far_as_it_goes(void **state)
{
	(void)state;
	struct buf d;
	buf_init(&d, DIALOGUE_MAX);
	add(&d, 1000, 'S', "220 \xff ready", 0);
	add(&d, 1001, 'C', "QUIT", 0);
	for (size_t n = 0; n <= d.len; n++) {
		json_t *lines = dialogue_json(slice_make(d.data, n), 1000);
		assert_in_range(json_array_size(lines), 1, 3);
		json_decref(lines);
	}
	for (size_t i = 0; i < d.len; i++) {
		d.data[i] ^= 0x55;
		json_decref(dialogue_json(buf_slice(&d), 1000));
		d.data[i] ^= 0x55;
	}
	buf_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_back_with_times_octets_and_explanations),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(a_record_that_is_cut_or_broken_is_read_as_far_as_it_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
