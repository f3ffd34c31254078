/*
 * sasl: one exchange with GNU SASL. See sasl.h.
 */
#include "client/sasl.h"

#include <errno.h>
#include <gsasl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static struct sasl *sasl_of(struct talk_login *l)
{
	return (struct sasl *)l;
}

static void wipe(char *text, size_t n)
{
	if (text)
		explicit_bzero(text, n);
	gsasl_free(text);
}

/* ---- the choice ---- */

static const struct mechanism {
	const char *name;
	bool binds; /* to the TLS connection, which then nobody sits in the middle of */
} mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", true },
	{ "SCRAM-SHA-256", false },
	{ "PLAIN", false },
	{ "LOGIN", false },
};

static bool is_offered(struct slice offered, const char *name)
{
	struct slice word;

	while ((word = slice_word(&offered)).len > 0) {
		if (slice_equal_text_nocase(word, name))
			return true;
	}
	return false;
}

static bool can_bind(const struct sasl *s)
{
	return s->tls->has_binding;
}

static bool give_binding(struct sasl *s)
{
	char *text = NULL;
	size_t len = 0;
	bool given = gsasl_base64_to((const char *)s->tls->binding, sizeof s->tls->binding, &text, &len) == GSASL_OK &&
	             gsasl_property_set(s->session, GSASL_CB_TLS_EXPORTER, text) == GSASL_OK;

	wipe(text, len);
	return given;
}

static bool give_word(struct sasl *s, Gsasl_property property, struct slice word)
{
	return !slice_has(word, '\0') &&
	       gsasl_property_set_raw(s->session, property, word.len > 0 ? word.ptr : "", word.len) == GSASL_OK;
}

/* GNU SASL fails where SCRAM-SHA-256 is told of a binding that it does not use, so it is not: the flag "y" of RFC 5802 section 6 is never said. */
static bool begin(struct sasl *s, const struct mechanism *m)
{
	if (s->session)
		gsasl_finish(s->session);
	s->session = NULL;
	if (!s->library && gsasl_init(&s->library) != GSASL_OK)
		s->library = NULL; /* what is there is freed already */
	if (!s->library || gsasl_client_start(s->library, m->name, &s->session) != GSASL_OK)
		return false;
	s->mechanism = m->name;
	s->proven = false;
	return give_word(s, GSASL_AUTHID, s->login.name) && give_word(s, GSASL_PASSWORD, s->login.password) &&
	       (!m->binds || give_binding(s));
}

static const char *choose(struct talk_login *l, struct slice offered)
{
	struct sasl *s = sasl_of(l);

	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
		const struct mechanism *m = &mechanisms[i];
		if (is_offered(offered, m->name) && (!m->binds || can_bind(s)) && begin(s, m))
			return m->name;
	}
	return NULL;
}

static bool begins(struct talk_login *l)
{
	return strcmp(sasl_of(l)->mechanism, "LOGIN") != 0;
}

/* ---- a step ---- */

/* How often SCRAM's hash is to be repeated stands in its first challenge: "r=…,s=…,i=4096". */
static bool asks_too_much(struct slice challenge)
{
	char *text = NULL;
	size_t len = 0;
	bool too_much = false;

	if (gsasl_base64_from(challenge.ptr, challenge.len, &text, &len) != GSASL_OK)
		return false;
	struct slice rest = slice_make(text, len);
	while (rest.len > 0) {
		struct slice part = slice_make(rest.ptr, slice_find(rest, ','));
		uint64_t count;
		if (slice_starts_nocase(part, "i="))
			too_much = too_much || !slice_number(slice_skip(part, 2), SASL_ITERATIONS_MAX, &count);
		rest = slice_skip(rest, part.len + 1);
	}
	wipe(text, len);
	return too_much;
}

static bool explain(const struct sasl *s, int rc, struct fault *why)
{
	switch (rc) {
	case GSASL_SASLPREP_ERROR:
	case GSASL_NO_AUTHID:
	case GSASL_NO_PASSWORD:
		return fault_set(why, FAULT_PERMANENT, "this name or password cannot be used with %s: %s", s->mechanism,
		                 gsasl_strerror(rc));
	case GSASL_MALLOC_ERROR:
		return fault_set(why, FAULT_FULL, "memory is out");
	default:
		return fault_set(
		        why, FAULT_PERMANENT,
		        "the server does not know the password, or did not keep to %s: the login was broken off",
		        s->mechanism);
	}
}

static bool step(struct talk_login *l, struct slice challenge, struct buf *response, struct fault *why)
{
	struct sasl *s = sasl_of(l);
	char *given = slice_dup(challenge), *text = NULL;

	if (!given)
		return fault_set(why, FAULT_FULL, "memory is out");
	bool sensible = !slice_has(challenge, '\0') && !asks_too_much(challenge);
	errno = 0;
	int rc = sensible ? gsasl_step64(s->session, given, &text) : GSASL_MECHANISM_PARSE_ERROR;
	free(given);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE && errno == ENOMEM) {
		s->session = NULL; /* GNU SASL 2.2 would free some of it once more */
		return fault_set(why, FAULT_FULL, "memory is out");
	}
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		return explain(s, rc, why);
	s->proven = rc == GSASL_OK;
	bool fits = buf_append_text(response, text);
	wipe(text, strlen(text));
	return fits || fault_set(why, FAULT_FULL, "the response is too long");
}

static bool accept(struct talk_login *l, struct fault *why)
{
	const struct sasl *s = sasl_of(l);

	return s->proven || explain(s, GSASL_AUTHENTICATION_ERROR, why);
}

/* ---- APOP ---- */

static bool digest(struct talk_login *l, struct slice stamp, char hex[33])
{
	unsigned char sum[16];
	EVP_MD_CTX *md5 = EVP_MD_CTX_new();
	bool done = md5 && EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1 &&
	            EVP_DigestUpdate(md5, stamp.ptr, stamp.len) == 1 &&
	            EVP_DigestUpdate(md5, l->password.ptr, l->password.len) == 1 &&
	            EVP_DigestFinal_ex(md5, sum, NULL) == 1;

	EVP_MD_CTX_free(md5);
	for (size_t i = 0; done && i < sizeof sum; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	return done;
}

/* ---- life ---- */

void sasl_init(struct sasl *s, struct slice name, struct slice password, const struct session_tls *tls)
{
	*s = (struct sasl){ .login = { choose, begins, step, accept, digest, name, password }, .tls = tls };
}

void sasl_release(struct sasl *s)
{
	if (s->session)
		gsasl_finish(s->session);
	if (s->library)
		gsasl_done(s->library);
	*s = (struct sasl){ .session = NULL };
}
