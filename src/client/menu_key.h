/*
 * menu_key: which entry of a course's menu a pressed key means. Pure.
 */
#ifndef POSTROOM_CLIENT_MENU_KEY_H
#define POSTROOM_CLIENT_MENU_KEY_H

#include "course/course.h"

/* The entry with this key, a letter in either case; where an entry's key is a letter, its position 1, 2, 3 … as well.
 * NULL: none. */
const struct course_menu_entry *menu_key_find(const struct course_client *texts, char key);

#endif
