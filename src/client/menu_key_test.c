/*
 * Which keys lead where in the menus of several courses.
 */
#include "client/menu_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The number of the entry that each of the keys means, '-' for none: "abc" in the menu "a1" gives "0--". */
static void leads(const char *menu, const char *keys, const char *expected)
{
	struct course_client texts = { .menu_len = strlen(menu) };

	for (size_t i = 0; i < texts.menu_len; i++)
		texts.menu[i].key = menu[i];
	for (size_t i = 0; keys[i]; i++) {
		const struct course_menu_entry *entry = menu_key_find(&texts, keys[i]);
		char found = entry ? (char)('0' + (entry - texts.menu)) : '-';
		if (found != expected[i])
			fail_msg("menu %s, key %c: %c, not %c", menu, keys[i], found, expected[i]);
	}
}

static void digits_mean_their_entries_alone(void **state)
{
	(void)state;
	leads("123", "1234a\n", "012---");
	leads("321", "123", "210");
}

static void letters_are_taken_in_either_case(void **state)
{
	(void)state;
	leads("abc", "abcABCd", "012012-");
	leads("Qx", "qQxX", "0011");
	leads("aA", "aA", "01");
}

static void positions_work_where_keys_are_letters(void **state)
{
	(void)state;
	leads("abc", "1234", "012-");
	leads("a2c", "123", "012");
	leads("2ab", "123", "-02");
	leads("?b", "12?@", "-10-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_mean_their_entries_alone),
		cmocka_unit_test(letters_are_taken_in_either_case),
		cmocka_unit_test(positions_work_where_keys_are_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
