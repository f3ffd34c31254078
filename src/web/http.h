/*
 * http: libmicrohttpd behind one table of routes. One thread: requests are answered from the loop that calls http_run(), and one that has to wait is put
 * aside (request_wait) without holding anything up.
 *
 * Connections, header, body and silence are bounded below. Every answer says that nothing may be sniffed, framed or kept.
 */
#ifndef POSTROOM_WEB_HTTP_H
#define POSTROOM_WEB_HTTP_H

#include <jansson.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fault.h"

enum {
	HTTP_CONNECTIONS_MAX = 256,
	HTTP_HEADER_MAX = 32 * 1024, /* octets of a connection's memory */
	HTTP_BODY_MAX = 256 * 1024,
	HTTP_IDLE_S = 30,
	HTTP_PARAMETERS_MAX = 2,
	HTTP_PARAMETER_MAX = 320,
};

struct request;

enum http_flags {
	HTTP_PUBLIC = 1,   /* needs no login */
	HTTP_PAGE = 2,     /* a person may come here from anywhere */
	HTTP_EVERYONE = 4, /* Host and Origin are of no interest */
};

struct route {
	const char *method;
	const char *path; /* "/api/messages/{}/source": a {} stands for one segment */
	unsigned flags;
	void (*answer)(struct request *r);
};

struct request {
	struct http *http;
	void *web; /* whom the routes serve */
	struct MHD_Connection *connection;
	const char *method;
	const struct route *route;
	char parameters[HTTP_PARAMETERS_MAX][HTTP_PARAMETER_MAX]; /* what stands for the route's {} */
	struct buf body;
	bool too_long;
	char user[72]; /* who is logged in; "": nobody has to */
	/* The answer. */
	struct MHD_Response *response;
	unsigned status;
	bool waiting;
	/* Of a request that waits: called when it is over, whatever the reason. */
	void (*over)(struct request *r);
	void *own;
};

struct http_config {
	const struct route *routes; /* one without a path ends them */
	void *web;
	/* NULL, or why a request may not pass (status is set); called before its route. */
	const char *(*guard)(struct request *r, unsigned *status);
	/* Whether the request is somebody's, who is then put into r->user. */
	bool (*login)(struct request *r);
};

struct http;

/* A listening socket; FAULT_BUSY where the port is in use. -1 with why. `port` in: 0 picks one; out: the one it is. */
int http_listen(const char *address, unsigned *port, struct fault *why);
/* Of a listening socket. */
unsigned http_port(int fd);
/* Owns the socket. The config must outlive it. NULL with why. */
struct http *http_new(const struct http_config *config, int listener, struct fault *why);
void http_free(struct http *h);
/* To be polled for input. */
int http_descriptor(const struct http *h);
void http_run(struct http *h);
/* ms until http_run() has to be called; -1: not before there is input. */
int http_patience(struct http *h);

/* ---- for routes; each answers once ---- */

const char *request_header(const struct request *r, const char *name);
/* "" where it is missing. */
const char *request_query(const struct request *r, const char *name);
/* Whether all of the query's parameters are among these (NULL at the end). Otherwise it is answered: 400, with the first that is not. */
bool request_knows(struct request *r, const char *const *names);
uint64_t request_number(const struct request *r, const char *name, uint64_t standard, uint64_t max);
/* The body as a JSON object, the caller's; NULL: it is none. */
json_t *request_body(const struct request *r);

/* Takes the reference. NULL says that memory is out. */
void request_json(struct request *r, unsigned status, json_t *json);
/* {"error": "…"} */
void request_error(struct request *r, unsigned status, const char *text);
void request_octets(struct request *r, const char *type, struct slice octets);
void request_response(struct request *r, unsigned status, struct MHD_Response *response);
void request_done(struct request *r);
/* A header of the answer: after it was given. */
void request_add(struct request *r, const char *name, const char *value);

/* Not yet: whoever has the answer gives it later, and says request_resume(). `over` is called in any case. */
void request_wait(struct request *r, void (*over)(struct request *r), void *own);
void request_resume(struct request *r);

#endif
