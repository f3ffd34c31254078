/*
 * tls_tickets: how long a client that comes back is known.
 */
#include "net/tls_tickets.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/clock.h"
#include "net/tls_suite.h"

struct rig {
	struct tls_suite files;
	struct tls_tickets *tickets;
	SSL_CTX *server;
	SSL_CTX *client;
	int64_t now;
	SSL_SESSION *session; /* what the client may come back with */
};

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct fault why;
	tls_suite_init(&r->files);
	r->tickets = tls_tickets_new(&why);
	r->now = clock_ms();
	r->server = SSL_CTX_new(TLS_server_method());
	r->client = SSL_CTX_new(TLS_client_method());
	*state = r;
	/* 1.2: there the handshake itself brings the ticket */
	bool ok = r->tickets && SSL_CTX_use_certificate_file(r->server, r->files.cert, SSL_FILETYPE_PEM) == 1 &&
	          SSL_CTX_use_PrivateKey_file(r->server, r->files.key, SSL_FILETYPE_PEM) == 1 &&
	          tls_tickets_use(r->tickets, r->server) &&
	          SSL_CTX_set_max_proto_version(r->client, TLS1_2_VERSION) == 1;
	return ok ? 0 : -1;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	SSL_SESSION_free(r->session);
	SSL_CTX_free(r->server);
	SSL_CTX_free(r->client);
	tls_tickets_free(r->tickets);
	tls_suite_release(&r->files);
	free(r);
	return 0;
}

/* Whether the server knew the client; what it gives for the next time is kept. */
static bool known(struct rig *r)
{
	BIO *a;
	BIO *b;
	SSL *server = SSL_new(r->server);
	SSL *client = SSL_new(r->client);
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(server, a, a);
	SSL_set_bio(client, b, b);
	SSL_set_accept_state(server);
	SSL_set_connect_state(client);
	if (r->session)
		SSL_set_session(client, r->session);
	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	bool reused = SSL_session_reused(client);
	char none;
	assert_true(SSL_read(client, &none, 1) < 0); /* 1.3: tickets come after the handshake */
	SSL_SESSION_free(r->session);
	r->session = SSL_get1_session(client);
	SSL_shutdown(client);
	SSL_free(server);
	SSL_free(client);
	return reused;
}

/* So much time goes by. */
static void pass(struct rig *r, int64_t seconds)
{
	r->now += seconds * 1000;
	tls_tickets_turn(r->tickets, r->now);
}

static void a_client_is_known_by_its_ticket(void **state)
{
	struct rig *r = *state;
	assert_false(known(r));
	assert_true(known(r));
}

static void with_tls_1_3_who_comes_back_gets_a_ticket_for_the_next_time(void **state)
{
	struct rig *r = *state;
	SSL_CTX_set_max_proto_version(r->client, TLS1_3_VERSION);
	/* As OpenSSL's clients with a cache do it: a ticket is good for one time. */
	SSL_CTX_set_session_cache_mode(r->client, SSL_SESS_CACHE_CLIENT);
	assert_false(known(r));
	for (int times = 0; times < 3; times++)
		assert_true(known(r));
}

static void the_key_before_still_opens_and_the_ticket_is_renewed(void **state)
{
	struct rig *r = *state;
	assert_false(known(r));
	for (int turns = 0; turns < 3; turns++) {
		pass(r, TLS_TICKET_TURN_S);
		assert_true(known(r)); /* each time with a ticket under the newest key */
	}
}

static void a_key_stays_until_it_is_time(void **state)
{
	struct rig *r = *state;
	assert_false(known(r));
	for (int looks = 0; looks < 10; looks++)
		pass(r, TLS_TICKET_TURN_S / 20);
	assert_true(known(r));
}

static void an_older_key_opens_nothing(void **state)
{
	struct rig *r = *state;
	assert_false(known(r));
	pass(r, TLS_TICKET_TURN_S);
	pass(r, TLS_TICKET_TURN_S);
	assert_false(known(r));
	assert_true(known(r));
}

static void after_idle_days_both_keys_are_new(void **state)
{
	struct rig *r = *state;
	assert_false(known(r));
	pass(r, TLS_TICKET_TURN_S * 3);
	assert_false(known(r));
	assert_true(known(r));
}

static void a_ticket_that_was_tampered_with_is_no_ticket(void **state)
{
	struct rig *r = *state;
	const unsigned char *ticket;
	size_t n;
	assert_false(known(r));
	SSL_SESSION_get0_ticket(r->session, &ticket, &n);
	assert_true(n > 100);
	((unsigned char *)(uintptr_t)ticket)[n / 2] ^= 1;
	assert_false(known(r));
}

#define WITH_TICKETS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_TICKETS(a_client_is_known_by_its_ticket),
		WITH_TICKETS(with_tls_1_3_who_comes_back_gets_a_ticket_for_the_next_time),
		WITH_TICKETS(the_key_before_still_opens_and_the_ticket_is_renewed),
		WITH_TICKETS(a_key_stays_until_it_is_time),
		WITH_TICKETS(an_older_key_opens_nothing),
		WITH_TICKETS(after_idle_days_both_keys_are_new),
		WITH_TICKETS(a_ticket_that_was_tampered_with_is_no_ticket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
