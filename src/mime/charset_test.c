/*
 * A text of a mail in whatever character set it names.
 */
#include "mime/charset.h"

#include <gmime/gmime.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"

enum { OUT_MAX = 1 << 20, ROUNDS = 4 };

static void decodes(const char *name, struct slice text, const char *expected)
{
	struct buf out;

	buf_init(&out, OUT_MAX);
	assert_int_equal(charset_decode(name, text, &out), CHARSET_DONE);
	assert_true(buf_append_char(&out, '\0'));
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void what_is_no_character_is_replaced(void **state)
{
	(void)state;
	decodes("us-ascii", slice_str("a\xE9"), "a\xE9");
	decodes("EUC-JP", slice_str("a\xFF\xC6\xFC"), "a\xEF\xBF\xBD\xE6\x97\xA5");
	decodes("EUC-JP", slice_str("a\xC6"), "a\xEF\xBF\xBD");
}

static void a_text_ends_with_the_character_that_waits_for_another_to_compose_with(void **state)
{
	(void)state;
	decodes("windows-1255", slice_str("ab\xF9"), "ab\xD7\xA9");
	decodes("windows-1258", slice_str("xin ch\xE0o a"), "xin ch\xC3\xA0o a");
}

/* glibc's converter has then used the octet up, and says that it is none. */
static void a_lone_shift_ends_the_text_where_the_text_ends(void **state)
{
	char *text = malloc(1);

	(void)state;
	assert_non_null(text);
	*text = 0x0E;
	decodes("ISO-2022-CN-EXT", slice_make(text, 1), "\xEF\xBF\xBD");
	free(text);
}

/* Letters, escapes and shifts, and anything. */
static char some_octet(void)
{
	static const char marks[] = "\x1b$()*+BJ@ADOG\x0e\x0f~{}";

	switch (rand() % 4) {
	case 0:
		return marks[(size_t)rand() % (sizeof marks - 1)];
	case 1:
		return (char)(0x80 | rand());
	default:
		return (char)rand();
	}
}

static void decode_anything(const char *name)
{
	size_t len = (size_t)rand() % 64;
	char *text = malloc(len + 1); /* of its own size, so that a sanitizer sees a step too far */
	struct buf out;

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = some_octet();
	buf_init(&out, OUT_MAX);
	assert_int_not_equal(charset_decode(name, slice_make(text, len), &out), CHARSET_FULL);
	buf_release(&out);
	free(text);
}

static void every_set_of_the_system_takes_any_octets(void **state)
{
	FILE *names = popen("iconv -l", "r");
	char name[256];
	unsigned count = 0;

	(void)state;
	assert_non_null(names);
	srand(1);
	while (fgets(name, sizeof name, names)) {
		name[strcspn(name, "/\n")] = '\0';
		for (int i = 0; i < ROUNDS; i++)
			decode_anything(name);
		count++;
	}
	pclose(names);
	assert_true(count > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_character_is_replaced),
		cmocka_unit_test(a_text_ends_with_the_character_that_waits_for_another_to_compose_with),
		cmocka_unit_test(a_lone_shift_ends_the_text_where_the_text_ends),
		cmocka_unit_test(every_set_of_the_system_takes_any_octets),
	};

	g_mime_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
