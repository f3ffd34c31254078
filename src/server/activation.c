/*
 * activation: a few environment variables, and one datagram socket. See activation.h.
 */
#include "server/activation.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/slice.h"

enum { FIRST_FD = 3 };

static bool read_number(const char *name, uint64_t most, uint64_t *number)
{
	const char *text = getenv(name);
	return text && slice_number(slice_str(text), most, number);
}

/* "smtp:smtps:pop3.socket" */
static void read_names(struct activation *a)
{
	const char *at = getenv("LISTEN_FDNAMES");
	struct slice rest = slice_str(at ? at : "");
	for (unsigned i = 0; i < a->count; i++) {
		static const char ending[] = ".socket";
		size_t len = slice_find(rest, ':');
		struct slice name = slice_make(rest.ptr, len);
		if (len > strlen(ending) && memcmp(rest.ptr + len - strlen(ending), ending, strlen(ending)) == 0)
			name.len -= strlen(ending);
		snprintf(a->names[i], sizeof a->names[i], "%.*s", SLICE_FMT(name));
		rest = slice_skip(rest, len + 1);
	}
}

/* Only what was meant for this very process. */
static bool read_sockets(struct activation *a, struct fault *why)
{
	uint64_t pid, count;
	if (!getenv("LISTEN_FDS"))
		return true;
	if (!read_number("LISTEN_PID", INT32_MAX, &pid) || (pid_t)pid != getpid())
		return true;
	if (!read_number("LISTEN_FDS", ACTIVATION_MAX, &count))
		return fault_set(why, FAULT_PERMANENT, "LISTEN_FDS is no number up to %d", ACTIVATION_MAX);
	a->count = (unsigned)count;
	for (unsigned i = 0; i < a->count; i++)
		a->fds[i] = FIRST_FD + (int)i;
	read_names(a);
	return true;
}

/* Connected now: once the server is confined, it cannot make sockets. A name that begins with @ is of the abstract kind (unix(7)). */
static void open_notify(struct activation *a)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	a->notify = -1;
	if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	a->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->notify < 0)
		return;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (connect(a->notify, (struct sockaddr *)&to, size) != 0)
		activation_end(a);
}

bool activation_begin(struct activation *a, struct fault *why)
{
	*a = (struct activation){ .notify = -1 };
	bool ok = read_sockets(a, why);
	open_notify(a);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("NOTIFY_SOCKET");
	return ok;
}

void activation_end(struct activation *a)
{
	if (a->notify >= 0)
		close(a->notify);
	a->notify = -1;
}

int activation_take(struct activation *a, const char *name)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (a->fds[i] >= 0 && strcmp(a->names[i], name) == 0) {
			int fd = a->fds[i];
			a->fds[i] = -1;
			return fd;
		}
	}
	return -1;
}

const char *activation_left(const struct activation *a)
{
	for (unsigned i = 0; i < a->count; i++) {
		if (a->fds[i] >= 0)
			return a->names[i];
	}
	return NULL;
}

/* Whether it is heard is the supervisor's affair. */
static void tell(const struct activation *a, const char *text)
{
	if (a->notify >= 0)
		(void)!send(a->notify, text, strlen(text), MSG_NOSIGNAL);
}

void activation_ready(const struct activation *a)
{
	tell(a, "READY=1");
}

void activation_reloading(const struct activation *a)
{
	char text[80];
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
	         (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(a, text);
}

void activation_stopping(const struct activation *a)
{
	tell(a, "STOPPING=1");
}
