/*
 * A talk over a connection whose other side is slow.
 */
#include "client/link.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { LIMIT_MS = 1000, PAUSE_MS = 50 };

/* A server that says the same over and over, a piece every PAUSE_MS. */
struct dripper {
	int fd;
	const char *text;
	size_t piece;
	int pieces;
};

static void *drip(void *arg)
{
	const struct dripper *d = arg;
	size_t len = strlen(d->text);

	for (int i = 0; i < d->pieces; i++) {
		if (send(d->fd, d->text + (size_t)i * d->piece % len, d->piece, MSG_NOSIGNAL) <= 0)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	}
	return NULL;
}

static void take_reply(struct talk *t)
{
	(void)t;
}

/* Whether `replies` came from that server; how long it took. */
static bool hears(struct dripper *d, size_t replies, struct fault *why, int64_t *took)
{
	static const struct talk_role role = { .reply = take_reply };
	struct link l;
	struct talk t;
	pthread_t thread;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	d->fd = ends[0];
	link_init(&l);
	l.stream.fd = ends[1];
	talk_init(&t, TALK_SMTP, &role, &l.feed);
	t.limit_ms = LIMIT_MS;
	for (size_t i = 0; i < replies; i++)
		talk_expect(&t);
	*took = clock_ms();
	assert_int_equal(pthread_create(&thread, NULL, drip, d), 0);
	bool ok = link_run(&l, &t, why);
	*took = clock_ms() - *took;
	talk_release(&t);
	link_close(&l);
	pthread_join(thread, NULL);
	close(ends[0]);
	return ok;
}

static void an_octet_now_and_then_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	struct dripper d = { .text = "2", .piece = 1, .pieces = 100 };
	struct fault why;
	int64_t took;

	assert_false(hears(&d, 1, &why, &took));
	assert_non_null(strstr(why.text, "the server is too slow"));
	assert_int_equal(why.kind, FAULT_TEMPORARY);
	assert_in_range(took, LIMIT_MS, 4 * LIMIT_MS);
}

static void a_reply_that_comes_at_the_least_rate_is_heard_to_its_end(void **state)
{
	(void)state;
	struct dripper d = { .text = "250-2345678901234567\r\n", .piece = 22, .pieces = 40 }; /* 440 octets a second */
	struct fault why;
	int64_t took;

	assert_false(hears(&d, 1, &why, &took)); /* the last line is missing */
	assert_non_null(strstr(why.text, "did not answer"));
	assert_in_range(took, 40 * PAUSE_MS, 60 * 1000);
}

static void a_server_that_takes_its_time_for_each_reply_is_not_slow(void **state)
{
	(void)state;
	struct dripper d = { .text = "250\r\n", .piece = 1, .pieces = 50 };
	struct fault why;
	int64_t took;

	assert_true(hears(&d, 10, &why, &took));
	assert_in_range(took, 2 * LIMIT_MS, 60 * 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_octet_now_and_then_is_not_waited_for_for_ever),
		cmocka_unit_test(a_reply_that_comes_at_the_least_rate_is_heard_to_its_end),
		cmocka_unit_test(a_server_that_takes_its_time_for_each_reply_is_not_slow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
