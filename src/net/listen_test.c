/*
 * listen: what binds, what does not and what is said then, and how connections come in.
 */
#include "net/listen.h"

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/dial.h"

static struct fault why;

static void port_0_picks_one_and_tells_it(void **state)
{
	struct listener l;
	(void)state;
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	assert_in_range(l.port, 1, 65535);
	assert_string_equal(l.address, "127.0.0.1");
	assert_true(fcntl(l.fd, F_GETFD) & FD_CLOEXEC);
	listener_close(&l);
	assert_int_equal(l.fd, -1);
}

static void a_port_in_use_says_what_to_do(void **state)
{
	struct listener first;
	struct listener second;
	char text[128];
	(void)state;
	assert_true(listener_open(&first, "127.0.0.1", 0, &why));
	snprintf(text, sizeof text, "port %u is in use by another program: stop it, or give another port", first.port);
	assert_false(listener_open(&second, "127.0.0.1", first.port, &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	assert_string_equal(why.text, text);
	/* The same where one of the two is bound to all addresses. */
	assert_false(listener_open(&second, NULL, first.port, &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	listener_close(&first);
	listener_close(&second);
}

static void a_port_can_be_taken_again_at_once(void **state)
{
	struct listener l;
	(void)state;
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	unsigned port = l.port;
	int peer = dial("127.0.0.1", port, 1000, &why);
	int fd = accept(l.fd, NULL, NULL);
	close(fd); /* first: TIME_WAIT is on our side */
	close(peer);
	listener_close(&l);
	assert_true(listener_open(&l, "127.0.0.1", port, &why));
	listener_close(&l);
}

static int option(int fd, int level, int what)
{
	int value = -1;
	assert_int_equal(getsockopt(fd, level, what, &value, &(socklen_t){ sizeof value }), 0);
	return value;
}

/* Set on the listening socket alone: that they are inherited is what spares each connection the calls. */
static void a_connection_inherits_what_finds_out_a_dead_peer(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", NULL };
	struct listener l;
	(void)state;
	for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		assert_true(listener_open(&l, addresses[i], 0, &why));
		int peer = dial("127.0.0.1", l.port, 1000, &why);
		int fd = accept(l.fd, NULL, NULL);
		assert_true(peer >= 0 && fd >= 0);
		assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
		int silence = option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
		              option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT);
		assert_int_equal(silence, 120);
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
		                 0); /* who reads nothing for a while is not dead */
		assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
		close(fd);
		close(peer);
		listener_close(&l);
	}
}

static void bad_addresses_and_ports_are_refused_for_good(void **state)
{
	static const char *const bad[] = { "localhost", "127.0.0.1.5", "", "192.0.2.1", "2001:db8::1" };
	struct listener l;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(listener_open(&l, bad[i], 0, &why));
		assert_int_equal(why.kind, FAULT_PERMANENT);
		assert_int_equal(l.fd, -1);
	}
	assert_false(listener_open(&l, NULL, 65536, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
}

/* Accepts `wanted` connections, then ends the loop. */
struct catcher {
	struct loop *loop;
	int wanted;
	int fds[8];
	char peer[64];
	int count;
};

static void on_accepted(void *owner, int fd, const char *peer)
{
	struct catcher *c = owner;
	snprintf(c->peer, sizeof c->peer, "%s", peer);
	c->fds[c->count++] = fd;
	if (c->count == c->wanted)
		loop_stop(c->loop);
}

static void check_peer(const char *to, const char *shown)
{
	struct listener l;
	struct catcher c = { .loop = loop_new(&why), .wanted = 1 };
	assert_true(listener_open(&l, NULL, 0, &why));
	struct accept_watch *w = accept_watch_new(c.loop, &l, on_accepted, &c);
	int peer = dial(to, l.port, 2000, &why);
	if (peer < 0 && strchr(to, ':')) { /* a machine without IPv6 */
		loop_stop(c.loop);
	} else {
		assert_true(peer >= 0);
		loop_run(c.loop);
		assert_string_equal(c.peer, shown);
		assert_true(fcntl(c.fds[0], F_GETFD) & FD_CLOEXEC);
		assert_true(fcntl(c.fds[0], F_GETFL) & O_NONBLOCK);
		close(c.fds[0]);
		close(peer);
	}
	accept_watch_free(w);
	listener_close(&l);
	loop_free(c.loop);
}

static void one_socket_takes_both_families_and_shows_ipv4_as_ipv4(void **state)
{
	(void)state;
	check_peer("127.0.0.1", "127.0.0.1");
	check_peer("::1", "::1");
}

/* -1: refused. */
static int dial_local(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static void a_path_is_a_socket_of_this_machine(void **state)
{
	char dir[] = "/tmp/listen-XXXXXX", path[64];
	struct listener l, second;
	struct stat st;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/lmtp", dir);
	assert_true(listener_open(&l, path, 0, &why));
	assert_string_equal(l.address, path);
	assert_int_equal(l.port, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_false(listener_open(&second, path, 0, &why));
	assert_int_equal(why.kind, FAULT_BUSY);

	struct catcher c = { .loop = loop_new(&why), .wanted = 1 };
	struct accept_watch *w = accept_watch_new(c.loop, &l, on_accepted, &c);
	int peer = dial_local(path);
	assert_true(peer >= 0);
	loop_run(c.loop);
	assert_string_equal(c.peer, LISTEN_UNIX_PEER);
	close(c.fds[0]);
	close(peer);
	accept_watch_free(w);
	loop_free(c.loop);

	/* What is left of a server that was killed is in nobody's way … */
	listener_close(&l);
	assert_int_equal(dial_local(path), -1);
	assert_true(listener_open(&l, path, 0, &why));
	listener_close(&l);
	/* … and a file that is no socket stays. */
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_false(listener_open(&l, path, 0, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	rmdir(dir);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	char path[2 * LISTEN_ADDRESS_MAX];
	struct listener l;
	(void)state;
	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[LISTEN_ADDRESS_MAX] = '\0';
	assert_false(listener_open(&l, path, 0, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
}

static void a_socket_that_was_given_is_taken_as_it_is(void **state)
{
	struct listener l, given;
	(void)state;
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	int fd = dup(l.fd);
	fcntl(fd, F_SETFL, 0);
	assert_true(listener_adopt(&given, fd, &why));
	assert_int_equal(given.port, l.port);
	assert_string_equal(given.address, "127.0.0.1");
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	listener_close(&given);
	listener_close(&l);
}

static void what_does_not_listen_is_not_taken(void **state)
{
	struct listener l;
	int idle = socket(AF_INET, SOCK_STREAM, 0);
	(void)state;
	assert_false(listener_adopt(&l, idle, &why));
	assert_int_equal(why.kind, FAULT_PERMANENT);
	assert_false(listener_adopt(&l, 999, &why));
	assert_false(listener_adopt(&l, STDIN_FILENO, &why));
	close(idle);
}

struct release {
	struct event *timer;
	int fd;
};

static void give_back(evutil_socket_t fd, short what, void *arg)
{
	struct release *r = arg;
	(void)fd;
	(void)what;
	close(r->fd);
}

static void accepting_goes_on_when_descriptors_are_there_again(void **state)
{
	struct listener l;
	struct rlimit limit;
	struct catcher c = { .loop = loop_new(&why), .wanted = 1 };
	struct timeval moment = { .tv_usec = 30 * 1000 };
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	struct accept_watch *w = accept_watch_new(c.loop, &l, on_accepted, &c);
	int peer = dial("127.0.0.1", l.port, 2000, &why);
	struct release r = { .fd = dup(0) };
	r.timer = evtimer_new(loop_base(c.loop), give_back, &r);
	event_add(r.timer, &moment);
	getrlimit(RLIMIT_NOFILE, &limit);
	struct rlimit tight = { .rlim_cur = (rlim_t)r.fd + 1, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &tight);
	loop_run(c.loop);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(c.count, 1);
	close(c.fds[0]);
	close(peer);
	event_free(r.timer);
	accept_watch_free(w);
	listener_close(&l);
	loop_free(c.loop);
	log_set_level(LOG_LEVEL_WARNING);
}

static void dialling_tells_why_it_failed(void **state)
{
	struct listener l;
	(void)state;
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	unsigned port = l.port;
	int fd = dial("localhost", port, 2000, &why);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	listener_close(&l);
	assert_int_equal(dial("127.0.0.1", port, 2000, &why), -1);
	assert_non_null(strstr(why.text, "cannot connect to 127.0.0.1 port "));
	assert_non_null(strstr(why.text, "Connection refused"));
	assert_int_equal(dial("999.1.1.1", port, 2000, &why), -1);
	assert_non_null(strstr(why.text, "cannot find the server 999.1.1.1"));
}

static void dialling_a_silent_address_ends_in_time(void **state)
{
	struct listener l;
	int peers[16];
	int refused = 0;
	int64_t begin = clock_ms();
	(void)state;
	/* A listener whose queue is full answers no more. */
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	listen(l.fd, 0);
	for (int i = 0; i < 16; i++) {
		peers[i] = refused ? -1 : dial("127.0.0.1", l.port, 150, &why);
		refused += peers[i] < 0;
	}
	assert_true(refused > 0);
	assert_non_null(strstr(why.text, "timed out"));
	assert_true(clock_ms() - begin < 1000);
	for (int i = 0; i < 16; i++) {
		if (peers[i] >= 0)
			close(peers[i]);
	}
	listener_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_0_picks_one_and_tells_it),
		cmocka_unit_test(a_port_in_use_says_what_to_do),
		cmocka_unit_test(a_port_can_be_taken_again_at_once),
		cmocka_unit_test(a_connection_inherits_what_finds_out_a_dead_peer),
		cmocka_unit_test(bad_addresses_and_ports_are_refused_for_good),
		cmocka_unit_test(one_socket_takes_both_families_and_shows_ipv4_as_ipv4),
		cmocka_unit_test(a_path_is_a_socket_of_this_machine),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(a_socket_that_was_given_is_taken_as_it_is),
		cmocka_unit_test(what_does_not_listen_is_not_taken),
		cmocka_unit_test(accepting_goes_on_when_descriptors_are_there_again),
		cmocka_unit_test(dialling_tells_why_it_failed),
		cmocka_unit_test(dialling_a_silent_address_ends_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
