/*
 * link: many connections to one server on one epoll loop, in clear or with TLS, for the load generators.
 *
 * A program opens links, and is called whenever octets came: it takes them with link_line() or looks at them itself, and
 * says something. A generator measures servers: whatever it does not expect ends it with a message (die).
 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

struct loop {
	int epoll;
	struct sockaddr_in server;
	SSL_CTX *tls; /* NULL: in clear */
	bool resume;  /* a new connection goes on with the TLS session of the one before */
	size_t resumed;
	size_t handshakes;
	size_t open; /* links that are */
};

struct link {
	struct loop *loop;
	void (*on_input)(struct link *l);
	unsigned opened; /* times */
	int fd;
	SSL *ssl;
	SSL_SESSION *ticket;
	bool ready;      /* connected, and behind the handshake */
	uint32_t events; /* what epoll waits for */
	char *in;        /* what came and was not taken: from .. to */
	size_t in_size, from, to;
	char *out; /* what was said and is not sent: sent .. used, then the body */
	size_t out_size, used, sent;
	const char *body;
	size_t body_left;
};

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Not NULL. */
void *must_alloc(size_t n);
/* Seconds, of a clock that only goes forward. */
double now(void);

/* `tls`: TLS comes first. */
/* The plan's address, port and TLS. */
void loop_init(struct loop *loop, const struct plan *plan);
/* Until no link is open. */
void loop_run(struct loop *loop);
/* `"handshakes": …, "resumed": …` */
void loop_print(const struct loop *loop);
/* One round of at most that time. */
void loop_once(struct loop *loop, int milliseconds);

void link_init(struct link *l, struct loop *loop, size_t in_size, void (*on_input)(struct link *l));
/* Closed before, or not open yet. */
void link_open(struct link *l);
void link_close(struct link *l);

/* Takes a whole line, without its end, which is overwritten by a NUL; NULL: there is none yet. */
char *link_line(struct link *l);
void link_say(struct link *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Follows what was said so far; stays the caller's, and constant. */
void link_body(struct link *l, const char *text, size_t n);
/* Sends what was said: at once what goes, the rest when it goes. */
void link_flush(struct link *l);

#endif
