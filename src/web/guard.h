/*
 * guard: who may ask. Against DNS rebinding only known Host names are answered; against forged requests a browser's word on where a request comes from
 * (Origin, Sec-Fetch-Site) is believed, and POST needs what no page elsewhere can send unasked. Pure but for what libmicrohttpd tells.
 */
#ifndef POSTROOM_WEB_GUARD_H
#define POSTROOM_WEB_GUARD_H

#include "web/http.h"

enum { GUARD_HOSTS_MAX = 32, GUARD_HOST_MAX = 262 };

struct guard {
	char hosts[GUARD_HOSTS_MAX][GUARD_HOST_MAX]; /* "localhost:8025" */
	size_t count;
};

/* With localhost, 127.0.0.1 and [::1] at this port. */
void guard_init(struct guard *g, unsigned port);
/* "inbox.example.org", which counts with any port, or "inbox.example.org:8443". False: too many or too long. */
bool guard_add(struct guard *g, const char *host);
bool guard_knows(const struct guard *g, const char *host);

/* What a browser, or another program, says about its request. NULL: it is not said. */
struct guard_facts {
	const char *method;
	const char *host;
	const char *origin;
	const char *site; /* Sec-Fetch-Site */
	const char *mode; /* Sec-Fetch-Mode */
	const char *type; /* Content-Type */
	bool own_header;  /* X-Postroom is there */
	unsigned flags;   /* the route's */
};
/* NULL, or why not, with its status. */
const char *guard_judge(const struct guard *g, const struct guard_facts *facts, unsigned *status);
/* … of a request. */
const char *guard_request(const struct guard *g, const struct request *r, unsigned *status);

#endif
