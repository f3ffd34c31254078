/*
 * service: a server process: workers with a loop each, one listening socket, signals, connection limits, and an orderly
 * end.
 *
 * SIGTERM and SIGINT: no new connections, sessions are told STOP_SHUTDOWN, five seconds later STOP_NOW; when all
 * connections and jobs are done, run returns. A second signal does not hurry it further than the five seconds.
 */
#ifndef POSTROOM_SERVER_SERVICE_H
#define POSTROOM_SERVER_SERVICE_H

#include "net/listen.h"
#include "server/site.h"

struct service_config {
	const char *address; /* NULL: all */
	unsigned port;       /* 0: pick one */
	unsigned workers;    /* 0: as many as cores */
	size_t max_connections;
	unsigned grace_ms; /* between STOP_SHUTDOWN and STOP_NOW; 0: five seconds */
	struct session *(*session_new)(struct site *site, struct loop *loop, const struct peer *peer);
};

/* Serves until a signal. Prints `listening on ADDRESS port N` to stderr once connections are accepted. False: could not
 * begin. Blocks SIGTERM and SIGINT for good, so that none that comes late cuts the end short; must be called from the main
 * thread before others exist (job threads start later, by themselves). The site's jobs and desk must outlive it. */
bool service_run(const struct service_config *config, struct site *site, struct fault *why);

#endif
