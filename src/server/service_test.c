/*
 * service: a process that serves, is told to end, and ends in order. Each test runs one in a child process.
 */
#include "server/service.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/session.h"

enum { CROWD = 3, JOB_MS = 300, GRACE_MS = 400 };

/* A session that echoes lines. "mail" begins one, which "." ends; "job" waits for one; "quit" closes. */
struct tiny {
	struct session base;
	struct job job;
	bool in_mail;
	bool stopped;
};

static struct site site;

static void take_a_while(struct job *job)
{
	(void)job;
	nanosleep(&(struct timespec){ .tv_nsec = JOB_MS * 1000000L }, NULL);
}

static void job_done(struct job *job)
{
	session_wake(&((struct tiny *)((char *)job - offsetof(struct tiny, job)))->base);
}

static enum session_next start(struct session *s)
{
	buf_append_text(s->out, "hello\n");
	return NEXT_LINE;
}

static enum session_next line(struct session *s, const struct line *line)
{
	struct tiny *t = (struct tiny *)s;
	if (slice_equal_text(line->text, "job")) {
		jobs_run(site.jobs, &t->job);
		return NEXT_WAIT;
	}
	if (slice_equal_text(line->text, "mail"))
		t->in_mail = true;
	if (slice_equal_text(line->text, "."))
		t->in_mail = false;
	buf_append_slice(s->out, line->text);
	buf_append_char(s->out, '\n');
	return slice_equal_text(line->text, "quit") || (t->stopped && !t->in_mail) ? NEXT_CLOSE : NEXT_LINE;
}

static enum session_next resume(struct session *s)
{
	buf_append_text(s->out, "done\n");
	return NEXT_LINE;
}

static enum session_next stop(struct session *s, enum session_stop why)
{
	static const char *const names[] = { "idle\n", "crowded\n", "many\n", "often\n", "shutdown\n", "now\n" };
	struct tiny *t = (struct tiny *)s;
	t->stopped = true;
	if (why == STOP_SHUTDOWN && t->in_mail)
		return NEXT_LINE;
	buf_append_text(s->out, names[why]);
	return NEXT_CLOSE;
}

static void tiny_free(struct session *s)
{
	free(s);
}

static const struct session_ops ops = {
	.protocol = "tiny",
	.line_max = 512,
	.idle_ms = 60 * 1000,
	.start = start,
	.line = line,
	.resume = resume,
	.stop = stop,
	.free = tiny_free,
};

static struct session *tiny_new(struct site *of, struct loop *loop, const struct peer *peer)
{
	struct tiny *t = calloc(1, sizeof *t);
	(void)of;
	if (!t || strcmp(peer->address, "127.0.0.1") != 0)
		abort();
	t->base.ops = &ops;
	t->job = (struct job){ .work = take_a_while, .done = job_done, .home = loop };
	return &t->base;
}

/* At another listener there is another kind of session. */
static enum session_next loud_start(struct session *s)
{
	buf_append_text(s->out, "HELLO\n");
	return NEXT_LINE;
}

static const struct session_ops loud_ops = {
	.protocol = "loud",
	.line_max = 512,
	.idle_ms = 60 * 1000,
	.start = loud_start,
	.line = line,
	.resume = resume,
	.stop = stop,
	.free = tiny_free,
};

static struct session *loud_new(struct site *of, struct loop *loop, const struct peer *peer)
{
	struct session *s = tiny_new(of, loop, peer);
	s->ops = &loud_ops;
	return s;
}

/* A letter for each. */
static void note_news(void *owner, const struct service *s, enum service_news news)
{
	static const char names[] = "RrdE";
	char *letters = owner;
	(void)s;
	strncat(letters, &names[news], 1);
}

static int serve(void)
{
	char letters[4] = "";
	struct service_config config = {
		.listeners = { { .address = "127.0.0.1", .session_new = tiny_new },
		               { .address = "127.0.0.1", .session_new = loud_new } },
		.listeners_count = 2,
		.news = note_news,
		.owner = letters,
		.workers = 2,
		.limits = { .in_all = CROWD },
		.grace_ms = GRACE_MS,
	};
	struct fault why;
	site.jobs = jobs_new(4, &why);
	struct service *s = service_open(&config, &why);
	if (!s || !service_run(s, &site, &why) || strcmp(letters, "RE") != 0)
		return 1;
	service_free(s);
	jobs_free(site.jobs);
	return 0;
}

struct server {
	pid_t pid;
	unsigned port;
	unsigned loud_port;
};

static struct server serve_in_child(void)
{
	struct server server;
	char text[128] = { 0 };
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	server.pid = fork();
	if (server.pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		exit(serve());
	}
	close(ends[1]);
	size_t len = 0;
	while (len == 0 || strchr(text, '\n') == text + len - 1) { /* two lines */
		ssize_t n = read(ends[0], text + len, sizeof text - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	close(ends[0]);
	assert_int_equal(sscanf(text, "listening on 127.0.0.1 port %u\nlistening on 127.0.0.1 port %u\n", &server.port,
	                        &server.loud_port),
	                 2);
	assert_int_equal(text[strlen(text) - 1], '\n');
	return server;
}

static void expect_end(struct server server)
{
	int status;
	assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int dial_in(struct server server)
{
	struct fault why;
	int fd = dial("127.0.0.1", server.port, 2000, &why);
	assert_true(fd >= 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads exactly this; "" stands for the end of the stream. */
static void hear(int fd, const char *expected)
{
	char text[256] = { 0 };
	size_t n = 0;
	size_t want = strlen(expected);
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&p, 1, 5000), 1);
		ssize_t got = recv(fd, text + n, want > 0 ? want - n : 1, 0);
		assert_true(want > 0 ? got > 0 : got == 0);
		n += (size_t)got;
	} while (n < want);
	assert_string_equal(text, expected);
}

static void hear_end(int fd)
{
	hear(fd, "");
	close(fd);
}

static void many_are_served_until_the_signal(void **state)
{
	struct server server = serve_in_child();
	int fds[CROWD];
	(void)state;
	for (int i = 0; i < CROWD; i++)
		fds[i] = dial_in(server);
	for (int i = CROWD - 1; i >= 0; i--) {
		say(fds[i], "one\n");
		hear(fds[i], "hello\none\n");
	}
	int64_t begin = clock_ms();
	kill(server.pid, SIGTERM);
	for (int i = 0; i < CROWD; i++) {
		hear(fds[i], "shutdown\n");
		hear_end(fds[i]);
	}
	expect_end(server);
	assert_true(clock_ms() - begin < GRACE_MS); /* sooner, when all are gone */
}

static void one_too_many_is_told_so_and_may_come_later(void **state)
{
	struct server server = serve_in_child();
	int fds[CROWD];
	(void)state;
	for (int i = 0; i < CROWD; i++) {
		fds[i] = dial_in(server);
		hear(fds[i], "hello\n");
	}
	int late = dial_in(server);
	hear(late, "crowded\n");
	hear_end(late);
	say(fds[0], "quit\n");
	hear(fds[0], "quit\n");
	hear_end(fds[0]);
	nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000L }, NULL);
	late = dial_in(server);
	hear(late, "hello\n");
	close(late);
	close(fds[1]);
	close(fds[2]);
	kill(server.pid, SIGINT);
	expect_end(server);
}

static void a_mail_under_way_has_a_while_to_finish(void **state)
{
	struct server server = serve_in_child();
	int quick = dial_in(server);
	int slow = dial_in(server);
	(void)state;
	hear(quick, "hello\n");
	hear(slow, "hello\n");
	say(quick, "mail\n");
	say(slow, "mail\n");
	hear(quick, "mail\n");
	hear(slow, "mail\n");
	int64_t begin = clock_ms();
	kill(server.pid, SIGTERM);
	nanosleep(&(struct timespec){ .tv_nsec = GRACE_MS / 4 * 1000000L }, NULL);
	kill(server.pid, SIGTERM); /* hurries nothing */
	say(quick, ".\n");
	hear(quick, ".\n");
	hear_end(quick);
	hear(slow, "now\n");
	assert_in_range(clock_ms() - begin, GRACE_MS - 20, GRACE_MS + 1000);
	hear_end(slow);
	expect_end(server);
}

static void work_under_way_is_waited_for(void **state)
{
	struct server server = serve_in_child();
	int stays = dial_in(server);
	int leaves = dial_in(server);
	struct linger hard = { .l_onoff = 1 };
	(void)state;
	say(stays, "job\n");
	say(leaves, "job\n");
	hear(stays, "hello\n");
	hear(leaves, "hello\n");
	nanosleep(&(struct timespec){ .tv_nsec = JOB_MS / 6 * 1000000L }, NULL);
	setsockopt(leaves, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	close(leaves);
	kill(server.pid, SIGTERM);
	hear(stays, "done\nshutdown\n");
	hear_end(stays);
	expect_end(server);
}

static void each_listener_has_its_kind_of_session_and_the_limits_are_common(void **state)
{
	struct server server = serve_in_child();
	struct server loud = { .port = server.loud_port };
	int fds[CROWD];
	(void)state;
	for (int i = 0; i < CROWD; i++) {
		fds[i] = dial_in(i % 2 ? loud : server);
		hear(fds[i], i % 2 ? "HELLO\n" : "hello\n");
	}
	int late = dial_in(loud);
	hear(late, "crowded\n");
	hear_end(late);
	kill(server.pid, SIGTERM);
	for (int i = 0; i < CROWD; i++) {
		hear(fds[i], "shutdown\n");
		hear_end(fds[i]);
	}
	expect_end(server);
}

static void a_port_in_use_is_no_beginning(void **state)
{
	struct listener l;
	struct fault why;
	(void)state;
	assert_true(listener_open(&l, "127.0.0.1", 0, &why));
	struct service_config config = {
		.listeners = { { .address = "127.0.0.1", .port = l.port, .session_new = tiny_new } },
		.listeners_count = 1,
	};
	assert_null(service_open(&config, &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	listener_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_served_until_the_signal),
		cmocka_unit_test(one_too_many_is_told_so_and_may_come_later),
		cmocka_unit_test(a_mail_under_way_has_a_while_to_finish),
		cmocka_unit_test(work_under_way_is_waited_for),
		cmocka_unit_test(each_listener_has_its_kind_of_session_and_the_limits_are_common),
		cmocka_unit_test(a_port_in_use_is_no_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
