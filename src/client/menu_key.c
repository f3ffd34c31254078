/*
 * menu_key: keys and entries. See menu_key.h.
 */
#include "client/menu_key.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

const struct course_menu_entry *menu_key_find(const struct course_client *texts, char key)
{
	size_t position = key >= '1' && key <= '9' ? (size_t)(key - '1') : COURSE_MENU_MAX;

	for (size_t i = 0; i < texts->menu_len; i++) {
		if (texts->menu[i].key == key)
			return &texts->menu[i];
	}
	for (size_t i = 0; i < texts->menu_len; i++) {
		char own = texts->menu[i].key;
		if (is_letter(own) && (lower(own) == lower(key) || i == position))
			return &texts->menu[i];
	}
	return NULL;
}
