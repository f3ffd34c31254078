/*
 * Secrets of any octets: whatever is taken for keys can be used as keys, and nothing is read beyond its end.
 */
#include "auth/password.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_keys(struct slice secret)
{
	struct password_keys keys;
	check(password_keys_read(secret, &keys));
	check(keys.iterations >= PASSWORD_ITERATIONS_LEAST && keys.iterations <= PASSWORD_ITERATIONS_MOST);
	check(keys.salt_len > 0 && keys.salt_len <= PASSWORD_SALT_MAX);
}

static void check_made(struct slice password)
{
	char secret[PASSWORD_SECRET_MAX];
	enum password_kind kind;
	struct fault why;
	if (!password_make(PASSWORD_PLAIN, password, secret, &why))
		return;
	check(!password_kind_of(slice_str(secret), &kind) && kind == PASSWORD_PLAIN);
	check(password_verify(PASSWORD_PLAIN, slice_str(secret), password));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without a NUL behind it, so that the sanitizer sees what is read too far. */
	char *copy = malloc(size > 0 ? size : 1);
	check(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	struct slice secret = slice_make(copy, size);
	enum password_kind kind;
	if (!password_kind_of(secret, &kind) && kind == PASSWORD_SCRAM)
		check_keys(secret);
	check_made(secret);
	free(copy);
	return 0;
}
