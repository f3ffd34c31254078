/*
 * sasl: GNU SASL does LOGIN and SCRAM; its questions (salt, keys, is this the password?) are answered here, from the users file. PLAIN is read here: GNU SASL
 * would normalise the password first, which takes a time that grows with the square of what the client chose to send. See sasl.h.
 *
 * Each exchange has a GNU SASL context of its own (a microsecond to make), so that nothing is shared between threads, and neither context nor session is ever
 * used for a second attempt.
 */
#include "auth/sasl.h"

#include <errno.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/password.h"

struct mechanism {
	const char *name;
	bool scram;
	bool plus;
	bool plain;
};

/* Strongest first. */
static const struct mechanism mechanisms[] = {
	{ .name = "SCRAM-SHA-256-PLUS", .scram = true, .plus = true },
	{ .name = "SCRAM-SHA-256", .scram = true },
	{ .name = "PLAIN", .plain = true },
	{ .name = "LOGIN" },
};
enum { MECHANISMS = sizeof mechanisms / sizeof mechanisms[0] };

struct sasl_exchange {
	struct users *users;
	const struct mechanism *mechanism;
	Gsasl *context;
	Gsasl_session *session;
	unsigned responses;
	bool asked;    /* there was no initial response */
	bool lacking;  /* memory was out while it was answered */
	bool proven;   /* all is right, and the client is told SCRAM's last word */
	char *decoded; /* the response that is looked at */
	size_t decoded_len;
	char claimed[USERS_NAME_MAX + 1]; /* cut where it is longer */
	char user[USERS_NAME_MAX + 1];    /* as the users file spells it; "": no user, or no right to it */
};

/* ---- what is offered ---- */

static bool is_offered(const struct mechanism *m, struct users *u, const struct sasl_situation *situation)
{
	if (m->plus && slice_empty(situation->binding))
		return false;
	return !m->scram || users_all_scram(u);
}

void sasl_list(struct users *u, const struct sasl_situation *situation, char list[SASL_LIST_MAX])
{
	size_t len = 0;
	list[0] = '\0';
	for (size_t i = 0; i < MECHANISMS; i++) {
		const struct mechanism *m = &mechanisms[i];
		if (is_offered(m, u, situation) && (m->scram || situation->plaintext))
			len += (size_t)snprintf(list + len, SASL_LIST_MAX - len, "%s%s", len > 0 ? " " : "", m->name);
	}
}

/* ---- GNU SASL's questions ---- */

static struct slice property(Gsasl_session *session, Gsasl_property name)
{
	const char *text = gsasl_property_fast(session, name);
	return text ? slice_str(text) : slice_make("", 0);
}

static void note_claimed(struct sasl_exchange *x, struct slice name)
{
	snprintf(x->claimed, sizeof x->claimed, "%.*s", SLICE_FMT(name));
}

/* Nobody may act for somebody else. */
static bool permits(struct slice authzid, const char *user)
{
	return slice_empty(authzid) || slice_equal_text_nocase(authzid, user);
}

static int rc_of(enum password_verdict verdict)
{
	if (verdict == PASSWORD_FAULT)
		return GSASL_MALLOC_ERROR;
	return verdict == PASSWORD_RIGHT ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

static int validate_login(struct sasl_exchange *x)
{
	struct slice name = property(x->session, GSASL_AUTHID);
	note_claimed(x, name);
	return rc_of(users_verify(x->users, name, property(x->session, GSASL_PASSWORD), x->user));
}

static int set_base64(Gsasl_session *session, Gsasl_property name, const unsigned char *octets, size_t n)
{
	char *text = NULL;
	size_t len = 0;
	int rc = gsasl_base64_to((const char *)octets, n, &text, &len);
	if (rc == GSASL_OK)
		rc = gsasl_property_set(session, name, text);
	if (text)
		explicit_bzero(text, len);
	gsasl_free(text);
	return rc;
}

static int tell_salt(struct sasl_exchange *x)
{
	struct password_keys keys;
	char iterations[12];
	struct slice name = property(x->session, GSASL_AUTHID);
	note_claimed(x, name);
	if (!users_scram_salt(x->users, name, &keys))
		return GSASL_MALLOC_ERROR;
	snprintf(iterations, sizeof iterations, "%u", (unsigned)keys.iterations);
	int rc = gsasl_property_set(x->session, GSASL_SCRAM_ITER, iterations);
	if (rc == GSASL_OK)
		rc = set_base64(x->session, GSASL_SCRAM_SALT, keys.salt, keys.salt_len);
	explicit_bzero(&keys, sizeof keys);
	return rc;
}

/* An unknown name gets another's keys, and has no user in the end. */
static int tell_keys(struct sasl_exchange *x)
{
	struct password_keys keys;
	enum password_verdict known = users_scram_keys(x->users, property(x->session, GSASL_AUTHID), &keys, x->user);
	if (known == PASSWORD_FAULT)
		return GSASL_MALLOC_ERROR;
	if (known != PASSWORD_RIGHT || !permits(property(x->session, GSASL_AUTHZID), x->user))
		x->user[0] = '\0';
	int rc = set_base64(x->session, GSASL_SCRAM_SERVERKEY, keys.server, PASSWORD_KEY);
	if (rc == GSASL_OK)
		rc = set_base64(x->session, GSASL_SCRAM_STOREDKEY, keys.stored, PASSWORD_KEY);
	explicit_bzero(&keys, sizeof keys);
	return rc;
}

static int answer_for(struct sasl_exchange *x, Gsasl_property question)
{
	switch (question) {
	case GSASL_VALIDATE_SIMPLE:
		return validate_login(x);
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
		return tell_salt(x);
	case GSASL_SCRAM_SERVERKEY:
	case GSASL_SCRAM_STOREDKEY:
		return tell_keys(x);
	default:
		return GSASL_NO_CALLBACK;
	}
}

static int answer(Gsasl *context, Gsasl_session *session, Gsasl_property question)
{
	struct sasl_exchange *x = gsasl_callback_hook_get(context);
	int rc = answer_for(x, question);
	(void)session;
	x->lacking |= rc == GSASL_MALLOC_ERROR; /* GNU SASL passes over what is wrong with a salt or a key */
	return rc;
}

/* ---- an exchange ---- */

static const struct mechanism *find(struct slice name)
{
	for (size_t i = 0; i < MECHANISMS; i++) {
		if (slice_equal_text_nocase(name, mechanisms[i].name))
			return &mechanisms[i];
	}
	return NULL;
}

/* The binding is told for SCRAM without -PLUS as well: a client that believes that the server has none was lied to (RFC 5802 section 6). */
static bool start(struct sasl_exchange *x, struct slice binding)
{
	if (x->mechanism->plain)
		return true;
	if (gsasl_init(&x->context) != GSASL_OK) {
		x->context = NULL; /* what is there is freed already */
		return false;
	}
	gsasl_callback_set(x->context, answer);
	gsasl_callback_hook_set(x->context, x);
	if (gsasl_server_start(x->context, x->mechanism->name, &x->session) != GSASL_OK)
		return false;
	return slice_empty(binding) || set_base64(x->session, GSASL_CB_TLS_EXPORTER, (const unsigned char *)binding.ptr,
	                                          binding.len) == GSASL_OK;
}

enum sasl_verdict sasl_begin(struct sasl_exchange **exchange, struct users *u, struct slice mechanism,
                             const struct sasl_situation *situation)
{
	const struct mechanism *m = find(mechanism);
	*exchange = NULL;
	if (!m || !is_offered(m, u, situation))
		return SASL_NO_MECHANISM;
	if (!m->scram && !situation->plaintext)
		return SASL_NEEDS_TLS;
	struct sasl_exchange *x = calloc(1, sizeof *x);
	if (!x)
		return SASL_FAULT;
	x->users = u;
	x->mechanism = m;
	if (!start(x, situation->binding)) {
		sasl_free(x);
		return SASL_FAULT;
	}
	*exchange = x;
	return SASL_CHALLENGE;
}

static void forget_response(struct sasl_exchange *x)
{
	if (x->decoded)
		explicit_bzero(x->decoded, x->decoded_len);
	gsasl_free(x->decoded);
	x->decoded = NULL;
	x->decoded_len = 0;
}

/* Exactly as RFC 4648 section 4 writes it: what is decoded would be written in the same way. */
static enum sasl_verdict decode(struct sasl_exchange *x, struct slice response)
{
	char *again = NULL;
	if (response.len > SASL_RESPONSE_MAX)
		return SASL_MALFORMED;
	int rc = gsasl_base64_from(response.ptr, response.len, &x->decoded, &x->decoded_len);
	if (rc == GSASL_OK)
		rc = gsasl_base64_to(x->decoded, x->decoded_len, &again, NULL);
	bool same = rc == GSASL_OK && slice_equal_text(response, again);
	if (again)
		explicit_bzero(again, strlen(again));
	gsasl_free(again);
	if (rc == GSASL_MALLOC_ERROR)
		return SASL_FAULT;
	return same ? SASL_CHALLENGE : SASL_MALFORMED;
}

/* A name that can be nobody's, in the first message of SCRAM (RFC 5802 section 7), where "," and "=" take three octets. GNU SASL normalises it, on the
 * loop, and the time for that grows with the square of its length. */
static bool is_name_too_long(const struct sasl_exchange *x)
{
	struct slice rest = slice_make(x->decoded, x->decoded_len);
	for (int gs2_parts = 0; gs2_parts < 2; gs2_parts++) {
		size_t len = slice_find(rest, ',');
		rest = slice_skip(rest, len < rest.len ? len + 1 : len);
	}
	return slice_find(rest, ',') > strlen("n=") + 3 * (size_t)USERS_NAME_MAX;
}

/* What GNU SASL does not look at. */
static bool is_possible(const struct sasl_exchange *x)
{
	const struct mechanism *m = x->mechanism;
	if (x->decoded_len == 0)
		return false;
	if (!m->scram || x->responses > 0)
		return true;
	/* A binding is -PLUS's alone (RFC 5802 section 6). */
	return (m->plus || x->decoded[0] != 'p') && !is_name_too_long(x);
}

static enum sasl_verdict judge(struct sasl_exchange *x, int rc)
{
	switch (rc) {
	case GSASL_NEEDS_MORE:
		return SASL_CHALLENGE;
	case GSASL_OK:
		if (x->user[0] == '\0')
			return SASL_WRONG;
		/* The last word waits for an empty answer: neither protocol can say it with the success (RFC 4954 section 4). */
		x->proven = x->mechanism->scram;
		return x->proven ? SASL_CHALLENGE : SASL_OK;
	case GSASL_MALLOC_ERROR:
	case GSASL_CRYPTO_ERROR:
		return SASL_FAULT;
	default:
		return SASL_WRONG;
	}
}

static bool append_base64(struct buf *to, const char *octets, size_t n)
{
	char *text = NULL;
	size_t len = 0;
	bool ok = gsasl_base64_to(octets, n, &text, &len) == GSASL_OK && buf_append(to, text, len);
	gsasl_free(text);
	return ok;
}

static bool is_login(const struct sasl_exchange *x)
{
	return strcmp(x->mechanism->name, "LOGIN") == 0;
}

/* In the words that most servers use: GNU SASL's are others, and some clients look for these. */
static const char *login_question(const struct sasl_exchange *x)
{
	return x->decoded ? "Password:" : "Username:";
}

static struct slice take_part(struct slice *rest)
{
	struct slice part = slice_make(rest->ptr, slice_find(*rest, '\0'));
	*rest = slice_skip(*rest, part.len < rest->len ? part.len + 1 : part.len);
	return part;
}

/* RFC 4616 section 2: [authzid] NUL authcid NUL passwd. The password is taken as it was sent, in whatever encoding: so it stands in a users file, and so LOGIN and
 * POP3's PASS send it. */
static enum sasl_verdict step_plain(struct sasl_exchange *x)
{
	struct slice rest = slice_make(x->decoded, x->decoded_len);
	struct slice authzid = take_part(&rest);
	struct slice name = take_part(&rest);
	if (authzid.len + name.len + 2 > x->decoded_len || slice_find(rest, '\0') < rest.len)
		return SASL_WRONG;
	note_claimed(x, name);
	switch (users_verify(x->users, name, rest, x->user)) {
	case PASSWORD_FAULT:
		return SASL_FAULT;
	case PASSWORD_RIGHT:
		return permits(authzid, x->user) ? SASL_OK : SASL_WRONG;
	default:
		return SASL_WRONG;
	}
}

static enum sasl_verdict step(struct sasl_exchange *x, struct buf *challenge)
{
	if (x->mechanism->plain)
		return x->decoded ? step_plain(x) : SASL_CHALLENGE;
	char *output = NULL;
	size_t len = 0;
	errno = 0; /* memory that is out looks like a client's mistake in many places of GNU SASL */
	int rc = gsasl_step(x->session, x->decoded, x->decoded_len, &output, &len);
	x->lacking |= rc != GSASL_OK && rc != GSASL_NEEDS_MORE && errno == ENOMEM;
	enum sasl_verdict verdict = x->lacking ? SASL_FAULT : judge(x, rc);
	const char *said = is_login(x) ? login_question(x) : output;
	size_t said_len = is_login(x) ? strlen(said) : len;
	if (verdict == SASL_CHALLENGE && said_len > 0 && !append_base64(challenge, said, said_len))
		verdict = SASL_FAULT;
	gsasl_free(output);
	return verdict;
}

/* LOGIN asks for the name first, also where it has been said already. */
static void pass_over_question(struct sasl_exchange *x)
{
	char *output = NULL;
	size_t len;
	gsasl_step(x->session, NULL, 0, &output, &len);
	gsasl_free(output);
}

static enum sasl_verdict take_response(struct sasl_exchange *x, struct slice response, struct buf *challenge)
{
	if (x->responses == 0 && slice_equal_text(response, "=")) /* an empty one (RFC 4954 section 4) */
		response = slice_make("", 0);
	enum sasl_verdict verdict = decode(x, response);
	if (verdict != SASL_CHALLENGE)
		return verdict;
	if (!is_possible(x))
		return SASL_WRONG;
	verdict = step(x, challenge);
	x->responses++;
	return verdict;
}

enum sasl_verdict sasl_step(struct sasl_exchange *x, struct slice response, bool has, struct buf *challenge)
{
	if (x->proven)
		return slice_empty(response) ? SASL_OK : SASL_WRONG;
	if (!has) {
		x->asked = true;
		return step(x, challenge);
	}
	if (!x->asked && x->responses == 0 && is_login(x))
		pass_over_question(x);
	enum sasl_verdict verdict = take_response(x, response, challenge);
	forget_response(x);
	return verdict;
}

/* PLAIN and LOGIN compare with what the file has; SCRAM has nothing to hash before the proof, and then always may have. */
bool sasl_is_slow(const struct sasl_exchange *x)
{
	if (x->proven)
		return false;
	return x->mechanism->scram ? x->responses > 0 : !users_all_plain(x->users);
}

const char *sasl_mechanism(const struct sasl_exchange *x)
{
	return x->mechanism->name;
}

const char *sasl_claimed(const struct sasl_exchange *x)
{
	return x->claimed;
}

const char *sasl_user(const struct sasl_exchange *x)
{
	return x->user;
}

/* GNU SASL frees what it was told, and does not wipe it. */
static void wipe(Gsasl_session *session, Gsasl_property name)
{
	char *text = (char *)(uintptr_t)gsasl_property_fast(session, name);
	if (text)
		explicit_bzero(text, strlen(text));
}

void sasl_free(struct sasl_exchange *x)
{
	if (!x)
		return;
	forget_response(x);
	if (x->session) {
		wipe(x->session, GSASL_PASSWORD);
		wipe(x->session, GSASL_SCRAM_STOREDKEY);
		wipe(x->session, GSASL_SCRAM_SERVERKEY);
		gsasl_finish(x->session);
	}
	if (x->context)
		gsasl_done(x->context);
	free(x);
}
