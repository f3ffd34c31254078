/*
 * Exchanges against GNU SASL's own client side, and against clients that say what they should not.
 */
#include "auth/sasl.h"

#include "auth/password.h"

#include <fcntl.h>
#include <gsasl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define ALICE "alice secret\n"
#define BOB                                                                                              \
	"bob {SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n" /* pencil */
#define CAROL "carol {CRYPT}rl.3StKT.4T8M\n"             /* rasmuslerdorf */

static const char binding[] = "01234567890123456789012345678901";

static const struct sasl_situation in_clear = { .plaintext = true };
static const struct sasl_situation bound = { .plaintext = true, .binding = { binding, sizeof binding - 1 } };
static const struct sasl_situation guarded = { .plaintext = false };

static int enter(void **state)
{
	static char path[40];
	strcpy(path, "/tmp/sasl_test.XXXXXX");
	*state = path;
	return !mkdtemp(path) || chdir(path) != 0;
}

static int leave(void **state)
{
	remove("users.txt");
	remove(".scram-salt-key");
	return chdir("/") != 0 || rmdir(*state) != 0;
}

static void report(const char *text)
{
	fail_msg("%s", text);
}

static struct users *open_users(const char *text)
{
	struct fault why;
	FILE *f = fopen("users.txt", "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	const struct users_form form = { .separator = ' ', .schemes = true };
	struct users *u = users_open(AT_FDCWD, ".", "users.txt", &form, *text ? report : NULL, &why);
	if (!u)
		fail_msg("%s", why.text);
	return u;
}

/* ---- what is offered ---- */

static void lists(const char *text, const struct sasl_situation *situation, const char *expected)
{
	char list[SASL_LIST_MAX];
	struct users *u = open_users(text);
	sasl_list(u, situation, list);
	assert_string_equal(list, expected);
	users_free(u);
}

static void strongest_mechanism_is_named_first(void **state)
{
	(void)state;
	lists(ALICE BOB, &bound, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN");
	lists(ALICE BOB, &in_clear, "SCRAM-SHA-256 PLAIN LOGIN");
}

static void scram_is_offered_only_where_it_works_for_all(void **state)
{
	(void)state;
	lists(ALICE BOB CAROL, &bound, "PLAIN LOGIN");
	lists(CAROL, &guarded, "");
}

static void passwords_in_clear_are_not_offered_where_they_may_not_be_sent(void **state)
{
	(void)state;
	lists(ALICE, &guarded, "SCRAM-SHA-256");
}

static void begins(struct users *u, const char *mechanism, const struct sasl_situation *s, enum sasl_verdict expected)
{
	struct sasl_exchange *x;
	assert_int_equal(sasl_begin(&x, u, slice_str(mechanism), s), expected);
	assert_int_equal(x != NULL, expected == SASL_CHALLENGE);
	sasl_free(x);
}

static void mechanism_that_is_not_offered_does_not_begin(void **state)
{
	(void)state;
	struct users *u = open_users(ALICE CAROL);
	begins(u, "plain", &in_clear, SASL_CHALLENGE);
	begins(u, "Login", &in_clear, SASL_CHALLENGE);
	begins(u, "PLAIN", &guarded, SASL_NEEDS_TLS);
	begins(u, "LOGIN", &guarded, SASL_NEEDS_TLS);
	begins(u, "SCRAM-SHA-256", &in_clear, SASL_NO_MECHANISM);
	begins(u, "SCRAM-SHA-1", &in_clear, SASL_NO_MECHANISM);
	begins(u, "CRAM-MD5", &in_clear, SASL_NO_MECHANISM);
	begins(u, "ANONYMOUS", &in_clear, SASL_NO_MECHANISM);
	begins(u, "EXTERNAL", &in_clear, SASL_NO_MECHANISM);
	begins(u, "", &in_clear, SASL_NO_MECHANISM);
	users_free(u);
	u = open_users(ALICE);
	begins(u, "scram-sha-256", &guarded, SASL_CHALLENGE);
	begins(u, "SCRAM-SHA-256-PLUS", &in_clear, SASL_NO_MECHANISM);
	begins(u, "scram-sha-256-plus", &bound, SASL_CHALLENGE);
	users_free(u);
}

/* ---- against a client ---- */

struct client {
	const char *mechanism;
	const char *name;
	const char *password;
	const char *authzid;
	const char *binding; /* in BASE64; NULL: it has none */
	bool initial;        /* sends an initial response where it has one */
};

static enum sasl_verdict serve(struct sasl_exchange *x, Gsasl_session *client, bool initial, char *last)
{
	enum sasl_verdict verdict = SASL_CHALLENGE;
	struct buf challenge;
	buf_init(&challenge, 16384);
	if (!initial)
		verdict = sasl_step(x, slice_make(NULL, 0), false, &challenge);
	while (verdict == SASL_CHALLENGE) {
		char *response = NULL;
		assert_true(buf_append_char(&challenge, '\0'));
		int rc = gsasl_step64(client, challenge.data, &response);
		assert_true(rc == GSASL_OK || rc == GSASL_NEEDS_MORE);
		buf_clear(&challenge);
		verdict = sasl_step(x, slice_str(response), true, &challenge);
		gsasl_free(response);
	}
	snprintf(last, 64, "%s", verdict == SASL_OK ? sasl_user(x) : "");
	buf_release(&challenge);
	return verdict;
}

static enum sasl_verdict exchange(struct users *u, const struct sasl_situation *s, const struct client *c, char *user)
{
	Gsasl *context;
	Gsasl_session *client;
	struct sasl_exchange *x;
	char ignored[64];
	assert_int_equal(gsasl_init(&context), GSASL_OK);
	assert_int_equal(gsasl_client_start(context, c->mechanism, &client), GSASL_OK);
	gsasl_property_set(client, GSASL_AUTHID, c->name);
	gsasl_property_set(client, GSASL_PASSWORD, c->password);
	if (c->authzid)
		gsasl_property_set(client, GSASL_AUTHZID, c->authzid);
	if (c->binding)
		gsasl_property_set(client, GSASL_CB_TLS_EXPORTER, c->binding);
	assert_int_equal(sasl_begin(&x, u, slice_str(c->mechanism), s), SASL_CHALLENGE);
	enum sasl_verdict verdict = serve(x, client, c->initial, user ? user : ignored);
	sasl_free(x);
	gsasl_finish(client);
	gsasl_done(context);
	return verdict;
}

static void logs_in(const char *text, const struct client *client, const char *expected)
{
	char user[64];
	struct users *u = open_users(text);
	assert_int_equal(exchange(u, client->binding ? &bound : &in_clear, client, user),
	                 expected ? SASL_OK : SASL_WRONG);
	assert_string_equal(user, expected ? expected : "");
	users_free(u);
}

#define BINDING64 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

static void right_password_logs_in_by_every_mechanism(void **state)
{
	(void)state;
	static const char *const names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct client c = { .mechanism = names[i], .binding = i == 3 ? BINDING64 : NULL };
		c.name = "ALICE";
		c.password = "secret";
		logs_in(ALICE BOB, &c, "alice");
		c.initial = i != 1; /* LOGIN's client waits to be asked */
		logs_in(ALICE BOB, &c, "alice");
		c.name = "bob";
		c.password = "pencil";
		logs_in(ALICE BOB, &c, "bob");
		c.password = "secret";
		logs_in(ALICE BOB, &c, NULL);
		c.name = "alice";
		c.password = "pencil";
		logs_in(ALICE BOB, &c, NULL);
	}
}

static void hashed_password_logs_in_by_plain_and_login(void **state)
{
	(void)state;
	struct client c = { .mechanism = "PLAIN", .name = "carol", .password = "rasmuslerdorf" };
	logs_in(ALICE CAROL, &c, "carol");
	c.mechanism = "LOGIN";
	logs_in(ALICE CAROL, &c, "carol");
	c.password = "rasmus";
	logs_in(ALICE CAROL, &c, NULL);
}

/* Whoever lends the unknown name a secret must not lend it a login. */
static void unknown_name_never_logs_in(void **state)
{
	(void)state;
	static const char *const names[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct client c = { .mechanism = names[i], .name = "mallory", .password = "secret" };
		logs_in(ALICE, &c, NULL);
		c.password = "pencil";
		logs_in(BOB, &c, NULL);
		logs_in("", &c, NULL);
		c.password = "nobody";
		logs_in("", &c, NULL);
	}
}

static void own_name_alone_may_be_acted_for(void **state)
{
	(void)state;
	static const char *const names[] = { "PLAIN", "SCRAM-SHA-256" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct client c = { .mechanism = names[i], .name = "alice", .password = "secret", .authzid = "alice" };
		logs_in(ALICE BOB, &c, "alice");
		c.authzid = "Alice";
		logs_in(ALICE BOB, &c, "alice");
		c.authzid = "bob";
		logs_in(ALICE BOB, &c, NULL);
		c.authzid = "alic";
		logs_in(ALICE BOB, &c, NULL);
	}
}

static void other_binding_is_wrong(void **state)
{
	(void)state;
	struct client c = { .mechanism = "SCRAM-SHA-256-PLUS", .name = "alice", .password = "secret" };
	c.binding = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDI=";
	logs_in(ALICE, &c, NULL);
	c.binding = BINDING64;
	logs_in(ALICE, &c, "alice");
}

/* ---- against lines ---- */

/* The first response in clear; the verdict, and the challenge where there is one. */
static enum sasl_verdict says(struct users *u, const struct sasl_situation *s, const char *mechanism,
                              struct slice response, char challenge[512])
{
	struct sasl_exchange *x;
	struct buf out;
	char *text, *decoded;
	size_t len;
	buf_init(&out, 16384);
	assert_int_equal(gsasl_base64_to(response.ptr, response.len, &text, NULL), GSASL_OK);
	assert_int_equal(sasl_begin(&x, u, slice_str(mechanism), s), SASL_CHALLENGE);
	enum sasl_verdict verdict = sasl_step(x, slice_str(text), true, &out);
	challenge[0] = '\0';
	if (verdict == SASL_CHALLENGE) {
		assert_int_equal(gsasl_base64_from(out.data, out.len, &decoded, &len), GSASL_OK);
		snprintf(challenge, 512, "%.*s", (int)len, decoded);
		gsasl_free(decoded);
	} else {
		assert_int_equal(out.len, 0);
	}
	sasl_free(x);
	gsasl_free(text);
	buf_release(&out);
	return verdict;
}

static void is_wrong(struct users *u, const struct sasl_situation *s, const char *mechanism, struct slice response)
{
	char challenge[512];
	if (says(u, s, mechanism, response, challenge) != SASL_WRONG)
		fail_msg("%s takes \"%.*s\"", mechanism, SLICE_FMT(response));
}

/* RFC 4616 section 2. */
static void plain_takes_three_parts_and_no_empty_one(void **state)
{
	(void)state;
	char challenge[512];
	struct users *u = open_users(ALICE BOB);
	assert_int_equal(says(u, &in_clear, "PLAIN", slice_make("\0alice\0secret", 13), challenge), SASL_OK);
	is_wrong(u, &in_clear, "PLAIN", slice_str(""));
	is_wrong(u, &in_clear, "PLAIN", slice_str("alice"));
	is_wrong(u, &in_clear, "PLAIN", slice_make("alice\0secret", 12));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0alice", 6));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0alice\0", 7));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0\0secret", 8));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0\0", 2));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0alice\0secret\0", 14));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0alice\0secret\0x", 15));
	is_wrong(u, &in_clear, "PLAIN", slice_make("alice\0alice\0secret\0", 19));
	is_wrong(u, &in_clear, "PLAIN", slice_make("bob\0alice\0secret", 16));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0alice\0\xff\xfe", 9));
	is_wrong(u, &in_clear, "LOGIN", slice_str(""));
	is_wrong(u, &in_clear, "LOGIN", slice_make("alice\0", 6));
	users_free(u);
}

/* A users file may be older than UTF-8; nothing of a password is converted. */
static void password_in_any_encoding_is_taken_as_it_stands(void **state)
{
	(void)state;
	struct users *u = open_users("alice p\xe4ss\nbob p\xc3\xa4ss\n");
	char challenge[512];
	assert_int_equal(says(u, &in_clear, "PLAIN", slice_make("\0alice\0p\xe4ss", 11), challenge), SASL_OK);
	assert_int_equal(says(u, &in_clear, "PLAIN", slice_make("\0bob\0p\xc3\xa4ss", 10), challenge), SASL_OK);
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0alice\0p\xc3\xa4ss", 12));
	is_wrong(u, &in_clear, "PLAIN", slice_make("\0bob\0pa\xcc\x88ss", 11)); /* the same, decomposed */
	users_free(u);
	struct client c = { .mechanism = "LOGIN", .name = "alice", .password = "p\xe4ss" };
	logs_in("alice p\xe4ss\n", &c, "alice");
}

enum { MARKS = 2270 }; /* of two octets each, twice: a response is about full */

/* What ends in marks that a normalisation has to reorder one by one. */
static struct slice marked(char text[], const char *begin, size_t begin_len, const char *end)
{
	size_t len = begin_len;
	memcpy(text, begin, begin_len);
	for (size_t i = 0; i < 2 * (size_t)MARKS; i++, len += 2)
		memcpy(text + len, i < MARKS ? "\xcd\x84" : "\xcc\xa3", 2);
	memcpy(text + len, end, strlen(end));
	return slice_make(text, len + strlen(end));
}

static int64_t cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* These are looked at on the loop. */
static void nothing_a_client_chooses_takes_long_without_a_hash(void **state)
{
	(void)state;
	static char text[4 * MARKS + 64];
	char challenge[512];
	struct users *u = open_users(ALICE);
	int64_t began = cpu_ms();
	is_wrong(u, &in_clear, "PLAIN", marked(text, "\0alice\0", 7, ""));
	is_wrong(u, &in_clear, "PLAIN", marked(text, "\0", 1, "\0x"));
	is_wrong(u, &in_clear, "PLAIN", marked(text, "", 0, "\0alice\0secret"));
	says(u, &in_clear, "LOGIN", marked(text, "", 0, ""), challenge);
	says(u, &in_clear, "SCRAM-SHA-256", marked(text, "n,,n=", 5, ",r=abcdefgh"), challenge);
	says(u, &in_clear, "SCRAM-SHA-256", marked(text, "n,a=", 4, ",n=alice,r=abcdefgh"), challenge);
	says(u, &in_clear, "SCRAM-SHA-256", marked(text, "n,,n=alice,r=", 13, ""), challenge);
	assert_in_range(cpu_ms() - began, 0, 100);
	users_free(u);
}

static void is_malformed(struct users *u, const char *response)
{
	struct sasl_exchange *x;
	struct buf out;
	buf_init(&out, 16384);
	assert_int_equal(sasl_begin(&x, u, slice_str("PLAIN"), &in_clear), SASL_CHALLENGE);
	if (sasl_step(x, slice_str(response), true, &out) != SASL_MALFORMED)
		fail_msg("\"%s\" is taken for BASE64", response);
	sasl_free(x);
	buf_release(&out);
}

static void what_is_no_base64_is_malformed(void **state)
{
	(void)state;
	struct users *u = open_users(ALICE);
	is_malformed(u, "!!!!");
	is_malformed(u, "AGFsaWNlAHNlY3JldA");    /* no padding */
	is_malformed(u, "AGFsaWNlAHNlY3JldA=");   /* half of it */
	is_malformed(u, "AGFsaWNlAHNlY3JldA==="); /* too much */
	is_malformed(u, "AGFsaWNlAHNlY3JldB==");  /* bits behind the end */
	is_malformed(u, "AGFs aWNlAHNlY3JldA==");
	is_malformed(u, "AGFsaWNlAHNlY3JldA==\r");
	is_malformed(u, "AGFsaWNlAHNlY3JldA==AGFs");
	is_malformed(u, "*");
	is_malformed(u, "==");
	users_free(u);
}

static void responses_of_12288_octets_are_looked_at(void **state)
{
	(void)state;
	static char text[SASL_RESPONSE_MAX + 5];
	struct sasl_exchange *x;
	struct buf out;
	struct users *u = open_users(ALICE CAROL);
	buf_init(&out, 16384);
	memset(text, 'A', sizeof text - 1);
	memcpy(text, "AGFsaWNlAGFh", 12);
	for (size_t len = SASL_RESPONSE_MAX; len <= SASL_RESPONSE_MAX + 4; len += 4) {
		assert_int_equal(sasl_begin(&x, u, slice_str("PLAIN"), &in_clear), SASL_CHALLENGE);
		assert_int_equal(sasl_step(x, slice_make(text, len), true, &out),
		                 len == SASL_RESPONSE_MAX ? SASL_WRONG : SASL_MALFORMED);
		sasl_free(x);
	}
	users_free(u);
	buf_release(&out);
}

static void login_takes_the_name_at_once_or_when_asked(void **state)
{
	(void)state;
	struct sasl_exchange *x;
	struct buf out;
	struct users *u = open_users(ALICE);
	buf_init(&out, 16384);
	for (int asked = 0; asked < 2; asked++) {
		assert_int_equal(sasl_begin(&x, u, slice_str("LOGIN"), &in_clear), SASL_CHALLENGE);
		if (asked)
			assert_int_equal(sasl_step(x, slice_str(""), false, &out), SASL_CHALLENGE);
		buf_clear(&out);
		assert_int_equal(sasl_step(x, slice_str("YWxpY2U="), true, &out), SASL_CHALLENGE);
		assert_true(slice_equal_text(buf_slice(&out), "UGFzc3dvcmQ6")); /* Password */
		assert_int_equal(sasl_step(x, slice_str("c2VjcmV0"), true, &out), SASL_OK);
		assert_string_equal(sasl_user(x), "alice");
		assert_string_equal(sasl_claimed(x), "alice");
		sasl_free(x);
	}
	users_free(u);
	buf_release(&out);
}

static void nul_ends_no_name_and_no_password(void **state)
{
	(void)state;
	static const char *const responses[][2] = { { "YWxpY2UA", "c2VjcmV0" }, { "YWxpY2U=", "c2VjcmV0AHg=" } };
	struct users *u = open_users(ALICE);
	struct buf out;
	buf_init(&out, 16384);
	for (size_t i = 0; i < 2; i++) {
		struct sasl_exchange *x;
		assert_int_equal(sasl_begin(&x, u, slice_str("LOGIN"), &in_clear), SASL_CHALLENGE);
		enum sasl_verdict verdict = sasl_step(x, slice_str(responses[i][0]), true, &out);
		if (verdict == SASL_CHALLENGE)
			verdict = sasl_step(x, slice_str(responses[i][1]), true, &out);
		assert_int_equal(verdict, SASL_WRONG);
		sasl_free(x);
	}
	users_free(u);
	buf_release(&out);
}

/* RFC 5802 section 6: "y" says that the client could bind, and believes that the server cannot. */
static void client_that_was_told_of_no_binding_is_refused(void **state)
{
	(void)state;
	char challenge[512];
	struct users *u = open_users(ALICE);
	is_wrong(u, &bound, "SCRAM-SHA-256", slice_str("y,,n=alice,r=abcdefgh"));
	assert_int_equal(says(u, &bound, "SCRAM-SHA-256", slice_str("n,,n=alice,r=abcdefgh"), challenge),
	                 SASL_CHALLENGE);
	assert_int_equal(says(u, &in_clear, "SCRAM-SHA-256", slice_str("y,,n=alice,r=abcdefgh"), challenge),
	                 SASL_CHALLENGE);
	is_wrong(u, &bound, "SCRAM-SHA-256", slice_str("p=tls-exporter,,n=alice,r=abcdefgh"));
	is_wrong(u, &bound, "SCRAM-SHA-256-PLUS", slice_str("n,,n=alice,r=abcdefgh"));
	is_wrong(u, &bound, "SCRAM-SHA-256-PLUS", slice_str("p=tls-unique,,n=alice,r=abcdefgh"));
	users_free(u);
}

static void malformed_scram_is_wrong(void **state)
{
	(void)state;
	struct users *u = open_users(ALICE);
	static const char *const texts[] = {
		"",
		"n",
		"n,,",
		"n,,n=alice",
		"n,,r=abcdefgh",
		"x,,n=alice,r=abc",
		"n,,n=,r=abcdefgh",
		"n,,m=1,n=alice,r=abc",

	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		is_wrong(u, &in_clear, "SCRAM-SHA-256", slice_str(texts[i]));
	users_free(u);
}

/* "r=NONCE,s=SALT,i=ITERATIONS" of an answer, without the nonce. */
static void salt_of(struct users *u, const char *name, char salt[512])
{
	char text[128], challenge[512];
	snprintf(text, sizeof text, "n,,n=%s,r=abcdefgh", name);
	assert_int_equal(says(u, &in_clear, "SCRAM-SHA-256", slice_str(text), challenge), SASL_CHALLENGE);
	assert_non_null(strstr(challenge, ",s="));
	snprintf(salt, 512, "%s", strstr(challenge, ",s=") + 1);
}

static void unknown_names_salt_is_steady_and_looks_like_a_users(void **state)
{
	(void)state;
	char first[512], again[512], other[512], known[512];
	struct users *u = open_users(ALICE BOB);
	salt_of(u, "bob", known);
	assert_string_equal(known, "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
	salt_of(u, "mallory", first);
	assert_int_equal(strlen(first), strlen(known));
	assert_string_not_equal(first, known);
	salt_of(u, "mallory", again);
	assert_string_equal(first, again);
	salt_of(u, "MALLORY", again);
	assert_string_equal(first, again);
	salt_of(u, "mallorx", other);
	assert_string_not_equal(first, other);
	salt_of(u, "alice", known);
	users_free(u);
	/* Whose secret it borrows is not seen. */
	u = open_users(BOB);
	salt_of(u, "mallory", again);
	assert_string_equal(first, again);
	users_free(u);
	/* Another server, and another set of users. */
	u = open_users(ALICE BOB "dave pw\n");
	salt_of(u, "mallory", again);
	assert_string_equal(first, again);
	salt_of(u, "Alice", again);
	assert_string_equal(known, again);
	users_free(u);
}

static void scrams_last_word_is_answered_with_nothing(void **state)
{
	(void)state;
	struct users *u = open_users(ALICE);
	Gsasl *context;
	Gsasl_session *client;
	struct sasl_exchange *x;
	struct buf out;
	char *text;
	buf_init(&out, 16384);
	assert_int_equal(gsasl_init(&context), GSASL_OK);
	assert_int_equal(gsasl_client_start(context, "SCRAM-SHA-256", &client), GSASL_OK);
	gsasl_property_set(client, GSASL_AUTHID, "alice");
	gsasl_property_set(client, GSASL_PASSWORD, "secret");
	assert_int_equal(sasl_begin(&x, u, slice_str("SCRAM-SHA-256"), &in_clear), SASL_CHALLENGE);
	assert_false(sasl_is_slow(x));
	assert_int_equal(gsasl_step64(client, "", &text), GSASL_NEEDS_MORE);
	assert_int_equal(sasl_step(x, slice_str(text), true, &out), SASL_CHALLENGE);
	assert_true(sasl_is_slow(x));
	gsasl_free(text);
	assert_true(buf_append_char(&out, '\0'));
	assert_int_equal(gsasl_step64(client, out.data, &text), GSASL_NEEDS_MORE);
	assert_int_equal(sasl_step(x, slice_str(text), true, &out), SASL_CHALLENGE);
	gsasl_free(text);
	assert_int_equal(sasl_step(x, slice_str("YWJj"), true, &out), SASL_WRONG);
	sasl_free(x);
	gsasl_finish(client);
	gsasl_done(context);
	users_free(u);
	buf_release(&out);
}

/* ---- threads ---- */

static void *log_in_often(void *arg)
{
	struct client c = { .mechanism = "SCRAM-SHA-256", .name = "bob", .password = "pencil" };
	for (int i = 0; i < 20; i++) {
		if (exchange(arg, &in_clear, &c, NULL) != SASL_OK)
			return "failed";
	}
	return NULL;
}

static void exchanges_run_side_by_side(void **state)
{
	(void)state;
	pthread_t threads[4];
	void *result;
	struct users *u = open_users(ALICE BOB);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_in_often, u), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	users_free(u);
}

#define IN_OWN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_OWN_DIRECTORY(strongest_mechanism_is_named_first),
		IN_OWN_DIRECTORY(scram_is_offered_only_where_it_works_for_all),
		IN_OWN_DIRECTORY(passwords_in_clear_are_not_offered_where_they_may_not_be_sent),
		IN_OWN_DIRECTORY(mechanism_that_is_not_offered_does_not_begin),
		IN_OWN_DIRECTORY(right_password_logs_in_by_every_mechanism),
		IN_OWN_DIRECTORY(hashed_password_logs_in_by_plain_and_login),
		IN_OWN_DIRECTORY(unknown_name_never_logs_in),
		IN_OWN_DIRECTORY(own_name_alone_may_be_acted_for),
		IN_OWN_DIRECTORY(other_binding_is_wrong),
		IN_OWN_DIRECTORY(plain_takes_three_parts_and_no_empty_one),
		IN_OWN_DIRECTORY(password_in_any_encoding_is_taken_as_it_stands),
		IN_OWN_DIRECTORY(nothing_a_client_chooses_takes_long_without_a_hash),
		IN_OWN_DIRECTORY(what_is_no_base64_is_malformed),
		IN_OWN_DIRECTORY(responses_of_12288_octets_are_looked_at),
		IN_OWN_DIRECTORY(login_takes_the_name_at_once_or_when_asked),
		IN_OWN_DIRECTORY(nul_ends_no_name_and_no_password),
		IN_OWN_DIRECTORY(client_that_was_told_of_no_binding_is_refused),
		IN_OWN_DIRECTORY(malformed_scram_is_wrong),
		IN_OWN_DIRECTORY(unknown_names_salt_is_steady_and_looks_like_a_users),
		IN_OWN_DIRECTORY(scrams_last_word_is_answered_with_nothing),
		IN_OWN_DIRECTORY(exchanges_run_side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
