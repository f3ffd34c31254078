/*
 * The rules of a users file's lines, and what is reported.
 */
#include "auth/users_table.h"

#include "auth/users.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct buf reports; /* "text;" each */

static void report(const char *text)
{
	assert_true(buf_printf(&reports, "%s;", text));
}

static struct users_table *read_slice(struct slice s, char separator)
{
	char *text = slice_dup(s);
	assert_non_null(text);
	buf_clear(&reports);
	struct users_table *t =
	        users_table_new(text, s.len, &(struct users_form){ .separator = separator }, "user.txt", report);
	assert_non_null(t);
	return t;
}

/* `expected` is "name:password;" for each entry. */
static void reads_slice(struct slice s, char separator, const char *expected, const char *expected_reports)
{
	struct users_table *t = read_slice(s, separator);
	struct buf got;
	buf_init(&got, 4096);
	for (size_t i = 0; i < users_table_count(t); i++) {
		struct users_entry e = users_table_entry(t, i);
		assert_int_equal(e.name.ptr[e.name.len], '\0');
		buf_printf(&got, "%.*s:%.*s;", SLICE_FMT(e.name), SLICE_FMT(e.secret));
	}
	if (!slice_equal_text(buf_slice(&got), expected))
		fail_msg("got \"%.*s\", expected \"%s\"", SLICE_FMT(buf_slice(&got)), expected);
	if (!slice_equal_text(buf_slice(&reports), expected_reports))
		fail_msg("reported \"%.*s\", expected \"%s\"", SLICE_FMT(buf_slice(&reports)), expected_reports);
	buf_release(&got);
	users_table_release(t);
}

static void reads(const char *text, char separator, const char *expected, const char *expected_reports)
{
	reads_slice(slice_str(text), separator, expected, expected_reports);
}

static void blanks_separate_name_and_password(void **state)
{
	(void)state;
	reads("Stallings network$ecurity\nForouzan\t \td@t@comm\n", ' ', "Stallings:network$ecurity;Forouzan:d@t@comm;",
	      "");
	reads("  alice  pw  \t\n", ' ', "alice:pw;", "");
	reads("alice a,b,c", ' ', "alice:a,b,c;", "");
}

static void first_comma_separates_name_and_password(void **state)
{
	(void)state;
	reads("alice,pw\nbob,a,b\n carol , pw \n", ',', "alice:pw;bob:a,b;carol:pw;", "");
	reads("alice,,\n", ',', "alice:,;", "");
}

static void empty_lines_and_comments_are_passed_over(void **state)
{
	(void)state;
	reads("# users\n\n  \t\nalice pw\n#bob pw\n  # carol pw\n", ' ', "alice:pw;", "");
	reads("", ' ', "", "");
	reads("\n", ',', "", "");
}

static void crlf_and_byte_order_mark_are_read_as_well(void **state)
{
	(void)state;
	reads("\xef\xbb\xbf"
	      "alice pw\r\nbob pw2\r\n\r\n",
	      ' ', "alice:pw;bob:pw2;", "");
	reads("\xef\xbb\xbf# c\r\n", ' ', "", "");
	reads("alice pw\r", ' ', "alice:pw;", "");
}

static void name_that_could_leave_the_directory_is_reported(void **state)
{
	(void)state;
	reads(".. pw\na/b pw\n.x pw\nalice pw\n", ' ', "alice:pw;",
	      "user.txt:1: a name may not begin with a full stop (line passed over);"
	      "user.txt:2: a name may not hold a slash (line passed over);"
	      "user.txt:3: a name may not begin with a full stop (line passed over);");
	reads(",pw\na b,pw\n/,pw\n", ',', "",
	      "user.txt:1: no name before the comma (line passed over);"
	      "user.txt:2: a name may not hold blanks (line passed over);"
	      "user.txt:3: a name may not hold a slash (line passed over);");
}

static void control_characters_are_reported(void **state)
{
	(void)state;
	reads("a\x01 pw\nb p\x7fw\nc p\rw\n", ' ', "",
	      "user.txt:1: a name may not hold control characters (line passed over);"
	      "user.txt:2: a password may not hold control characters (line passed over);"
	      "user.txt:3: a password may not hold control characters (line passed over);");
	reads_slice(slice_make("a\0b pw\nc p\0w\n", 13), ' ', "",
	            "user.txt:1: a name may not hold control characters (line passed over);"
	            "user.txt:2: a password may not hold control characters (line passed over);");
}

static void letters_beyond_ascii_are_taken(void **state)
{
	(void)state;
	reads("j\xc3\xb6rg p\xc3\xa4ss\n", ' ', "j\xc3\xb6rg:p\xc3\xa4ss;", "");
}

static void line_without_password_or_with_too_many_words_is_reported(void **state)
{
	(void)state;
	reads("alice\nbob pw x\ncarol pw\n", ' ', "carol:pw;",
	      "user.txt:1: no password: expected name and password, blanks between (line passed over);"
	      "user.txt:2: more than two words: expected name and password (line passed over);");
	reads("alice\nbob, \ncarol,p w\n", ',', "",
	      "user.txt:1: no password: expected name,password (line passed over);"
	      "user.txt:2: no password: expected name,password (line passed over);"
	      "user.txt:3: a password may not hold blanks (line passed over);");
}

static void first_of_two_names_stays(void **state)
{
	(void)state;
	reads("Alice one\nbob x\naLICE two\n", ' ', "Alice:one;bob:x;",
	      "user.txt:3: this name is in line 1 already (line passed over);");
}

static void reports_never_hold_what_might_be_a_password(void **state)
{
	(void)state;
	struct users_table *t = read_slice(slice_str("alice,s3cret\nbob s3cret x\nalice s3cret\nAlice s3cret\n"), ' ');
	assert_true(reports.len > 0);
	assert_true(buf_append_char(&reports, '\0'));
	assert_null(strstr(reports.data, "s3cret"));
	users_table_release(t);
}

static void names_and_lines_have_their_maximum(void **state)
{
	(void)state;
	char text[USERS_LINE_MAX + 100];
	memset(text, 'a', sizeof text);
	memcpy(text + USERS_NAME_MAX, " pw", 4);
	struct users_table *t = read_slice(slice_str(text), ' ');
	assert_int_equal(users_table_count(t), 1);
	users_table_release(t);

	memset(text, 'a', sizeof text);
	memcpy(text + USERS_NAME_MAX + 1, " pw", 4);
	reads(text, ' ', "", "user.txt:1: the name is longer than 64 octets (line passed over);");

	memset(text, 'a', sizeof text);
	text[5] = ' ';
	text[USERS_LINE_MAX] = '\n';
	t = read_slice(slice_make(text, USERS_LINE_MAX + 1), ' ');
	assert_int_equal(users_table_count(t), 1);
	assert_int_equal(users_table_entry(t, 0).secret.len, USERS_LINE_MAX - 6);
	users_table_release(t);
	text[USERS_LINE_MAX] = 'a';
	text[USERS_LINE_MAX + 1] = '\0';
	reads(text, ' ', "", "user.txt:1: longer than 1024 octets (line passed over);");
}

static void finds(const struct users_table *t, struct slice name, const char *spelled)
{
	struct users_entry e;
	bool found = users_table_find(t, name, &e);
	assert_int_equal(found, spelled != NULL);
	if (found)
		assert_string_equal(e.name.ptr, spelled);
}

static void names_are_found_without_regard_to_case(void **state)
{
	(void)state;
	struct users_table *t = read_slice(slice_str("Stallings a\nj\xc3\xb6rg b\n"), ' ');
	finds(t, slice_str("stallings"), "Stallings");
	finds(t, slice_str("STALLINGS"), "Stallings");
	finds(t, slice_str("stalling"), NULL);
	finds(t, slice_str("stallingss"), NULL);
	finds(t, slice_str(""), NULL);
	finds(t, slice_str("."), NULL);
	finds(t, slice_make("stallings\0", 10), NULL);
	finds(t, slice_str("J\xc3\xb6RG"), "j\xc3\xb6rg");
	users_table_release(t);
}

static void many_users_are_all_found(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	struct buf text;
	char name[20];
	buf_init(&text, 1 << 20);
	for (int i = 0; i < MANY; i++)
		assert_true(buf_printf(&text, "User%d pw%d\n", i, i));
	struct users_table *t = read_slice(buf_slice(&text), ' ');
	assert_int_equal(users_table_count(t), MANY);
	for (int i = 0; i < MANY; i++) {
		struct users_entry e;
		snprintf(name, sizeof name, "uSER%d", i);
		assert_true(users_table_find(t, slice_str(name), &e));
		assert_true(slice_equal_text(slice_skip(e.name, 4), name + 4));
	}
	finds(t, slice_str("user20000"), NULL);
	users_table_release(t);
	buf_release(&text);
}

static struct users_table *table_of(int count)
{
	struct buf text;
	buf_init(&text, 65536);
	for (int i = 0; i < count; i++)
		assert_true(buf_printf(&text, "user%d secret%d\n", i, i));
	struct users_table *t = read_slice(buf_slice(&text), ' ');
	buf_release(&text);
	return t;
}

/* Which of them a stranger borrows from. */
static int borrowed_from(const struct users_table *t, uint32_t pick)
{
	struct users_entry entry;
	assert_false(users_table_find_or_borrow(t, slice_str("mallory"), pick, &entry));
	return (int)strtol(entry.name.ptr + strlen("user"), NULL, 10);
}

static void strangers_borrow_from_all_users_and_hardly_notice_one_more(void **state)
{
	(void)state;
	enum { USERS = 100, STRANGERS = 100 * 1000 };
	struct users_table *before = table_of(USERS), *after = table_of(USERS + 1);
	int counts[USERS] = { 0 }, changed = 0;
	for (uint32_t i = 0; i < STRANGERS; i++) {
		uint32_t pick = i * 2654435761u;
		int from = borrowed_from(before, pick);
		counts[from]++;
		changed += borrowed_from(after, pick) != from;
	}
	for (int i = 0; i < USERS; i++)
		assert_in_range(counts[i], STRANGERS / USERS / 2, STRANGERS / USERS * 2);
	assert_in_range(changed, STRANGERS / USERS / 2, STRANGERS / USERS * 2);
	users_table_release(before);
	users_table_release(after);
}

int main(void)
{
	buf_init(&reports, 1 << 16);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_separate_name_and_password),
		cmocka_unit_test(first_comma_separates_name_and_password),
		cmocka_unit_test(empty_lines_and_comments_are_passed_over),
		cmocka_unit_test(crlf_and_byte_order_mark_are_read_as_well),
		cmocka_unit_test(name_that_could_leave_the_directory_is_reported),
		cmocka_unit_test(control_characters_are_reported),
		cmocka_unit_test(letters_beyond_ascii_are_taken),
		cmocka_unit_test(line_without_password_or_with_too_many_words_is_reported),
		cmocka_unit_test(first_of_two_names_stays),
		cmocka_unit_test(reports_never_hold_what_might_be_a_password),
		cmocka_unit_test(names_and_lines_have_their_maximum),
		cmocka_unit_test(names_are_found_without_regard_to_case),
		cmocka_unit_test(many_users_are_all_found),
		cmocka_unit_test(strangers_borrow_from_all_users_and_hardly_notice_one_more),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_release(&reports);
	return failed;
}
