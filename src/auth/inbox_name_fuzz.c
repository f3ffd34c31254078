/*
 * Any address: a name that is one safe component of a path, the same in any case, and another address's only if the two are the same but for case.
 */
#include "auth/inbox_name.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789@._-+=%~ABCDEF";
	size_t len = strlen(name);
	check(len > 0 && len <= USERS_NAME_MAX && name[0] != '.' && strspn(name, letters) == len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first[USERS_NAME_MAX + 1], second[USERS_NAME_MAX + 1];
	struct slice a = slice_make((const char *)data, size / 2);
	struct slice b = slice_skip(slice_make((const char *)data, size), size / 2);
	check(inbox_name(a, first) == !slice_empty(a) && inbox_name(b, second) == !slice_empty(b));
	if (slice_empty(a))
		return 0;
	check_name(first);
	check_name(second);
	check((strcmp(first, second) == 0) == slice_equal_nocase(a, b));
	return 0;
}
