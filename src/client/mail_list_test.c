/*
 * Lines of the list on terminals of all widths.
 */
#include "client/mail_list.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const size_t widths[MAIL_LIST_COLUMNS] = { 3, 6, 5, 99 };

static void shows(const char *const texts[MAIL_LIST_COLUMNS], size_t total, const char *expected)
{
	struct slice cells[MAIL_LIST_COLUMNS];
	struct buf out;

	for (int i = 0; i < MAIL_LIST_COLUMNS; i++)
		cells[i] = slice_str(texts[i]);
	buf_init(&out, 4096);
	assert_true(mail_list_line(cells, widths, total, &out));
	assert_true(visible_width(slice_make(out.data, out.len - 1)) <= total);
	assert_true(buf_append_char(&out, '\0'));
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void cells_stand_in_columns(void **state)
{
	static const char *const cells[] = { "1", "a@b", "now", "Subject" };

	(void)state;
	shows(cells, 80, "1    a@b     now    Subject\n");
}

static void wide_characters_keep_the_columns(void **state)
{
	static const char *const cells[] = { "1", "\xE4\xB8\xAD@b", "e\xCC\x81", "\xF0\x9F\x93\xAC" };

	(void)state;
	shows(cells, 80, "1    \xE4\xB8\xAD@b    e\xCC\x81      \xF0\x9F\x93\xAC\n");
}

static void what_is_too_wide_is_cut_with_an_ellipsis(void **state)
{
	static const char *const cells[] = { "1", "alice@example", "now", "A long subject" };

	(void)state;
	shows(cells, 25, "1    alice\xE2\x80\xA6  now    A lo\xE2\x80\xA6\n");
}

static void a_cut_leaves_characters_whole(void **state)
{
	static const char *const cells[] = { "1", "\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD", "now", "x" };

	(void)state;
	shows(cells, 80, "1    \xE4\xB8\xAD\xE4\xB8\xAD\xE2\x80\xA6   now    x\n");
}

static void a_line_never_passes_the_terminals_width(void **state)
{
	static const char *const cells[] = { "123", "\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD", "12345",
		                             "\xE4\xB8\xAD\xE4\xB8\xAD" };

	(void)state;
	for (size_t total = 1; total < 40; total++) {
		struct slice row[MAIL_LIST_COLUMNS];
		struct buf out;
		buf_init(&out, 4096);
		for (int i = 0; i < MAIL_LIST_COLUMNS; i++)
			row[i] = slice_str(cells[i]);
		assert_true(mail_list_line(row, widths, total, &out));
		assert_true(visible_width(slice_make(out.data, out.len - 1)) <= total);
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_stand_in_columns),
		cmocka_unit_test(wide_characters_keep_the_columns),
		cmocka_unit_test(what_is_too_wide_is_cut_with_an_ellipsis),
		cmocka_unit_test(a_cut_leaves_characters_whole),
		cmocka_unit_test(a_line_never_passes_the_terminals_width),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
