/*
 * Users files of any octets: whoever is in the table has a name that may become a directory's, and is found.
 */
#include "auth/users_table.h"

#include "auth/users.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void look_at_report(const char *text)
{
	check(strncmp(text, "users:", 6) == 0);
}

static void check_entry(const struct users_table *t, size_t i)
{
	struct users_entry e = users_table_entry(t, i), found;
	check(e.name.len > 0 && e.name.len <= USERS_NAME_MAX && strlen(e.name.ptr) == e.name.len);
	check(e.name.ptr[0] != '.' && !slice_has(e.name, '/') && !slice_has(e.name, ' '));
	check(e.secret.len > 0 && e.secret.len <= USERS_LINE_MAX && !slice_has(e.secret, '\0'));
	check(users_table_find(t, e.name, &found) && found.name.ptr == e.name.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = malloc(size);
	check(text != NULL);
	memcpy(text, data + 1, size - 1);
	const struct users_form form = { .separator = data[0] & 1 ? ',' : ' ', .schemes = data[0] & 2 };
	struct users_table *t = users_table_new(text, size - 1, &form, "users", look_at_report);
	check(t != NULL);
	for (size_t i = 0; i < users_table_count(t); i++)
		check_entry(t, i);
	users_table_release(t);
	return 0;
}
