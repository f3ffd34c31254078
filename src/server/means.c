/*
 * means: see means.h.
 */
#include "server/means.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

enum {
	/* Descriptors that a process has without connections (files, signals, listening sockets), and more for each worker. */
	OWN = 16,
	A_WORKER = 4,
	LEAST = 12, /* … and for a few connections, and the files that their mails take */
	/* Of those left for connections a quarter, or this, stays free for files: who has got in can be served. */
	FOR_FILES = 128,
	MEMORY_LEAST = 2 * 1024 * 1024, /* octets, for the start and a few sessions */
};

static size_t raise_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return SIZE_MAX;
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		limit.rlim_cur = before;
	return limit.rlim_cur > SIZE_MAX ? SIZE_MAX : (size_t)limit.rlim_cur;
}

static bool has_memory(struct fault *why)
{
	void *volatile memory = malloc(MEMORY_LEAST); /* or it is not even asked for */
	free(memory);
	return memory ||
	       fault_set(why, FAULT_FULL, "cannot start: memory is out: more is needed than `ulimit -v` gives");
}

bool means_suffice(unsigned workers, struct fault *why)
{
	int least = OWN + A_WORKER * (int)workers + LEAST;
	if (!has_memory(why))
		return false;
	raise_descriptors();
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, least - 1);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || errno == EBADF) /* begun without stderr: then nobody could be told */
		return true;
	return fault_set(
	        why, FAULT_FULL,
	        "cannot start: %u workers and a few connections need %d descriptors: raise `ulimit -n`, or say "
	        "--workers 1",
	        workers, least);
}

struct visitors_limits means_allow(const struct visitors_limits *limits, unsigned workers)
{
	struct visitors_limits allowed = *limits;
	size_t all = raise_descriptors(), own = OWN + A_WORKER * (size_t)workers;
	size_t room = all > own ? all - own : 0;
	size_t files = room / 4 < FOR_FILES ? room / 4 : FOR_FILES;
	if (files / 2 < VISITORS_TOLD_MAX)
		allowed.told = files / 2 + 1;
	if (allowed.in_all > room - files) {
		allowed.in_all = room - files;
		log_warning("%zu connections at most, as this process may have only %zu descriptors (ulimit -n)",
		            allowed.in_all, all);
	}
	return allowed;
}
