/*
 * http: see http.h.
 */
#include "web/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

struct http {
	const struct http_config *config;
	struct MHD_Daemon *daemon;
};

/* ---- the socket ---- */

static int bind_one(const struct addrinfo *a)
{
	int on = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 128) == 0)
		return fd;
	file_close(fd);
	return -1;
}

unsigned http_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} at = { .six = { .sin6_family = AF_UNSPEC } };
	socklen_t len = sizeof at;
	if (getsockname(fd, &at.any, &len) != 0)
		return 0;
	return at.any.sa_family == AF_INET6 ? ntohs(at.six.sin6_port) : ntohs(at.four.sin_port);
}

int http_listen(const char *address, unsigned *port, struct fault *why)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE | AI_NUMERICSERV,
		                        .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char service[16];
	snprintf(service, sizeof service, "%u", *port);
	if (getaddrinfo(address, service, &hints, &found) != 0) {
		fault_set(why, FAULT_PERMANENT, "%s is no address to listen on", address);
		return -1;
	}
	int fd = bind_one(found);
	freeaddrinfo(found);
	if (fd < 0) {
		fault_errno(why, "cannot listen on %s port %u", address, *port);
		why->kind = why->error == EADDRINUSE ? FAULT_BUSY : FAULT_PERMANENT;
		return -1;
	}
	*port = http_port(fd);
	return fd;
}

/* ---- routes ---- */

/* Whether the path is the route's; what stands for each {} goes into the parameters. */
static bool path_fits(const char *route, const char *path, struct request *r)
{
	size_t n = 0;
	while (*route) {
		if (route[0] == '{' && n < HTTP_PARAMETERS_MAX) {
			size_t len = strcspn(path, "/");
			if (len == 0 || len >= HTTP_PARAMETER_MAX)
				return false;
			snprintf(r->parameters[n++], HTTP_PARAMETER_MAX, "%.*s", (int)len, path);
			path += len;
			route += 2;
		} else if (*route++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

/* NULL: there is none; *known: there is one for another method. */
static const struct route *find_route(struct request *r, const char *path, bool *known)
{
	bool head = strcmp(r->method, "HEAD") == 0;
	*known = false;
	for (const struct route *route = r->http->config->routes; route->path; route++) {
		if (!path_fits(route->path, path, r))
			continue;
		*known = true;
		if (strcmp(route->method, head ? "GET" : r->method) == 0)
			return route;
	}
	return NULL;
}

static void answer(struct request *r, const char *path)
{
	const struct http_config *config = r->http->config;
	unsigned status = MHD_HTTP_FORBIDDEN;
	bool known;
	r->route = find_route(r, path, &known);
	const char *refusal = config->guard(r, &status);
	if (refusal)
		request_error(r, status, refusal);
	else if (!r->route)
		request_error(r, known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
		              known ? "this cannot be done here" : "there is nothing here");
	else if (r->too_long)
		request_error(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too long");
	else if (!(r->route->flags & HTTP_PUBLIC) && !config->login(r))
		request_error(r, MHD_HTTP_UNAUTHORIZED, "please log in");
	else
		r->route->answer(r);
}

/* ---- libmicrohttpd ---- */

static struct request *new_request(struct http *h, struct MHD_Connection *connection, const char *method)
{
	struct request *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->http = h;
	r->web = h->config->web;
	r->connection = connection;
	r->method = method;
	buf_init(&r->body, HTTP_BODY_MAX);
	return r;
}

static enum MHD_Result give_answer(struct request *r)
{
	enum MHD_Result queued = MHD_queue_response(r->connection, r->status, r->response);
	MHD_destroy_response(r->response);
	r->response = NULL;
	return queued;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct http *h = arg;
	struct request *r = *state;
	(void)version;
	if (!r) {
		*state = new_request(h, connection, method);
		return *state ? MHD_YES : MHD_NO;
	}
	if (*upload_size > 0) {
		r->too_long = !buf_append(&r->body, upload, *upload_size) || r->too_long;
		*upload_size = 0;
		return MHD_YES;
	}
	if (!r->response && !r->waiting)
		answer(r, url);
	if (r->response)
		return give_answer(r);
	return r->waiting ? MHD_YES : MHD_NO;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why)
{
	struct request *r = *state;
	(void)arg;
	(void)connection;
	(void)why;
	if (!r)
		return;
	*state = NULL;
	if (r->over)
		r->over(r);
	if (r->response)
		MHD_destroy_response(r->response);
	buf_wipe(&r->body);
	free(r);
}

struct http *http_new(const struct http_config *config, int listener, struct fault *why)
{
	struct http *h = calloc(1, sizeof *h);
	if (h) {
		h->config = config;
		h->daemon = MHD_start_daemon(
		        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, h,
		        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
		        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		        (size_t)HTTP_HEADER_MAX, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	}
	if (h && h->daemon)
		return h;
	free(h);
	file_close(listener);
	fault_set(why, FAULT_TEMPORARY, "the web server cannot start: memory or descriptors are out");
	return NULL;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	free(h);
}

int http_descriptor(const struct http *h)
{
	return MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *h)
{
	MHD_run(h->daemon);
}

int http_patience(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
		return -1;
	return ms > 1000 * 1000 ? 1000 * 1000 : (int)ms;
}

/* ---- for routes ---- */

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *r, const char *name)
{
	const char *value = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
	return value ? value : "";
}

struct stranger {
	const char *const *known;
	const char *name;
};

static enum MHD_Result find_stranger(void *owner, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct stranger *s = owner;
	const char *const *known = s->known;
	(void)kind;
	(void)value;
	while (*known && strcmp(*known, name) != 0)
		known++;
	s->name = *known ? NULL : name;
	return *known ? MHD_YES : MHD_NO;
}

bool request_knows(struct request *r, const char *const *names)
{
	char text[200];
	struct stranger s = { .known = names };
	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, find_stranger, &s);
	if (!s.name)
		return true;
	snprintf(text, sizeof text, "there is no parameter '%.60s': GET /api lists them", s.name);
	request_error(r, MHD_HTTP_BAD_REQUEST, text);
	return false;
}

uint64_t request_number(const struct request *r, const char *name, uint64_t standard, uint64_t max)
{
	const char *text = request_query(r, name);
	uint64_t value = standard;
	if (*text && !slice_number(slice_str(text), max, &value))
		value = standard;
	return value;
}

json_t *request_body(const struct request *r)
{
	json_t *json = r->body.len > 0 ? json_loadb(r->body.data, r->body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (json && !json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	return json;
}

void request_add(struct request *r, const char *name, const char *value)
{
	if (r->response)
		MHD_add_response_header(r->response, name, value);
}

void request_response(struct request *r, unsigned status, struct MHD_Response *response)
{
	static const char *const headers[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Cache-Control", "no-store" },
	};
	r->response = response;
	r->status = status;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		request_add(r, headers[i][0], headers[i][1]);
}

static void respond(struct request *r, unsigned status, const char *type, struct slice octets)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	        octets.len, (void *)(octets.len ? octets.ptr : ""), MHD_RESPMEM_MUST_COPY);
	if (!response)
		return;
	request_response(r, status, response);
	request_add(r, "Content-Type", type);
}

void request_octets(struct request *r, const char *type, struct slice octets)
{
	respond(r, MHD_HTTP_OK, type, octets);
}

void request_json(struct request *r, unsigned status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	respond(r, text ? status : MHD_HTTP_INTERNAL_SERVER_ERROR, "application/json",
	        slice_str(text ? text : "{\"error\":\"memory is out\"}"));
	request_add(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	free(text);
}

void request_error(struct request *r, unsigned status, const char *text)
{
	request_json(r, status, json_pack("{s:s}", "error", text));
}

void request_done(struct request *r)
{
	respond(r, MHD_HTTP_NO_CONTENT, "application/json", slice_make("", 0));
}

void request_wait(struct request *r, void (*over)(struct request *r), void *own)
{
	r->waiting = true;
	r->over = over;
	r->own = own;
	MHD_suspend_connection(r->connection);
}

void request_resume(struct request *r)
{
	if (!r->waiting)
		return;
	r->waiting = false;
	MHD_resume_connection(r->connection);
}
