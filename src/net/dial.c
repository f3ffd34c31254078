/*
 * dial: connecting, address by address. See dial.h.
 */
#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* Waits until the connection stands, or says in errno why it does not. */
static bool wait_connected(int fd, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int ready;
	do {
		int64_t left = deadline - clock_ms();
		ready = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return false;
	int error = ETIMEDOUT;
	socklen_t size = sizeof error;
	if (ready > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return false;
	errno = error;
	return error == 0;
}

/* -1 and errno. */
static int dial_address(const struct addrinfo *a, int64_t deadline)
{
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || (errno == EINPROGRESS && wait_connected(fd, deadline))) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		return fd;
	}
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* The time that is left is shared among the addresses that are: one that is silent does not use up all of it. */
static int dial_each(const struct addrinfo *list, int64_t deadline)
{
	int left = 0;
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = list; a; a = a->ai_next, left--) {
		int64_t now = clock_ms();
		int fd = dial_address(a, now + (deadline - now) / left);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

int dial(const char *host, unsigned port, int timeout_ms, struct fault *why)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	char service[16];
	int64_t deadline = clock_ms() + timeout_ms;
	snprintf(service, sizeof service, "%u", port);
	int error = getaddrinfo(host, service, &hints, &list);
	if (error != 0) {
		enum fault_kind kind = error == EAI_NONAME ? FAULT_PERMANENT : FAULT_TEMPORARY;
		fault_set(why, kind, "cannot find the server %s: %s", host, gai_strerror(error));
		return -1;
	}
	int fd = dial_each(list, deadline);
	if (fd < 0)
		fault_errno(why, "cannot connect to %s port %u", host, port);
	freeaddrinfo(list);
	return fd;
}
