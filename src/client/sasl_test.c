/*
 * The user's side of each mechanism, against GNU SASL's server side; and servers that do not know the password.
 */
#include "client/sasl.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct session_tls in_clear = { .has_binding = false };
static const struct session_tls over_tls = { .has_binding = true, .binding = "0123456789abcdef0123456789abcde" };

/* What the server knows. */
struct server {
	Gsasl *library;
	Gsasl_session *session;
	const char *password;
	const struct session_tls *tls;
};

static int answer(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	const struct server *s = gsasl_callback_hook_get(library);
	char *binding;
	size_t len;

	switch (property) {
	case GSASL_PASSWORD:
		return gsasl_property_set(session, property, s->password);
	case GSASL_VALIDATE_SIMPLE: {
		const char *given = gsasl_property_fast(session, GSASL_PASSWORD);
		return given && strcmp(given, s->password) == 0 ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
	}
	case GSASL_CB_TLS_EXPORTER:
		if (!s->tls->has_binding)
			return GSASL_NO_CALLBACK;
		gsasl_base64_to((const char *)s->tls->binding, sizeof s->tls->binding, &binding, &len);
		gsasl_property_set(session, property, binding);
		gsasl_free(binding);
		return GSASL_OK;
	default:
		return GSASL_NO_CALLBACK;
	}
}

static void server_begin(struct server *s, const char *mechanism)
{
	assert_int_equal(gsasl_init(&s->library), GSASL_OK);
	gsasl_callback_hook_set(s->library, s);
	gsasl_callback_set(s->library, answer);
	assert_int_equal(gsasl_server_start(s->library, mechanism, &s->session), GSASL_OK);
}

static void server_end(struct server *s)
{
	gsasl_finish(s->session);
	gsasl_done(s->library);
}

/* One login; what the server says to it, and whether the user's side then believes it. */
static int log_in(struct sasl *c, struct server *s, bool *accepted)
{
	struct talk_login *login = &c->login;
	struct buf response;
	struct fault why;
	char *challenge = NULL;
	int rc = GSASL_NEEDS_MORE;

	buf_init(&response, 4096);
	*accepted = false;
	server_begin(s, c->mechanism);
	if (!login->begins(login))
		rc = gsasl_step64(s->session, "", &challenge);
	while (rc == GSASL_NEEDS_MORE) {
		buf_clear(&response);
		bool went = login->step(login, slice_str(challenge ? challenge : ""), &response, &why);
		gsasl_free(challenge);
		challenge = NULL;
		if (!went) {
			rc = -1;
			break;
		}
		assert_true(buf_append_char(&response, '\0'));
		rc = gsasl_step64(s->session, response.data, &challenge);
	}
	/* The last challenge has the server's signature. */
	buf_clear(&response);
	if (rc == GSASL_OK && challenge && *challenge)
		login->step(login, slice_str(challenge), &response, &why);
	if (rc == GSASL_OK)
		*accepted = login->accept(login, &why);
	gsasl_free(challenge);
	server_end(s);
	buf_release(&response);
	return rc;
}

static const char *choose(struct sasl *c, const char *offered)
{
	return c->login.choose(&c->login, slice_str(offered));
}

static void begin(struct sasl *c, const struct session_tls *tls)
{
	sasl_init(c, slice_str("alice"), slice_str("wonderland"), tls);
}

static void every_mechanism_logs_in(void **state)
{
	static const char *const mechanisms[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct server server = { .password = "wonderland", .tls = &over_tls };
		struct sasl c;
		bool accepted;
		begin(&c, &over_tls);
		assert_string_equal(choose(&c, mechanisms[i]), mechanisms[i]);
		assert_int_equal(log_in(&c, &server, &accepted), GSASL_OK);
		assert_true(accepted);
		sasl_release(&c);
	}
}

static void a_wrong_password_is_refused(void **state)
{
	static const char *const mechanisms[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct server server = { .password = "Wonderland", .tls = &in_clear };
		struct sasl c;
		bool accepted;
		begin(&c, &in_clear);
		choose(&c, mechanisms[i]);
		assert_int_not_equal(log_in(&c, &server, &accepted), GSASL_OK);
		sasl_release(&c);
	}
}

static void the_strongest_is_chosen(void **state)
{
	static const struct {
		const struct session_tls *tls;
		const char *offered, *chosen;
	} cases[] = {
		{ &over_tls, "LOGIN PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS" },
		{ &in_clear, "LOGIN PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-256", "SCRAM-SHA-256" },
		{ &over_tls, "login plain", "PLAIN" },
		{ &over_tls, "XLOGIN LOGIN", "LOGIN" },
		{ &in_clear, "SCRAM-SHA-256-PLUS CRAM-MD5 PLAINER", NULL },
		{ &in_clear, "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sasl c;
		begin(&c, cases[i].tls);
		const char *chosen = choose(&c, cases[i].offered);
		if (cases[i].chosen)
			assert_string_equal(chosen, cases[i].chosen);
		else
			assert_null(chosen);
		sasl_release(&c);
	}
}

static void another_tls_connection_is_somebody_in_between(void **state)
{
	struct session_tls other = over_tls;
	struct server server = { .password = "wonderland", .tls = &other };
	struct sasl c;
	bool accepted;

	(void)state;
	other.binding[0] ^= 1;
	begin(&c, &over_tls);
	choose(&c, "SCRAM-SHA-256-PLUS");
	assert_int_not_equal(log_in(&c, &server, &accepted), GSASL_OK);
	sasl_release(&c);
}

static void a_yes_before_the_servers_signature_is_not_accepted(void **state)
{
	struct buf response;
	struct fault why;
	struct sasl c;

	(void)state;
	buf_init(&response, 4096);
	begin(&c, &in_clear);
	choose(&c, "SCRAM-SHA-256");
	assert_true(c.login.step(&c.login, slice_str(""), &response, &why));
	assert_false(c.login.accept(&c.login, &why));
	assert_non_null(strstr(why.text, "does not know the password"));
	buf_release(&response);
	sasl_release(&c);
}

/* A challenge that goes with the nonce of the first response. */
static bool answer_to(struct sasl *c, const char *rest)
{
	char *first, *challenge;
	struct buf response, text;
	struct fault why;
	size_t len;

	buf_init(&response, 4096);
	buf_init(&text, 8192);
	assert_true(c->login.step(&c->login, slice_str(""), &response, &why));
	assert_int_equal(gsasl_base64_from(response.data, response.len, &first, &len), GSASL_OK);
	struct slice nonce = slice_make(first, len);
	nonce = slice_skip(nonce, (size_t)((char *)memmem(first, len, "r=", 2) - first));
	assert_true(buf_printf(&text, "%.*sx,%s", SLICE_FMT(nonce), rest));
	assert_int_equal(gsasl_base64_to(text.data, text.len, &challenge, &len), GSASL_OK);
	buf_clear(&response);
	bool went = c->login.step(&c->login, slice_str(challenge), &response, &why);
	gsasl_free(first);
	gsasl_free(challenge);
	buf_release(&response);
	buf_release(&text);
	return went;
}

static void endless_hashing_and_rubbish_are_refused(void **state)
{
	static const struct {
		const char *challenge;
		bool taken;
	} cases[] = {
		{ "s=QSXCR+Q6sek8bf92,i=4096", true },
		{ "s=QSXCR+Q6sek8bf92,i=1000001", false },
		{ "s=QSXCR+Q6sek8bf92,i=4294967295", false },
		{ "s=QSXCR+Q6sek8bf92,i=18446744073709555712", false },
		{ "s=QSXCR+Q6sek8bf92", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sasl c;
		begin(&c, &in_clear);
		choose(&c, "SCRAM-SHA-256");
		assert_int_equal(answer_to(&c, cases[i].challenge), cases[i].taken);
		sasl_release(&c);
	}
}

/* RFC 1939 section 7. */
static void apops_digest_is_the_rfcs(void **state)
{
	struct sasl c;
	char hex[33];

	(void)state;
	sasl_init(&c, slice_str("mrose"), slice_str("tanstaaf"), &in_clear);
	assert_true(c.login.digest(&c.login, slice_str("<1896.697170952@dbc.mtview.ca.us>"), hex));
	assert_string_equal(hex, "c4c9334bac560ecc979e58001b3e22fb");
	sasl_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mechanism_logs_in),
		cmocka_unit_test(a_wrong_password_is_refused),
		cmocka_unit_test(the_strongest_is_chosen),
		cmocka_unit_test(another_tls_connection_is_somebody_in_between),
		cmocka_unit_test(a_yes_before_the_servers_signature_is_not_accepted),
		cmocka_unit_test(endless_hashing_and_rubbish_are_refused),
		cmocka_unit_test(apops_digest_is_the_rfcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
