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

/* What is shown of these mails where stdout is no terminal. */
static void list_shows(struct inbox_mail *mails, size_t count, size_t shown, const char *expected)
{
	const struct inbox inbox = { .mails = mails, .count = count };
	char *text = NULL;
	size_t n = 0;
	struct screen screen = { .out = open_memstream(&text, &n) };

	assert_non_null(screen.out);
	assert_int_equal(mail_list_show(&screen, "No.  Sender", &inbox), shown);
	assert_int_equal(fclose(screen.out), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void marked_mails_are_left_out_and_the_others_keep_their_numbers(void **state)
{
	struct inbox_mail mails[] = { { .from = "a@b", .received = "-", .subject = "one" },
		                      { .from = "c@d", .received = "-", .subject = "two", .marked = true },
		                      { .from = "e@f", .received = "-", .subject = "three" } };

	(void)state;
	list_shows(mails, 3, 2, "No.  Sender\n1  a@b  -  one\n3  e@f  -  three\n");
	mails[0].marked = mails[2].marked = true;
	list_shows(mails, 3, 0, "No.  Sender\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_stand_in_columns),
		cmocka_unit_test(wide_characters_keep_the_columns),
		cmocka_unit_test(what_is_too_wide_is_cut_with_an_ellipsis),
		cmocka_unit_test(a_cut_leaves_characters_whole),
		cmocka_unit_test(a_line_never_passes_the_terminals_width),
		cmocka_unit_test(marked_mails_are_left_out_and_the_others_keep_their_numbers),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
