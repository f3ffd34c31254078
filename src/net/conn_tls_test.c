/*
 * conn over TLS: handshakes that succeed, fail, never end or are broken off, and what was said in clear before them.
 *
 * The loop runs on a thread of its own; the test is the peer, with a blocking socket.
 */
#include "net/conn.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "net/listen.h"
#include "net/scripted_suite.h"
#include "net/tls.h"
#include "net/tls_client.h"
#include "net/tls_suite.h"

enum { HANDSHAKE_MS = 200 };

struct rig {
	struct loop *loop;
	struct jobs *jobs;
	struct conn_set set;
	struct listener listener;
	struct tls_suite files;
	struct tls_server *server;
	struct tls_client *client;
	pthread_t thread;
	atomic_int closed;
	int freed;
	bool gone;
	int64_t idle_ms;
};

/* What a test asks of the loop's thread. */
struct errand {
	struct task task;
	void (*run)(struct errand *);
	struct rig *rig;
	int fd;
	struct scripted *session;
	enum conn_start start;
	enum session_stop stop;
	sem_t over;
};

static void nap(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

static struct ssl_st *tls_session(struct conn_set *set)
{
	struct rig *r = set->owner;
	return tls_server_session(r->server);
}

static void on_closed(struct conn_set *set, void *visit)
{
	struct rig *r = set->owner;
	assert_ptr_equal(visit, r);
	atomic_fetch_add(&r->closed, 1);
}

static void *run_loop(void *arg)
{
	struct rig *r = arg;
	loop_run(r->loop);
	return NULL;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	struct fault why;
	tls_suite_init(&r->files);
	*state = r;
	if (!(r->loop = loop_new(&why)) || !(r->jobs = jobs_new(4, &why)) || !conn_set_init(&r->set, r->loop, &why) ||
	    !listener_open(&r->listener, "127.0.0.1", 0, &why) ||
	    !(r->server = tls_server_new(r->files.cert, r->files.key, NULL, &why)) ||
	    !(r->client = tls_client_new(r->files.cert, &why)))
		return -1;
	r->set.closed = on_closed;
	r->set.owner = r;
	r->set.tls_session = tls_session;
	r->set.handshake = (struct timeval){ .tv_usec = HANDSHAKE_MS * 1000 };
	return pthread_create(&r->thread, NULL, run_loop, r);
}

static void run_errand(struct task *t)
{
	struct errand *e = (struct errand *)t;
	e->run(e);
	sem_post(&e->over);
}

static void on_loop(struct rig *r, struct errand *e, void (*run)(struct errand *))
{
	e->task.run = run_errand;
	e->run = run;
	e->rig = r;
	sem_init(&e->over, 0, 0);
	loop_post(r->loop, &e->task);
	sem_wait(&e->over);
	sem_destroy(&e->over);
}

static void open_one(struct errand *e)
{
	const struct arrival arrival = {
		.fd = e->fd, .session = &e->session->base, .start = e->start, .visit = e->rig
	};
	assert_true(conn_open(&e->rig->set, &arrival));
}

static void stop_all(struct errand *e)
{
	conn_set_stop(&e->rig->set, e->stop);
}

static int teardown(void **state)
{
	struct rig *r = *state;
	struct errand e = { .stop = STOP_NOW };
	on_loop(r, &e, stop_all); /* what a failed test has left */
	for (int i = 0; i < 200 && r->set.count > 0; i++) {
		nap(10);
		on_loop(r, &e, stop_all);
	}
	loop_stop(r->loop);
	pthread_join(r->thread, NULL);
	jobs_free(r->jobs);
	conn_set_release(&r->set);
	listener_close(&r->listener);
	loop_free(r->loop);
	tls_server_free(r->server);
	tls_client_free(r->client);
	tls_suite_release(&r->files);
	free(r);
	return 0;
}

/* A connection over the loopback; the peer's end. */
static int dial_in(struct rig *r, enum conn_start start)
{
	struct errand e = { .start = start };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)r->listener.port) };
	struct timeval patience = { .tv_sec = 10 };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	e.fd = accept4(r->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(e.fd >= 0);
	e.session = scripted_new(&r->freed);
	e.session->jobs = r->jobs;
	e.session->loop = r->loop;
	e.session->gone = &r->gone;
	e.session->starttls = true;
	e.session->base.idle_ms = r->idle_ms;
	on_loop(r, &e, open_one);
	return peer;
}

static void say_clear(int peer, const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hear_clear(int peer, const char *expected)
{
	char text[256];
	ssize_t n = recv(peer, text, strlen(expected), MSG_WAITALL);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(text, expected, (size_t)n);
}

/* The server hangs up; what it says before does not matter. */
static void expect_hang_up(int peer)
{
	char text[256];
	while (recv(peer, text, sizeof text, 0) > 0)
		;
	close(peer);
}

static SSL *secure(struct rig *r, int peer)
{
	struct fault why;
	SSL *ssl = tls_client_session(r->client, "localhost", &why);
	assert_non_null(ssl);
	assert_int_equal(SSL_set_fd(ssl, peer), 1);
	assert_int_equal(SSL_connect(ssl), 1);
	return ssl;
}

static void say(SSL *ssl, const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

static void hear(SSL *ssl, const char *expected)
{
	char text[256];
	size_t n = 0;
	while (n < strlen(expected)) {
		int got = SSL_read(ssl, text + n, (int)(strlen(expected) - n));
		assert_true(got > 0);
		n += (size_t)got;
	}
	assert_memory_equal(text, expected, n);
}

/* The server says that it ends, as TLS wants it said. */
static void hear_end(SSL *ssl)
{
	char octet;
	int got = SSL_read(ssl, &octet, 1);
	assert_int_equal(SSL_get_error(ssl, got), SSL_ERROR_ZERO_RETURN);
}

static void leave(SSL *ssl, int peer)
{
	SSL_free(ssl);
	close(peer);
}

static void expect_closed(struct rig *r, int64_t within_ms)
{
	int64_t until = clock_ms() + within_ms;
	while (atomic_load(&r->closed) < 1 && clock_ms() < until)
		nap(5);
	assert_int_equal(atomic_load(&r->closed), 1);
	assert_int_equal(r->freed, 1);
}

static void where_tls_comes_first_nothing_is_said_before_it(void **state)
{
	struct rig *r = *state;
	char octet;
	int peer = dial_in(r, CONN_TLS);
	nap(30);
	assert_int_equal(recv(peer, &octet, 1, MSG_DONTWAIT), -1);
	SSL *ssl = secure(r, peer);
	hear(ssl, "hello\n");
	say(ssl, "one\nT\nq\n");
	hear(ssl, "[one]lf\nhave TLSv1.3\nbye\n");
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
	assert_false(r->gone);
}

static void a_session_goes_on_behind_tls(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_GREETED);
	say_clear(peer, "one\nT\n");
	hear_clear(peer, "hello\n[one]lf\nbegin\n");
	SSL *ssl = secure(r, peer);
	hear(ssl, "secured TLSv1.3\n");
	say(ssl, "w\nT\nq\n");
	hear(ssl, "resumed\nhave TLSv1.3\nbye\n");
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
	assert_false(r->gone);
}

/* CVE-2011-0411 */
static void what_was_slipped_in_behind_the_command_is_never_heard(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_GREETED);
	hear_clear(peer, "hello\n");
	say_clear(peer, "T\nevil\nhalf a li");
	hear_clear(peer, "begin\n");
	SSL *ssl = secure(r, peer);
	hear(ssl, "secured TLSv1.3\n");
	say(ssl, "ne\nq\n");
	hear(ssl, "[ne]lf\nbye\n");
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
}

static void clear_text_in_place_of_a_handshake_ends_it(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_GREETED);
	say_clear(peer, "T\n");
	hear_clear(peer, "hello\nbegin\n");
	say_clear(peer, "EHLO some.where\r\n");
	expect_hang_up(peer);
	expect_closed(r, 500);
	assert_true(r->gone);
}

static void garbage_on_the_tls_port_is_hung_up_on(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	say_clear(peer, "GET / HTTP/1.1\r\n\r\n");
	expect_hang_up(peer);
	expect_closed(r, 500);
}

/* A ClientHello's first octets, one after the other: none of them buys time. */
static void a_handshake_has_one_limit_in_all(void **state)
{
	static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03________________";
	struct rig *r = *state;
	int64_t begin = clock_ms();
	int peer = dial_in(r, CONN_TLS);
	for (size_t i = 0; i < sizeof hello && atomic_load(&r->closed) == 0; i++) {
		send(peer, hello + i, 1, MSG_NOSIGNAL);
		nap(30);
	}
	expect_closed(r, 500);
	assert_in_range(clock_ms() - begin, HANDSHAKE_MS - 20, HANDSHAKE_MS + 300);
	close(peer);
}

static void who_asks_for_tls_and_is_silent_is_hung_up_on(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_GREETED);
	say_clear(peer, "T\n");
	int64_t begin = clock_ms();
	hear_clear(peer, "hello\nbegin\n");
	expect_hang_up(peer);
	assert_in_range(clock_ms() - begin, HANDSHAKE_MS - 50, HANDSHAKE_MS + 300);
	expect_closed(r, 500);
}

static void the_handshakes_limit_ends_with_it(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	hear(ssl, "hello\n");
	nap(HANDSHAKE_MS * 2);
	say(ssl, "one\n");
	hear(ssl, "[one]lf\n");
	leave(ssl, peer);
	expect_closed(r, 500);
}

static void reset(int peer)
{
	struct linger hard = { .l_onoff = 1 };
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(peer);
}

static void a_peer_that_is_gone_in_the_handshake_is_forgotten(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	say_clear(peer, "\x16\x03\x01");
	nap(10);
	reset(peer);
	expect_closed(r, HANDSHAKE_MS / 2);
	assert_true(r->gone);
}

static void who_asks_for_tls_and_leaves_is_forgotten(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_GREETED);
	say_clear(peer, "T\n");
	hear_clear(peer, "hello\nbegin\n");
	shutdown(peer, SHUT_WR);
	expect_hang_up(peer);
	expect_closed(r, HANDSHAKE_MS / 2);
}

static void who_leaves_with_the_command_itself_is_forgotten(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_GREETED);
	say_clear(peer, "T\n");
	shutdown(peer, SHUT_WR);
	expect_hang_up(peer);
	expect_closed(r, HANDSHAKE_MS / 2);
}

static void any_stop_ends_a_handshake_at_once(void **state)
{
	struct rig *r = *state;
	struct errand e = { .stop = STOP_SHUTDOWN };
	int peer = dial_in(r, CONN_GREETED);
	say_clear(peer, "T\n");
	hear_clear(peer, "hello\nbegin\n");
	nap(10);
	on_loop(r, &e, stop_all);
	expect_hang_up(peer);
	expect_closed(r, HANDSHAKE_MS / 2);
}

static void a_stop_behind_tls_is_said_as_in_clear(void **state)
{
	struct rig *r = *state;
	struct errand e = { .stop = STOP_SHUTDOWN };
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	hear(ssl, "hello\n");
	on_loop(r, &e, stop_all);
	hear(ssl, "stop shutdown\n");
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
}

static void idleness_behind_tls_is_counted_by_the_session(void **state)
{
	struct rig *r = *state;
	r->idle_ms = 150;
	int peer = dial_in(r, CONN_TLS);
	int64_t begin = clock_ms();
	SSL *ssl = secure(r, peer);
	hear(ssl, "hello\nstop idle\n");
	assert_in_range(clock_ms() - begin, 130, 800);
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
}

/* 40 pieces of 8 KiB, and a line of mine in between, however slowly they are read. */
static void hear_pieces(SSL *ssl)
{
	char piece[SCRIPTED_PIECE];
	size_t left = (size_t)SCRIPTED_PIECES * SCRIPTED_PIECE;
	while (left > 0) {
		int n = SSL_read(ssl, piece, left < sizeof piece ? (int)left : (int)sizeof piece);
		assert_true(n > 0);
		left -= (size_t)n;
	}
}

static void who_ends_his_sending_side_gets_all_replies(SSL *ssl, int peer)
{
	hear(ssl, "hello\n");
	say(ssl, "m\nw\nm\nlast\n");
	if (peer < 0)
		assert_true(SSL_shutdown(ssl) >= 0);
	else
		shutdown(peer, SHUT_WR);
	nap(50); /* the socket is full by now */
	hear_pieces(ssl);
	hear(ssl, "resumed\n");
	hear_pieces(ssl);
	hear(ssl, "[last]lf\n");
}

static void who_says_close_notify_gets_all_replies(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	who_ends_his_sending_side_gets_all_replies(ssl, -1);
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
	assert_false(r->gone);
}

static void who_shuts_down_without_close_notify_does_too(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	who_ends_his_sending_side_gets_all_replies(ssl, peer);
	hear_end(ssl);
	leave(ssl, peer);
	expect_closed(r, 500);
	assert_false(r->gone);
}

static void a_record_that_is_none_breaks_the_session_off(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	hear(ssl, "hello\n");
	say_clear(peer, "one in clear\r\n");
	expect_closed(r, 500);
	assert_true(r->gone);
	leave(ssl, peer);
}

static void a_reset_while_the_session_waits_ends_it_after_its_answer(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	say(ssl, "w\nw\n");
	nap(5);
	SSL_free(ssl);
	reset(peer);
	expect_closed(r, 1000);
	assert_true(r->gone);
}

static void many_updates_of_the_key_are_answered(void **state)
{
	struct rig *r = *state;
	int peer = dial_in(r, CONN_TLS);
	SSL *ssl = secure(r, peer);
	hear(ssl, "hello\n");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		say(ssl, "one\n");
		hear(ssl, "[one]lf\n");
	}
	leave(ssl, peer);
	expect_closed(r, 500);
}

static void without_a_certificate_nobody_gets_tls(void **state)
{
	struct rig *r = *state;
	r->set.tls_session = NULL;
	int peer = dial_in(r, CONN_TLS);
	expect_hang_up(peer);
	expect_closed(r, 500);
}

#define OVER_A_SOCKET(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_A_SOCKET(where_tls_comes_first_nothing_is_said_before_it),
		OVER_A_SOCKET(a_session_goes_on_behind_tls),
		OVER_A_SOCKET(what_was_slipped_in_behind_the_command_is_never_heard),
		OVER_A_SOCKET(clear_text_in_place_of_a_handshake_ends_it),
		OVER_A_SOCKET(garbage_on_the_tls_port_is_hung_up_on),
		OVER_A_SOCKET(a_handshake_has_one_limit_in_all),
		OVER_A_SOCKET(who_asks_for_tls_and_is_silent_is_hung_up_on),
		OVER_A_SOCKET(the_handshakes_limit_ends_with_it),
		OVER_A_SOCKET(a_peer_that_is_gone_in_the_handshake_is_forgotten),
		OVER_A_SOCKET(who_asks_for_tls_and_leaves_is_forgotten),
		OVER_A_SOCKET(who_leaves_with_the_command_itself_is_forgotten),
		OVER_A_SOCKET(any_stop_ends_a_handshake_at_once),
		OVER_A_SOCKET(a_stop_behind_tls_is_said_as_in_clear),
		OVER_A_SOCKET(idleness_behind_tls_is_counted_by_the_session),
		OVER_A_SOCKET(who_says_close_notify_gets_all_replies),
		OVER_A_SOCKET(who_shuts_down_without_close_notify_does_too),
		OVER_A_SOCKET(a_record_that_is_none_breaks_the_session_off),
		OVER_A_SOCKET(a_reset_while_the_session_waits_ends_it_after_its_answer),
		OVER_A_SOCKET(many_updates_of_the_key_are_answered),
		OVER_A_SOCKET(without_a_certificate_nobody_gets_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
