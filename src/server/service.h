/*
 * service: a server process: workers with a loop each, one listening socket, or one more where TLS comes first, signals,
 * connection limits, and an orderly end.
 *
 * SIGTERM and SIGINT: no new connections, sessions are told STOP_SHUTDOWN, five seconds later STOP_NOW; when all
 * connections and jobs are done, run returns. A second signal does not hurry it further than the five seconds. SIGHUP: the
 * certificate is read again, as it is when its files change; without TLS the terminal is gone, and the service ends.
 */
#ifndef POSTROOM_SERVER_SERVICE_H
#define POSTROOM_SERVER_SERVICE_H

#include "net/listen.h"
#include "server/site.h"
#include "server/visitors.h"

struct service_config {
	const char *address; /* NULL: all */
	unsigned port;       /* 0: pick one */
	bool tls_listen;     /* one more port, where TLS comes first; only where the site has TLS */
	unsigned tls_port;   /* 0: pick one */
	unsigned workers;    /* 0: as many as cores */
	struct visitors_limits limits;
	unsigned grace_ms; /* between STOP_SHUTDOWN and STOP_NOW; 0: five seconds */
	struct session *(*session_new)(struct site *site, struct loop *loop, const struct peer *peer);
};

struct service;

/* How many workers there will be, where so many are asked for (0: as many as cores). */
unsigned service_workers(unsigned wanted);
/* Binds the ports, which root may have to do. NULL: FAULT_BUSY where a port is in use, FAULT_PERMANENT for a bad
 * address. The config must outlive it. */
struct service *service_open(const struct service_config *config, struct fault *why);
/* Serves until a signal. Prints `listening on ADDRESS port N` to stderr once connections are accepted, then the same with
 * ` (TLS)` behind it for the other port. False: could not begin. Blocks SIGTERM, SIGINT and SIGHUP for good, so that none that comes late cuts the end short; must be called from the main
 * thread. The thread is narrowed to what a loop may do (server/sandbox). The site's jobs and desk must outlive it. */
bool service_run(struct service *s, struct site *site, struct fault *why);
/* Closes the ports. NULL is passed over. */
void service_free(struct service *s);

#endif
