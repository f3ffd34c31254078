/*
 * activation: what a supervisor gives, and what it hears.
 */
#include "server/activation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static struct activation a;
static struct fault why;

static void set_pid(long pid)
{
	char text[24];
	snprintf(text, sizeof text, "%ld", pid);
	setenv("LISTEN_PID", text, 1);
}

static void sockets_are_taken_by_their_names(void **state)
{
	(void)state;
	set_pid(getpid());
	setenv("LISTEN_FDS", "4", 1);
	setenv("LISTEN_FDNAMES", "smtp:pop3.socket:smtp:", 1);
	assert_true(activation_begin(&a, &why));
	assert_null(getenv("LISTEN_FDS"));
	assert_int_equal(activation_take(&a, "lmtp"), -1);
	assert_int_equal(activation_take(&a, "pop3"), 4);
	assert_string_equal(activation_left(&a), "smtp");
	assert_int_equal(activation_take(&a, "smtp"), 3);
	assert_int_equal(activation_take(&a, "smtp"), 5);
	assert_int_equal(activation_take(&a, "smtp"), -1);
	assert_string_equal(activation_left(&a), "");
	assert_int_equal(activation_take(&a, ""), 6);
	assert_null(activation_left(&a));
}

static void what_was_meant_for_another_process_is_passed_over(void **state)
{
	(void)state;
	set_pid(getpid() + 1L);
	setenv("LISTEN_FDS", "1", 1);
	assert_true(activation_begin(&a, &why));
	assert_int_equal(a.count, 0);
	setenv("LISTEN_FDS", "1", 1);
	unsetenv("LISTEN_PID");
	assert_true(activation_begin(&a, &why));
	assert_int_equal(a.count, 0);
}

static void a_wrong_number_is_refused(void **state)
{
	static const char *const wrong[] = { "x", "33", "-1", "" };
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		set_pid(getpid());
		setenv("LISTEN_FDS", wrong[i], 1);
		assert_false(activation_begin(&a, &why));
	}
}

static void hear(int fd, const char *begin)
{
	char text[128] = "";
	assert_true(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
	assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
}

static void a_supervisor_hears_of_each_step(const char *path, struct sockaddr_un *at, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)at, size), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	assert_true(activation_begin(&a, &why));
	assert_null(getenv("NOTIFY_SOCKET"));
	activation_ready(&a);
	hear(fd, "READY=1");
	activation_reloading(&a);
	hear(fd, "RELOADING=1\nMONOTONIC_USEC=");
	activation_stopping(&a);
	hear(fd, "STOPPING=1");
	activation_end(&a);
	close(fd);
}

static void it_is_told_at_a_path_or_an_abstract_name(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64];
	(void)state;
	snprintf(at.sun_path, sizeof at.sun_path, "/tmp/notify-%d", getpid());
	a_supervisor_hears_of_each_step(at.sun_path, &at, sizeof at);
	unlink(at.sun_path);
	snprintf(name, sizeof name, "@notify-%d", getpid());
	memcpy(at.sun_path, name, sizeof name);
	at.sun_path[0] = '\0';
	a_supervisor_hears_of_each_step(name, &at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)));
}

static void without_a_supervisor_nothing_happens(void **state)
{
	static const char *const nobody[] = { NULL, "", "/", "relative", "/tmp/there-is-no-such-socket" };
	(void)state;
	for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
		if (nobody[i])
			setenv("NOTIFY_SOCKET", nobody[i], 1);
		assert_true(activation_begin(&a, &why));
		assert_int_equal(a.notify, -1);
		activation_ready(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_taken_by_their_names),
		cmocka_unit_test(what_was_meant_for_another_process_is_passed_over),
		cmocka_unit_test(a_wrong_number_is_refused),
		cmocka_unit_test(it_is_told_at_a_path_or_an_abstract_name),
		cmocka_unit_test(without_a_supervisor_nothing_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
