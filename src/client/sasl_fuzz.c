/*
 * A server that asks anything in a login: the client never says the password in a mechanism that keeps it, nor believes in a server that has not shown that it knows
 * it. The first octet: what is offered, and whether the connection is bound; the lines that follow are challenges, encoded here; in them ~ stands for the client's
 * own nonce.
 */
#include "client/sasl.h"

#include <gsasl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHALLENGES_MAX = 6, RESPONSE_MAX = 64 * 1024, DIGITS_MAX = 4 };

static const char password[] = "S3cretOfTheUser";

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* More rounds of a hash than a fuzzer has time for. */
static bool is_slow(struct slice s)
{
	size_t digits = 0;
	for (size_t i = 0; i < s.len && digits <= DIGITS_MAX; i++)
		digits = s.ptr[i] >= '0' && s.ptr[i] <= '9' ? digits + 1 : 0;
	return digits > DIGITS_MAX;
}

/* What the client called itself and made up: behind "r=". */
static void keep_nonce(struct slice response, struct buf *nonce)
{
	char *text = NULL;
	size_t len = 0;
	if (nonce->len > 0 || gsasl_base64_from(response.ptr, response.len, &text, &len) != GSASL_OK)
		return;
	const char *at = memmem(text, len, "r=", 2);
	if (at)
		check(buf_append(nonce, at + 2, len - (size_t)(at + 2 - text)));
	gsasl_free(text);
}

static char *encode(struct slice line, struct slice nonce)
{
	struct buf text;
	char *challenge = NULL;
	buf_init(&text, RESPONSE_MAX + line.len * (nonce.len + 1));
	for (size_t i = 0; i < line.len; i++)
		check(line.ptr[i] == '~' ? buf_append_slice(&text, nonce) : buf_append_char(&text, line.ptr[i]));
	check(buf_append_char(&text, '\0'));
	check(gsasl_base64_to(text.data, text.len - 1, &challenge, NULL) == GSASL_OK);
	buf_release(&text);
	return challenge;
}

static void check_kept(struct slice response)
{
	char *text = NULL;
	size_t len = 0;
	check(gsasl_base64_from(response.ptr, response.len, &text, &len) == GSASL_OK);
	check(!memmem(text, len, password, sizeof password - 1));
	gsasl_free(text);
}

static void log_in(struct talk_login *l, const char *mechanism, struct slice rest)
{
	struct buf response, nonce;
	struct fault why;
	bool goes_on = true;
	bool keeps = strncmp(mechanism, "SCRAM", 5) == 0;
	buf_init(&response, RESPONSE_MAX);
	buf_init(&nonce, RESPONSE_MAX);
	if (l->begins(l))
		goes_on = l->step(l, slice_make("", 0), &response, &why);
	for (int i = 0; i < CHALLENGES_MAX && goes_on; i++) {
		size_t end = slice_find(rest, '\n');
		keep_nonce(buf_slice(&response), &nonce);
		char *challenge = encode(slice_make(rest.ptr, end), buf_slice(&nonce));
		buf_clear(&response);
		goes_on = l->step(l, slice_str(challenge), &response, &why);
		gsasl_free(challenge);
		if (goes_on && keeps)
			check_kept(buf_slice(&response));
		check(!keeps || !l->accept(l, &why));
		rest = slice_skip(rest, end + 1);
	}
	buf_release(&response);
	buf_release(&nonce);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const offers[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256 PLAIN",
		                              "PLAIN LOGIN SCRAM-SHA-256-PLUS SCRAM-SHA-256" };
	struct sasl s;
	char hex[33];
	/* A server that says the password itself hears it in what it has said. */
	if (size == 0 || memmem(data, size, password, sizeof password - 1) ||
	    is_slow(slice_make((const char *)data + 1, size - 1)))
		return 0;
	const struct session_tls tls = { .has_binding = data[0] & 4, .binding = "0123456789abcdef0123456789abcde" };
	struct slice rest = slice_make((const char *)data + 1, size - 1);
	sasl_init(&s, slice_str("alice"), slice_str(password), &tls);
	check(s.login.digest(&s.login, rest, hex) && strlen(hex) == 32);
	const char *mechanism = s.login.choose(&s.login, slice_str(offers[data[0] & 3]));
	if (mechanism)
		log_in(&s.login, mechanism, rest);
	s.login.choose(&s.login, rest);
	sasl_release(&s);
	return 0;
}
