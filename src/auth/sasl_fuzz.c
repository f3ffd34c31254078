/*
 * Clients that say anything: who is let in has given a user's name and password. The first octet chooses mechanism and situation; the lines that follow are
 * responses, in BASE64 as they are, or encoded here so that the mechanisms see more than what is refused at once.
 */
#include "auth/sasl.h"

#include <fcntl.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESPONSES_MAX = 8 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* One user of each kind that SCRAM takes; read once. */
static struct users *open_users(void)
{
	static struct users *users;
	static const char text[] = "alice secret\n"
	                           "bob {SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
	                           "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
	                           "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n";
	char dir[] = "/tmp/sasl_fuzz.XXXXXX";
	const struct users_form form = { .separator = ' ', .schemes = true };
	struct fault why;
	if (users)
		return users;
	check(mkdtemp(dir) && chdir(dir) == 0);
	FILE *f = fopen("users.txt", "w");
	check(f && fputs(text, f) >= 0 && fclose(f) == 0);
	users = users_open(AT_FDCWD, ".", "users.txt", &form, NULL, &why);
	check(users != NULL && remove("users.txt") == 0 && remove(".scram-salt-key") == 0);
	check(chdir("/") == 0 && rmdir(dir) == 0);
	return users;
}

static bool holds(const uint8_t *data, size_t size, const char *text)
{
	return memmem(data, size, text, strlen(text)) != NULL;
}

static enum sasl_verdict respond(struct sasl_exchange *x, struct slice line, bool encoded)
{
	struct buf challenge;
	char *text = NULL;
	buf_init(&challenge, 32 * 1024);
	if (!encoded) {
		check(gsasl_base64_to(line.ptr, line.len, &text, NULL) == GSASL_OK);
		line = slice_str(text);
	}
	enum sasl_verdict verdict = sasl_step(x, line, true, &challenge);
	check(verdict == SASL_CHALLENGE || challenge.len == 0);
	gsasl_free(text);
	buf_release(&challenge);
	return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256", "scram-sha-256-plus" };
	struct sasl_exchange *x;
	if (size == 0)
		return 0;
	const struct sasl_situation situation = {
		.plaintext = true,
		.binding = slice_make("binding", data[0] & 4 || (data[0] & 3) == 3 ? 7 : 0),
	};
	check(sasl_begin(&x, open_users(), slice_str(names[data[0] & 3]), &situation) == SASL_CHALLENGE);
	struct slice rest = slice_make((const char *)data + 1, size - 1);
	enum sasl_verdict verdict = SASL_CHALLENGE;
	for (int i = 0; i < RESPONSES_MAX && verdict == SASL_CHALLENGE; i++) {
		size_t end = slice_find(rest, '\n');
		verdict = respond(x, slice_make(rest.ptr, end), data[0] & 8);
		rest = slice_skip(rest, end + 1);
	}
	if (verdict == SASL_OK)
		check(strcmp(sasl_user(x), "alice") == 0 || strcmp(sasl_user(x), "bob") == 0);
	/* In clear nobody can get in without the password's octets. */
	if (verdict == SASL_OK && !(data[0] & 8))
		check(holds(data, size, "secret") || holds(data, size, "pencil"));
	sasl_free(x);
	return 0;
}
