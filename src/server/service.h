/*
 * service: a server process: workers with a loop each, listening sockets, each with its kind of session and TLS first or not, signals,
 * connection limits, and an orderly end.
 *
 * SIGTERM and SIGINT: no new connections, sessions are told STOP_SHUTDOWN, five seconds later STOP_NOW; when all
 * connections and jobs are done, run returns. A second signal does not hurry it further than the five seconds. SIGHUP: the
 * certificate is read again, as it is when its files change, and what `reload` reads; where there is neither, the terminal is gone, and the service ends.
 */
#ifndef POSTROOM_SERVER_SERVICE_H
#define POSTROOM_SERVER_SERVICE_H

#include "net/listen.h"
#include "server/site.h"
#include "server/visitors.h"

enum { SERVICE_LISTENERS_MAX = 32 };

typedef struct session *service_session_new(struct site *site, struct loop *loop, const struct peer *peer);

/* One listening socket. */
struct service_listener {
	const char *name;    /* of interest to people alone; may be NULL where it is served alone */
	const char *address; /* NULL: all; with a /: a UNIX socket */
	unsigned port;       /* 0: pick one */
	bool given;          /* it is open already, as `fd`; address and port are not looked at */
	int fd;
	/* Numeric addresses of balancers: nobody else is let in, and each connection begins with a PROXY header (server/doorstep). None: anybody is, without. */
	const char *const *proxies;
	size_t proxies_count;
	bool aside; /* for the operator: no limit holds for it, and it is not spoken of */
	bool tls;   /* TLS comes first; only where the site has TLS */
	service_session_new *session_new;
};

/* What whoever runs a service may want to know. */
struct service;
enum service_news { SERVICE_READY, SERVICE_RELOADING, SERVICE_RELOADED, SERVICE_ENDING };

struct service_config {
	struct service_listener listeners[SERVICE_LISTENERS_MAX];
	size_t listeners_count;
	unsigned workers; /* 0: as many as cores */
	struct visitors_limits limits;
	bool supervised; /* SIGHUP asks to read certificates again, where there are any, and never says that a terminal is gone */
	unsigned grace_ms; /* between STOP_SHUTDOWN and STOP_NOW; 0: five seconds */
	/* On the thread that runs the service, which must not block; may be NULL. */
	void (*news)(void *owner, const struct service *s, enum service_news news);
	void *owner;
	/* A job when SIGHUP comes, beside the certificate's; may be NULL. */
	void (*reload)(void *owner, struct site *site);
	/* A job every so many seconds (0: once a minute); may be NULL. */
	unsigned chore_every;
	void (*chore)(struct site *site);
};

/* How many workers there will be, where so many are asked for (0: as many as cores). */
unsigned service_workers(unsigned wanted);
/* Binds the ports, which root may have to do. NULL: FAULT_BUSY where a port is in use, FAULT_PERMANENT for a bad
 * address. The config must outlive it. */
struct service *service_open(const struct service_config *config, struct fault *why);
const struct service_config *service_configuration(const struct service *s);
/* A listener as it is bound. */
const struct listener *service_bound(const struct service *s, size_t i);
/* Its connections: how many there are, and were since the beginning. From any thread. */
size_t service_present(const struct service *s, size_t i);
uint64_t service_accepted(const struct service *s, size_t i);
/* For those who connect from now on (visitors.h). From any thread. */
void service_limit(struct service *s, size_t at_once, size_t a_minute);
/* Serves until a signal. Prints `listening on ADDRESS port N` (of a UNIX socket `listening on PATH`) to stderr for each listener once connections are accepted, with
 * ` (TLS)` behind it where TLS comes first. False: could not begin. Blocks SIGTERM, SIGINT and SIGHUP for good, so that none that comes late cuts the end short; must be called from the main
 * thread. The thread is narrowed to what a loop may do (sandbox/sandbox). The site's jobs and desk must outlive it. */
bool service_run(struct service *s, struct site *site, struct fault *why);
/* Closes the ports. NULL is passed over. */
void service_free(struct service *s);

#endif
