/*
 * tls: files that are good, bad, and others a moment later; and what a server agrees to.
 */
#include "net/tls.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/stamp.h"
#include "net/tls_suite.h"

static int reported_good;
static int reported_bad;
static char reported[400];

static void report(bool in_use, const char *text)
{
	reported_good += in_use;
	reported_bad += !in_use;
	snprintf(reported, sizeof reported, "%s", text);
}

static int setup(void **state)
{
	static struct tls_suite files;
	tls_suite_init(&files);
	reported_good = reported_bad = 0;
	*state = &files;
	return 0;
}

static int teardown(void **state)
{
	tls_suite_release(*state);
	return 0;
}

static struct tls_server *open_server(const struct tls_suite *files)
{
	struct fault why;
	struct tls_server *t = tls_server_new(files->cert, files->key, report, &why);
	assert_non_null(t);
	return t;
}

/* The serial number of the certificate that a session of now has. */
static uint64_t serial_of(SSL *ssl)
{
	uint64_t serial = 0;
	assert_int_equal(ASN1_INTEGER_get_uint64(&serial, X509_get0_serialNumber(SSL_get_certificate(ssl))), 1);
	return serial;
}

static uint64_t serial_now(struct tls_server *t)
{
	SSL *ssl = tls_server_session(t);
	assert_non_null(ssl);
	uint64_t serial = serial_of(ssl);
	SSL_free(ssl);
	return serial;
}

/* Looks when it is time to look again. */
static bool changed_later(struct tls_server *t)
{
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 20 * 1000000L }, NULL);
	return tls_server_changed(t);
}

static void expect_refused(const struct tls_suite *files, enum fault_kind kind, const char *part)
{
	struct fault why = { 0 };
	assert_null(tls_server_new(files->cert, files->key, report, &why));
	assert_int_equal(why.kind, kind);
	if (!strstr(why.text, part))
		fail_msg("%s: no \"%s\"", why.text, part);
}

static void a_file_that_is_not_there_is_named(void **state)
{
	struct tls_suite *files = *state;
	unlink(files->cert);
	expect_refused(files, FAULT_TEMPORARY, files->cert);
	tls_suite_renew(files);
	unlink(files->key);
	expect_refused(files, FAULT_TEMPORARY, files->key);
}

static void what_is_no_pem_is_refused(void **state)
{
	struct tls_suite *files = *state;
	tls_suite_write(files->key, "no key\n");
	expect_refused(files, FAULT_PERMANENT, "has no private key in PEM form");
	tls_suite_write(files->cert, "no certificate\n");
	expect_refused(files, FAULT_PERMANENT, "has no certificate in PEM form");
}

static void a_certificate_without_its_key_says_which_option_is_missing(void **state)
{
	struct tls_suite *files = *state;
	struct fault why;
	assert_null(tls_server_new(files->cert, NULL, report, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_non_null(strstr(why.text, "has no key with it: add --tls-key FILE"));
}

/* What stderr got while a server was made or, where there is one, read its files again. */
static void logged_by(const struct tls_suite *files, struct tls_server *t, char *text, size_t size)
{
	FILE *kept = tmpfile();
	int terminal = dup(STDERR_FILENO);
	assert_true(kept && terminal >= 0 && dup2(fileno(kept), STDERR_FILENO) >= 0);
	if (t)
		tls_server_reload(t);
	else
		tls_server_free(open_server(files));
	dup2(terminal, STDERR_FILENO);
	close(terminal);
	rewind(kept);
	text[fread(text, 1, size - 1, kept)] = '\0';
	fclose(kept);
}

static void a_certificate_that_has_expired_or_is_not_valid_yet_is_taken_with_a_warning(void **state)
{
	struct tls_suite *files = *state;
	char text[1000], day[16];
	time_t soon = time(NULL) + 7200;
	logged_by(files, NULL, text, sizeof text);
	assert_string_equal(text, "");
	struct tls_server *t = open_server(files);
	tls_suite_date(files, -7200, -3600);
	logged_by(files, NULL, text, sizeof text);
	assert_non_null(strstr(text, "has expired on 20"));
	logged_by(files, t, text, sizeof text);
	assert_non_null(strstr(text, "has expired on 20"));
	tls_suite_date(files, 7200, 10800);
	logged_by(files, t, text, sizeof text);
	strftime(day, sizeof day, "%Y-%m-%d", gmtime(&soon));
	assert_non_null(strstr(text, "is not valid before "));
	assert_non_null(strstr(text, day));
	tls_server_free(t);
}

static void a_directory_is_not_a_file(void **state)
{
	struct tls_suite *files = *state;
	struct fault why;
	assert_null(tls_server_new(files->dir, files->key, report, &why));
	assert_non_null(strstr(why.text, "is not a file"));
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	struct tls_suite *files = *state;
	struct tls_suite others;
	struct fault why;
	tls_suite_init(&others);
	assert_null(tls_server_new(files->cert, others.key, report, &why));
	assert_non_null(strstr(why.text, "is not the certificate's"));
	tls_suite_release(&others);
}

static void a_key_under_a_password_is_refused_and_nobody_asked(void **state)
{
	struct tls_suite *files = *state;
	tls_suite_lock_key(files);
	expect_refused(files, FAULT_PERMANENT, "is under a password");
}

static void a_broken_certificate_in_the_chain_is_refused(void **state)
{
	struct tls_suite *files = *state;
	FILE *f = fopen(files->cert, "a");
	assert_non_null(f);
	fputs("-----BEGIN CERTIFICATE-----\nMIIB\n", f);
	fclose(f);
	expect_refused(files, FAULT_PERMANENT, "cannot be used");
}

static void append_file(const char *to, const char *from)
{
	char text[4096];
	FILE *in = fopen(from, "r");
	FILE *out = fopen(to, "a");
	assert_true(in && out);
	size_t n = fread(text, 1, sizeof text, in);
	fwrite(text, 1, n, out);
	fclose(in);
	fclose(out);
}

static void the_key_may_stand_in_the_certificates_file(void **state)
{
	struct tls_suite *files = *state;
	struct fault why;
	append_file(files->cert, files->key);
	struct tls_server *t = tls_server_new(files->cert, NULL, report, &why);
	assert_non_null(t);
	tls_server_free(t);
}

static void a_change_is_said_once_and_then_read(void **state)
{
	struct tls_suite *files = *state;
	struct tls_server *t = open_server(files);
	uint64_t before = serial_now(t);
	SSL *running = tls_server_session(t);
	assert_false(changed_later(t));
	tls_suite_renew(files);
	assert_false(tls_server_changed(t)); /* it has just looked */
	assert_true(changed_later(t));
	assert_false(changed_later(t));
	assert_int_equal(serial_now(t), before);
	tls_server_reload(t);
	assert_int_equal(reported_good, 1);
	assert_true(serial_now(t) != before);
	assert_int_equal(serial_of(running), before);
	assert_false(changed_later(t));
	SSL_free(running);
	tls_server_free(t);
}

/* By a coarse clock, a file that is written to right behind the reading might look as it did. */
static void a_pair_is_read_when_what_becomes_of_it_would_show(void **state)
{
	struct tls_suite *files = *state;
	struct tls_server *t = open_server(files);
	struct stamp cert = stamp_at(AT_FDCWD, files->cert);
	struct stamp key = stamp_at(AT_FDCWD, files->key);
	assert_false(stamp_young(&cert) || stamp_young(&key));
	tls_suite_renew(files);
	tls_server_reload(t);
	cert = stamp_at(AT_FDCWD, files->cert);
	assert_false(stamp_young(&cert));
	assert_false(tls_server_changed(t));
	tls_server_free(t);
}

struct pair {
	struct tls_suite to;
	struct tls_suite from;
};

/* As `cp` does, one file after the other. */
static void *copy_slowly(void *arg)
{
	struct pair *p = arg;
	const char *const files[] = { p->from.key, p->to.key, p->from.cert, p->to.cert };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i += 2) {
		assert_int_equal(truncate(files[i + 1], 0), 0);
		nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000000L }, NULL);
		append_file(files[i + 1], files[i]);
	}
	return NULL;
}

static void a_pair_that_is_being_written_is_waited_for(void **state)
{
	pthread_t writer;
	struct pair pair = { .to = *(struct tls_suite *)*state };
	tls_suite_init(&pair.from);
	struct tls_server *t = open_server(&pair.to);
	uint64_t before = serial_now(t);
	assert_int_equal(pthread_create(&writer, NULL, copy_slowly, &pair), 0);
	nanosleep(&(struct timespec){ .tv_nsec = 5 * 1000000L }, NULL);
	tls_server_reload(t);
	pthread_join(writer, NULL);
	assert_int_equal(reported_bad, 0);
	assert_int_equal(reported_good, 1);
	assert_true(serial_now(t) != before);
	tls_server_free(t);
	tls_suite_release(&pair.from);
}

static void what_cannot_be_read_leaves_what_was_until_it_is_mended(void **state)
{
	struct tls_suite *files = *state;
	struct tls_server *t = open_server(files);
	uint64_t before = serial_now(t);
	tls_suite_write(files->key, "-----BEGIN PRIVATE KEY-----\nMIGH");
	assert_true(changed_later(t));
	tls_server_reload(t);
	assert_int_equal(reported_bad, 1);
	assert_non_null(strstr(reported, "is kept"));
	assert_non_null(strstr(reported, files->key));
	assert_int_equal(serial_now(t), before);
	assert_false(changed_later(t)); /* and says nothing more until it changes again */
	tls_suite_renew(files);
	assert_true(changed_later(t));
	tls_server_reload(t);
	assert_int_equal(reported_good, 1);
	assert_true(serial_now(t) != before);
	tls_server_free(t);
}

/* A whole handshake in memory, and a line from the server, behind which TLS 1.3 has its tickets. */
static void shake(SSL *server, SSL *client)
{
	BIO *a;
	BIO *b;
	char line[8];
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_connect_state(client);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	assert_int_equal(SSL_write(server, "hello\n", 6), 6);
	assert_int_equal(SSL_read(client, line, sizeof line), 6);
}

/* Whether the client's session, if it has one, was taken up. What it may come back with replaces it. */
static bool resumed(struct tls_server *t, SSL_CTX *ctx, SSL_SESSION **session)
{
	SSL *server = tls_server_session(t);
	SSL *client = SSL_new(ctx);
	assert_true(server && client);
	if (*session)
		SSL_set_session(client, *session);
	shake(server, client);
	bool reused = SSL_session_reused(client);
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(client);
	SSL_shutdown(client); /* without it OpenSSL counts the session as broken off */
	SSL_free(server);
	SSL_free(client);
	return reused;
}

static void a_client_that_comes_back_is_known_also_after_a_reload(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct tls_suite *files = *state;
	struct tls_server *t = open_server(files);
	for (int i = 0; i < 2; i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		SSL_SESSION *session = NULL;
		SSL_CTX_set_max_proto_version(ctx, versions[i]);
		assert_false(resumed(t, ctx, &session));
		assert_true(resumed(t, ctx, &session));
		tls_suite_renew(files);
		tls_server_reload(t);
		assert_true(resumed(t, ctx, &session));
		SSL_SESSION_free(session);
		SSL_CTX_free(ctx);
	}
	tls_server_free(t);
}

static void only_forward_secrecy_and_authenticated_encryption_are_there(void **state)
{
	struct tls_server *t = open_server(*state);
	SSL *ssl = tls_server_session(t);
	STACK_OF(SSL_CIPHER) *list = SSL_get_ciphers(ssl);
	assert_true(sk_SSL_CIPHER_num(list) >= 6);
	for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
		const SSL_CIPHER *c = sk_SSL_CIPHER_value(list, i);
		int exchange = SSL_CIPHER_get_kx_nid(c);
		assert_true(exchange == NID_kx_ecdhe || exchange == NID_kx_any);
		assert_true(SSL_CIPHER_is_aead(c));
		assert_int_not_equal(SSL_CIPHER_get_auth_nid(c), NID_auth_null);
	}
	assert_int_equal(SSL_get_min_proto_version(ssl), TLS1_2_VERSION);
	SSL_free(ssl);
	tls_server_free(t);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FILES(a_file_that_is_not_there_is_named),
		WITH_FILES(what_is_no_pem_is_refused),
		WITH_FILES(a_directory_is_not_a_file),
		WITH_FILES(a_certificate_without_its_key_says_which_option_is_missing),
		WITH_FILES(a_certificate_that_has_expired_or_is_not_valid_yet_is_taken_with_a_warning),
		WITH_FILES(a_key_of_another_certificate_is_refused),
		WITH_FILES(a_key_under_a_password_is_refused_and_nobody_asked),
		WITH_FILES(a_broken_certificate_in_the_chain_is_refused),
		WITH_FILES(the_key_may_stand_in_the_certificates_file),
		WITH_FILES(a_change_is_said_once_and_then_read),
		WITH_FILES(a_pair_is_read_when_what_becomes_of_it_would_show),
		WITH_FILES(a_pair_that_is_being_written_is_waited_for),
		WITH_FILES(what_cannot_be_read_leaves_what_was_until_it_is_mended),
		WITH_FILES(a_client_that_comes_back_is_known_also_after_a_reload),
		WITH_FILES(only_forward_secrecy_and_authenticated_encryption_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
