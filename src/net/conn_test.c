/*
 * conn: what peers of every kind get over a real socket: those that leave early, read slowly, say nothing, or too much.
 *
 * The loop runs on a thread of its own; the test is the peer.
 */
#include "net/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "net/listen.h"
#include "net/scripted_suite.h"

/* What a test asks of the loop's thread. */
struct errand {
	struct task task;
	void (*run)(struct errand *);
	struct rig *rig;
	int fd;
	struct scripted *session;
	enum conn_start start;
	enum session_stop stop;
	size_t answer;
	sem_t over;
};

struct rig {
	struct loop *loop;
	struct jobs *jobs;
	struct conn_set set;
	struct listener listener;
	pthread_t thread;
	atomic_int closed;
	int freed;
	bool gone;
	int64_t idle_ms;
};

static void nap(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
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
	if (!r || !(r->loop = loop_new(&why)) || !(r->jobs = jobs_new(4, &why)) ||
	    !conn_set_init(&r->set, r->loop, &why) || !listener_open(&r->listener, "127.0.0.1", 0, &why))
		return -1;
	r->set.closed = on_closed;
	r->set.owner = r;
	r->idle_ms = 60 * 1000;
	*state = r;
	return pthread_create(&r->thread, NULL, run_loop, r);
}

static void run_errand(struct task *t)
{
	struct errand *e = (struct errand *)t;
	e->run(e);
	sem_post(&e->over);
}

static size_t on_loop(struct rig *r, struct errand *e, void (*run)(struct errand *))
{
	e->task.run = run_errand;
	e->run = run;
	e->rig = r;
	sem_init(&e->over, 0, 0);
	loop_post(r->loop, &e->task);
	sem_wait(&e->over);
	sem_destroy(&e->over);
	return e->answer;
}

static void open_one(struct errand *e)
{
	const struct arrival arrival = {
		.fd = e->fd, .session = &e->session->base, .start = e->start, .refusal = e->stop, .visit = e->rig
	};
	assert_true(conn_open(&e->rig->set, &arrival));
}

static void stop_all(struct errand *e)
{
	conn_set_stop(&e->rig->set, e->stop);
}

static void count_calls(struct errand *e)
{
	e->answer = (size_t)e->session->calls;
}

static void measure_output(struct errand *e)
{
	e->answer = e->session->base.out->cap;
}

static void count_connections(struct errand *e)
{
	e->answer = e->rig->set.count;
}

static int teardown(void **state)
{
	struct rig *r = *state;
	struct errand e = { .stop = STOP_NOW };
	on_loop(r, &e, stop_all); /* what a failed test has left */
	for (int i = 0; i < 200 && on_loop(r, &e, count_connections) > 0; i++)
		nap(10);
	loop_stop(r->loop);
	pthread_join(r->thread, NULL);
	jobs_free(r->jobs);
	conn_set_release(&r->set);
	listener_close(&r->listener);
	loop_free(r->loop);
	free(r);
	return 0;
}

/* A connection over the loopback; the peer's end. */
static int dial_in(struct rig *r, struct errand *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)r->listener.port) };
	struct timeval patience = { .tv_sec = 10 };
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	e->fd = accept4(r->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(e->fd >= 0);
	e->session = scripted_new(&r->freed);
	e->session->ops.idle_ms = r->idle_ms;
	e->session->jobs = r->jobs;
	e->session->loop = r->loop;
	e->session->gone = &r->gone;
	on_loop(r, e, open_one);
	return peer;
}

static void say(int peer, const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads to the end of the stream; the octets, NUL-terminated. A reset is a failure. */
static char *hear_all(int peer, size_t *n)
{
	size_t room = 1 << 16;
	char *text = malloc(room);
	*n = 0;
	for (;;) {
		if (room - *n < 4096) {
			char *more = realloc(text, room *= 2);
			assert_non_null(more);
			text = more;
		}
		ssize_t got = recv(peer, text + *n, room - *n - 1, 0);
		assert_true(got >= 0);
		if (got == 0)
			break;
		*n += (size_t)got;
	}
	text[*n] = '\0';
	return text;
}

static void expect_all(int peer, const char *expected)
{
	size_t n;
	char *text = hear_all(peer, &n);
	assert_string_equal(text, expected);
	free(text);
}

/* Waits for the connection's end, which must come soon. */
static void expect_closed(struct rig *r, int count, int64_t within_ms)
{
	int64_t until = clock_ms() + within_ms;
	while (atomic_load(&r->closed) < count && clock_ms() < until)
		nap(5);
	assert_int_equal(atomic_load(&r->closed), count);
	assert_int_equal(r->freed, count);
}

static void a_dialogue_is_answered_and_closed(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	say(peer, "one\r\ntw");
	nap(20);
	say(peer, "o\r\nq\r\n");
	expect_all(peer, "hello\n[one]\n[two]\nbye\n");
	close(peer);
	expect_closed(r, 1, 500);
	assert_false(r->gone);
}

static void who_shuts_down_his_sending_side_gets_all_replies(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	size_t n;
	int peer = dial_in(r, &e);
	say(peer, "w\none\nm\ns\ntwo\nw\n");
	shutdown(peer, SHUT_WR);
	char *text = hear_all(peer, &n);
	size_t pieces = SCRIPTED_PIECES * SCRIPTED_PIECE;
	const char *before = "hello\nresumed\n[one]lf\n";
	const char *after = "resumed\n[two]lf\nresumed\n";
	assert_int_equal(n, strlen(before) + pieces + strlen(after));
	assert_memory_equal(text, before, strlen(before));
	assert_string_equal(text + strlen(before) + pieces, after);
	free(text);
	close(peer);
	expect_closed(r, 1, 500);
	assert_false(r->gone);
}

static void a_half_line_at_the_end_is_no_line(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	say(peer, "one\ntwo");
	shutdown(peer, SHUT_WR);
	expect_all(peer, "hello\n[one]lf\n");
	close(peer);
	expect_closed(r, 1, 500);
}

static void reset(int peer)
{
	struct linger hard = { .l_onoff = 1 };
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(peer);
}

static void a_reset_while_the_session_waits_ends_it_after_its_answer(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	say(peer, "w\nw\nw\nnever\n");
	nap(5);
	reset(peer);
	expect_closed(r, 1, 1000);
	assert_true(r->gone);
}

static void a_reset_of_an_idle_peer_ends_the_session_at_once(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	nap(10);
	reset(peer);
	expect_closed(r, 1, 500);
	assert_true(r->gone);
}

static void a_peer_that_does_not_read_is_not_read_from(void **state)
{
	enum { TIMES = 60 };
	struct rig *r = *state;
	struct errand e = { 0 };
	size_t n;
	int peer = dial_in(r, &e);
	for (int i = 0; i < TIMES; i++)
		say(peer, "m\n");
	nap(100);
	size_t calls = on_loop(r, &e, count_calls);
	assert_true(calls < TIMES * SCRIPTED_PIECES);
	assert_true(on_loop(r, &e, measure_output) <= 2 * SESSION_OUT_MARK);
	nap(50);
	assert_int_equal(on_loop(r, &e, count_calls), calls);
	say(peer, "q\n");
	char *text = hear_all(peer, &n);
	assert_int_equal(n, strlen("hello\nbye\n") + (size_t)TIMES * SCRIPTED_PIECES * SCRIPTED_PIECE);
	free(text);
	close(peer);
	expect_closed(r, 1, 500);
}

static void count_kept(struct errand *e)
{
	e->answer = ((struct pump *)e->session->base.driver)->in.len;
}

static void wake(struct errand *e)
{
	session_wake(&e->session->base);
}

/* Sends until nobody takes any more; the octets. */
static size_t flood(int peer, const char *text, size_t n)
{
	size_t sent = 0;
	for (int misses = 0; misses < 10;) {
		ssize_t got = send(peer, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		assert_true(got > 0 || errno == EAGAIN);
		sent += got > 0 ? (size_t)got : 0;
		if (got < (ssize_t)n) {
			misses++;
			nap(10);
		}
	}
	return sent;
}

static void what_comes_while_the_session_waits_stays_in_the_socket(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	char lines[8192];
	size_t n;
	int peer = dial_in(r, &e);
	memset(lines, '\n', sizeof lines);
	e.session->jobs = NULL;
	say(peer, "w\n");
	size_t sent = flood(peer, lines, sizeof lines);
	assert_true(sent > 2 * PUMP_INPUT_MAX);
	assert_true(on_loop(r, &e, count_kept) <= PUMP_INPUT_MAX);
	on_loop(r, &e, wake);
	shutdown(peer, SHUT_WR);
	char *text = hear_all(peer, &n);
	assert_int_equal(n, strlen("hello\nresumed\n") + sent * strlen("[]lf\n"));
	free(text);
	close(peer);
	expect_closed(r, 1, 500);
}

static void a_silent_peer_is_told_and_closed(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	r->idle_ms = 150;
	int64_t begin = clock_ms();
	int peer = dial_in(r, &e);
	nap(80);
	say(peer, "one\n"); /* the limit begins anew */
	expect_all(peer, "hello\n[one]lf\nstop idle\n");
	assert_in_range(clock_ms() - begin, 210, 1000);
	close(peer);
	expect_closed(r, 1, 500);
}

static void a_line_that_drips_is_idleness(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	r->idle_ms = 150;
	int64_t begin = clock_ms();
	int peer = dial_in(r, &e);
	for (int i = 0; i < 4; i++) {
		say(peer, "x"); /* the line never ends */
		nap(60);
	}
	expect_all(peer, "hello\nstop idle\n");
	assert_in_range(clock_ms() - begin, 140, 1000);
	close(peer);
	expect_closed(r, 1, 500);
}

static void waiting_for_a_job_is_not_idleness(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	r->idle_ms = 200;
	int peer = dial_in(r, &e);
	e.session->job_ms = 400;
	say(peer, "w\nkept\n");
	expect_all(peer, "hello\nresumed\n[kept]lf\nstop idle\n");
	close(peer);
	expect_closed(r, 1, 500);
}

static void a_peer_that_never_reads_ends_with_its_time(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	r->idle_ms = 100;
	int peer = dial_in(r, &e);
	for (int i = 0; i < 60; i++)
		say(peer, "m\n");
	expect_closed(r, 1, 2500);
	close(peer);
}

static void a_peer_that_is_refused_is_told_why(void **state)
{
	struct rig *r = *state;
	struct errand e = { .start = CONN_REFUSED, .stop = STOP_TOO_OFTEN };
	int peer = dial_in(r, &e);
	expect_all(peer, "stop often\n");
	close(peer);
	expect_closed(r, 1, 500);
}

static void the_last_reply_reaches_a_peer_that_is_still_sending(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	char junk[4096];
	int peer = dial_in(r, &e);
	memset(junk, 'x', sizeof junk);
	say(peer, "q\n");
	for (int i = 0; i < 100; i++) {
		assert_int_equal(send(peer, junk, sizeof junk, MSG_NOSIGNAL), sizeof junk);
		nap(1);
	}
	expect_all(peer, "hello\nbye\n");
	close(peer);
	expect_closed(r, 1, 500);
}

static void who_goes_on_sending_for_ever_is_cut_off(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	char junk[65536];
	int peer = dial_in(r, &e);
	int64_t begin = clock_ms();
	memset(junk, 'x', sizeof junk);
	say(peer, "q\n");
	while (send(peer, junk, sizeof junk, MSG_NOSIGNAL) > 0)
		;
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(clock_ms() - begin < 700);
	expect_closed(r, 1, 500);
	close(peer);
}

static void a_peer_that_never_closes_is_closed_a_moment_later(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	say(peer, "q\n");
	expect_closed(r, 1, 1500);
	close(peer);
}

static void who_has_said_goodbye_is_not_waited_for(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	say(peer, "f\n");
	expect_closed(r, 1, 500);
	expect_all(peer, "hello\nbye\n");
	close(peer);
}

static void what_comes_behind_a_goodbye_takes_no_reply_away(void **state)
{
	struct rig *r = *state;
	struct errand e = { 0 };
	int peer = dial_in(r, &e);
	say(peer, "f\nand one thing more\n");
	for (int i = 0; i < 50; i++) {
		say(peer, "and more\n");
		nap(1);
	}
	expect_all(peer, "hello\nbye\n");
	close(peer);
	expect_closed(r, 1, 500);
}

static void a_shutdown_ends_idle_sessions_and_lets_a_mail_finish(void **state)
{
	struct rig *r = *state;
	struct errand idle = { .stop = STOP_SHUTDOWN };
	struct errand mail = { 0 };
	int idle_peer = dial_in(r, &idle);
	int mail_peer = dial_in(r, &mail);
	say(mail_peer, "b\nsome");
	nap(20);
	on_loop(r, &idle, stop_all);
	expect_all(idle_peer, "hello\nstop shutdown\n");
	close(idle_peer);
	say(mail_peer, "more.\n");
	expect_all(mail_peer, "hello\nsomestop shutdown\nmoreend\n");
	close(mail_peer);
	expect_closed(r, 2, 500);
}

static void at_the_very_end_nothing_goes_on_but_waiting(void **state)
{
	struct rig *r = *state;
	struct errand mail = { .stop = STOP_NOW };
	struct errand waiting = { 0 };
	int mail_peer = dial_in(r, &mail);
	int waiting_peer = dial_in(r, &waiting);
	say(mail_peer, "b\nsome");
	nap(20);
	say(waiting_peer, "w\nlost\n");
	nap(5);
	on_loop(r, &mail, stop_all);
	expect_all(mail_peer, "hello\nsomestop now\n");
	expect_all(waiting_peer, "hello\nresumed\nstop now\n");
	close(mail_peer);
	close(waiting_peer);
	expect_closed(r, 2, 500);
}

#ifndef __has_feature /* clang's */
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
        __has_feature(thread_sanitizer)
enum { CAN_MEASURE = 0 }; /* a sanitizer's allocator tells nothing */
#else
enum { CAN_MEASURE = 1 };
#endif

static void an_idle_connection_takes_little_memory(void **state)
{
	enum { COUNT = 200, EACH = 2048 };
	struct rig *r = *state;
	struct errand e = { 0 };
	int peers[COUNT];
	if (!CAN_MEASURE)
		skip();
	peers[0] = dial_in(r, &e); /* brings the loop's tables */
	/* Sessions are made by this thread, connections by the loop's: both arenas count. */
	struct mallinfo2 before = mallinfo2();
	for (int i = 1; i < COUNT; i++) {
		peers[i] = dial_in(r, &e);
		say(peers[i], "some line\n");
	}
	nap(50);
	struct mallinfo2 after = mallinfo2();
	assert_true((after.uordblks - before.uordblks) / (COUNT - 1) < EACH);
	for (int i = 0; i < COUNT; i++)
		close(peers[i]);
	expect_closed(r, COUNT, 2000);
}

#define OVER_A_SOCKET(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_A_SOCKET(a_dialogue_is_answered_and_closed),
		OVER_A_SOCKET(who_shuts_down_his_sending_side_gets_all_replies),
		OVER_A_SOCKET(a_half_line_at_the_end_is_no_line),
		OVER_A_SOCKET(a_reset_while_the_session_waits_ends_it_after_its_answer),
		OVER_A_SOCKET(a_reset_of_an_idle_peer_ends_the_session_at_once),
		OVER_A_SOCKET(a_peer_that_does_not_read_is_not_read_from),
		OVER_A_SOCKET(what_comes_while_the_session_waits_stays_in_the_socket),
		OVER_A_SOCKET(a_silent_peer_is_told_and_closed),
		OVER_A_SOCKET(a_line_that_drips_is_idleness),
		OVER_A_SOCKET(waiting_for_a_job_is_not_idleness),
		OVER_A_SOCKET(a_peer_that_never_reads_ends_with_its_time),
		OVER_A_SOCKET(a_peer_that_is_refused_is_told_why),
		OVER_A_SOCKET(the_last_reply_reaches_a_peer_that_is_still_sending),
		OVER_A_SOCKET(who_goes_on_sending_for_ever_is_cut_off),
		OVER_A_SOCKET(a_peer_that_never_closes_is_closed_a_moment_later),
		OVER_A_SOCKET(who_has_said_goodbye_is_not_waited_for),
		OVER_A_SOCKET(what_comes_behind_a_goodbye_takes_no_reply_away),
		OVER_A_SOCKET(a_shutdown_ends_idle_sessions_and_lets_a_mail_finish),
		OVER_A_SOCKET(at_the_very_end_nothing_goes_on_but_waiting),
		OVER_A_SOCKET(an_idle_connection_takes_little_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
