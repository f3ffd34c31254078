/*
 * stream: both ends of a socket pair, in clear and through TLS: whom a client believes, how reading ends, and what a peer
 * that is gone does to a writer.
 */
#include "net/stream.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/tls.h"
#include "net/tls_client.h"
#include "net/tls_suite.h"

struct pair {
	struct tls_suite files;
	struct tls_server *tls;
	struct stream server;
	struct stream client;
};

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof *p);
	struct fault why;
	int fds[2];
	tls_suite_init(&p->files);
	p->tls = tls_server_new(p->files.cert, p->files.key, NULL, &why);
	*state = p;
	if (!p->tls || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		return -1;
	p->server.fd = fds[0];
	p->client.fd = fds[1];
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	stream_close(&p->server);
	stream_close(&p->client);
	tls_server_free(p->tls);
	tls_suite_release(&p->files);
	free(p);
	return 0;
}

static enum stream_got step(struct stream *s, enum stream_got before, struct fault *why)
{
	return before == STREAM_OK || before == STREAM_BROKEN ? before : stream_handshake(s, why);
}

/* The client's outcome, with why. */
static enum stream_got shake(struct pair *p, const char *ca, const char *host, struct fault *why)
{
	struct fault ignored;
	struct tls_client *t = tls_client_new(ca, why);
	assert_non_null(t);
	SSL *ssl = tls_client_session(t, host, why);
	assert_non_null(ssl);
	tls_client_free(t); /* the session holds what it needs */
	stream_secure(&p->server, tls_server_session(p->tls));
	stream_secure(&p->client, ssl);
	enum stream_got server = STREAM_WAIT_READ;
	enum stream_got client = STREAM_WAIT_READ;
	for (int i = 0; i < 10; i++) {
		client = step(&p->client, client, why);
		server = step(&p->server, server, &ignored);
	}
	assert_int_equal(server, client);
	return client;
}

static void secure(struct pair *p)
{
	struct fault why;
	assert_int_equal(shake(p, p->files.cert, "localhost", &why), STREAM_OK);
}

static void expect_read(struct stream *s, const char *expected)
{
	char text[64];
	size_t n;
	enum stream_got got = STREAM_WAIT_READ;
	for (int tickets = 0; got == STREAM_WAIT_READ && tickets <= 2; tickets++)
		got = stream_read(s, text, sizeof text, &n);
	assert_int_equal(got, STREAM_OK);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(text, expected, n);
}

static void say(struct stream *s, const char *text)
{
	size_t n;
	assert_int_equal(stream_write(s, text, strlen(text), &n), STREAM_OK);
	assert_int_equal(n, strlen(text));
}

static enum stream_got read_outcome(struct stream *s)
{
	char text[64];
	size_t n;
	return stream_read(s, text, sizeof text, &n);
}

static void a_dialogue(struct pair *p)
{
	assert_int_equal(read_outcome(&p->server), STREAM_WAIT_READ);
	say(&p->client, "EHLO\r\n");
	expect_read(&p->server, "EHLO\r\n");
	say(&p->server, "250\r\n");
	assert_true(stream_shutdown(&p->server));
	expect_read(&p->client, "250\r\n");
	assert_int_equal(read_outcome(&p->client), STREAM_END);
	say(&p->client, "QUIT\r\n"); /* the other direction is still open */
	expect_read(&p->server, "QUIT\r\n");
}

static void octets_pass_in_clear(void **state)
{
	struct session_tls tls;
	struct pair *p = *state;
	a_dialogue(p);
	assert_false(stream_tls(&p->server, &tls));
	assert_false(stream_pending(&p->server));
}

static void octets_pass_through_tls(void **state)
{
	struct pair *p = *state;
	secure(p);
	a_dialogue(p);
}

static void both_ends_have_the_same_binding(void **state)
{
	struct pair *p = *state;
	struct session_tls server;
	struct session_tls client;
	static const unsigned char zeros[SESSION_BINDING];
	secure(p);
	assert_true(stream_tls(&p->server, &server) && stream_tls(&p->client, &client));
	assert_string_equal(server.version, "TLSv1.3");
	assert_string_equal(server.cipher, client.cipher);
	assert_true(server.has_binding && client.has_binding);
	assert_memory_equal(server.binding, client.binding, SESSION_BINDING);
	assert_memory_not_equal(server.binding, zeros, SESSION_BINDING);
	/* RFC 9266 section 2: this label, no context. */
	unsigned char expected[32];
	assert_int_equal(SSL_export_keying_material(p->client.ssl, expected, sizeof expected,
	                                            "EXPORTER-Channel-Binding", 24, NULL, 0, 0),
	                 1);
	assert_memory_equal(server.binding, expected, sizeof expected);
}

static void what_does_not_fit_the_readers_buffer_is_pending(void **state)
{
	struct pair *p = *state;
	char two[2];
	size_t n;
	secure(p);
	say(&p->client, "four");
	assert_int_equal(stream_read(&p->server, two, sizeof two, &n), STREAM_OK);
	assert_true(stream_pending(&p->server));
	assert_int_equal(stream_read(&p->server, two, sizeof two, &n), STREAM_OK);
	assert_false(stream_pending(&p->server));
}

static void an_address_in_the_certificate_is_believed(void **state)
{
	struct fault why;
	struct pair *p = *state;
	assert_int_equal(shake(p, p->files.cert, "127.0.0.1", &why), STREAM_OK);
}

static void a_name_may_end_in_a_dot(void **state)
{
	struct fault why;
	struct pair *p = *state;
	assert_int_equal(shake(p, p->files.cert, "localhost.", &why), STREAM_OK);
}

static void expect_disbelief(void **state, const char *host, const char *part)
{
	struct fault why;
	struct pair *p = *state;
	assert_int_equal(shake(p, p->files.cert, host, &why), STREAM_BROKEN);
	assert_int_equal(why.kind, FAULT_PERMANENT);
	if (!strstr(why.text, part))
		fail_msg("%s: no \"%s\"", why.text, part);
}

static void another_name_is_not_believed(void **state)
{
	expect_disbelief(state, "mail.example.org", "for another name");
}

static void another_address_is_not_believed(void **state)
{
	expect_disbelief(state, "127.0.0.2", "for another name");
}

static void who_is_signed_by_nobody_known_is_not_believed(void **state)
{
	struct fault why;
	struct pair *p = *state;
	assert_int_equal(shake(p, NULL, "localhost", &why), STREAM_BROKEN);
	assert_non_null(strstr(why.text, "--ca FILE"));
}

static void a_ca_file_must_have_certificates(void **state)
{
	struct fault why;
	struct pair *p = *state;
	assert_null(tls_client_new(p->files.key, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_null(tls_client_new("/nonexistent/ca.pem", &why));
	assert_int_equal(why.kind, FAULT_TEMPORARY);
	assert_non_null(strstr(why.text, "/nonexistent/ca.pem"));
}

static void an_end_without_close_notify_is_an_end(void **state)
{
	struct pair *p = *state;
	secure(p);
	say(&p->client, "QUIT\r\n");
	shutdown(p->client.fd, SHUT_WR);
	expect_read(&p->server, "QUIT\r\n");
	assert_int_equal(read_outcome(&p->server), STREAM_END);
	say(&p->server, "221\r\n");
	expect_read(&p->client, "221\r\n");
}

/* What the client says arrives without the last octets of its record. */
static void cut_record(struct pair *p, size_t missing)
{
	char record[128];
	int between[2];
	size_t n;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, between), 0);
	SSL_set_wfd(p->client.ssl, between[0]);
	assert_int_equal(stream_write(&p->client, "DELE 1\r\n", 8, &n), STREAM_OK);
	ssize_t length = recv(between[1], record, sizeof record, 0);
	assert_true(length > (ssize_t)missing);
	assert_int_equal(send(p->client.fd, record, (size_t)length - missing, 0), length - (ssize_t)missing);
	close(between[0]);
	close(between[1]);
}

static void an_end_in_the_middle_of_a_record_is_a_break(void **state)
{
	struct pair *p = *state;
	secure(p);
	cut_record(p, 3);
	assert_int_equal(read_outcome(&p->server), STREAM_WAIT_READ);
	shutdown(p->client.fd, SHUT_WR);
	assert_int_equal(read_outcome(&p->server), STREAM_BROKEN);
}

static void a_record_that_was_tampered_with_is_a_break(void **state)
{
	struct pair *p = *state;
	secure(p);
	send(p->client.fd, "\x17\x03\x03\x00\x20________________________________", 37, 0);
	assert_int_equal(read_outcome(&p->server), STREAM_BROKEN);
}

static void writing_to_a_peer_that_is_gone_breaks_and_raises_nothing(void **state)
{
	struct pair *p = *state;
	size_t n;
	stream_close(&p->client);
	assert_int_equal(stream_write(&p->server, "x", 1, &n), STREAM_BROKEN); /* SIGPIPE would end the test */
}

static void so_it_is_through_tls(void **state)
{
	struct pair *p = *state;
	size_t n;
	secure(p);
	stream_close(&p->client);
	assert_int_equal(stream_write(&p->server, "x", 1, &n), STREAM_BROKEN);
}

/* Each attempt from another place, as a buffer that grows is. */
static void a_full_socket_is_waited_for_and_nothing_is_lost(void **state)
{
	enum { SIZE = 1 << 20 };
	struct pair *p = *state;
	char *text = malloc(SIZE);
	char *places[2] = { malloc(SIZE), malloc(SIZE) };
	char *heard = malloc(SIZE);
	size_t sent = 0;
	size_t got = 0;
	size_t n;
	size_t turn = 0;
	bool waited = false;
	secure(p);
	for (size_t i = 0; i < SIZE; i++)
		text[i] = (char)(i * 7 + i / 251);
	while (got < SIZE) {
		enum stream_got outcome = STREAM_OK;
		while (sent < SIZE && outcome == STREAM_OK) {
			char *place = places[turn++ % 2];
			memcpy(place, text + sent, SIZE - sent);
			outcome = stream_write(&p->server, place, SIZE - sent, &n);
			sent += outcome == STREAM_OK ? n : 0;
		}
		assert_true(outcome == STREAM_OK || outcome == STREAM_WAIT_WRITE);
		waited |= outcome == STREAM_WAIT_WRITE;
		if (stream_read(&p->client, heard + got, SIZE - got, &n) == STREAM_OK)
			got += n;
	}
	assert_true(waited);
	assert_memory_equal(heard, text, SIZE);
	free(heard);
	free(places[0]);
	free(places[1]);
	free(text);
}

#define ON_A_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_PAIR(octets_pass_in_clear),
		ON_A_PAIR(octets_pass_through_tls),
		ON_A_PAIR(both_ends_have_the_same_binding),
		ON_A_PAIR(what_does_not_fit_the_readers_buffer_is_pending),
		ON_A_PAIR(an_address_in_the_certificate_is_believed),
		ON_A_PAIR(a_name_may_end_in_a_dot),
		ON_A_PAIR(another_name_is_not_believed),
		ON_A_PAIR(another_address_is_not_believed),
		ON_A_PAIR(who_is_signed_by_nobody_known_is_not_believed),
		ON_A_PAIR(a_ca_file_must_have_certificates),
		ON_A_PAIR(an_end_without_close_notify_is_an_end),
		ON_A_PAIR(an_end_in_the_middle_of_a_record_is_a_break),
		ON_A_PAIR(a_record_that_was_tampered_with_is_a_break),
		ON_A_PAIR(writing_to_a_peer_that_is_gone_breaks_and_raises_nothing),
		ON_A_PAIR(so_it_is_through_tls),
		ON_A_PAIR(a_full_socket_is_waited_for_and_nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
