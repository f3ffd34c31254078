/*
 * visitors: who may come in: connections at once in all, at once from one network, and new ones a minute from one network. A network is an IPv4
 * address or an IPv6 /64 (network.h).
 *
 * A bounded table. One that is connected is never forgotten; where there is no place for one more network, its connections count in the total alone.
 * Thread-safe; never blocks; knows no socket.
 */
#ifndef POSTROOM_SERVER_VISITORS_H
#define POSTROOM_SERVER_VISITORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Of those who are refused, so many are told so at any one time; the others are hung up on. Where descriptors are few, fewer. */
	VISITORS_TOLD_MAX = 64,
	/* What one network may have at once, where nobody said: a quarter of all, so that no single one shuts the others out, and a room full of students
	 * behind one address gets in; but at least so many. */
	VISITORS_SHARE = 4,
	VISITORS_SHARE_LEAST = 20,
	VISITORS_RATE_DEFAULT =
	        3000, /* fifty a second: more than a mail program does that makes a connection for each mail */
	VISITORS_LIMIT_MAX = 1000 * 1000,
};

struct visitors_limits {
	size_t in_all;
	size_t told;     /* of those who are refused, so many at any one time are told so; 0: VISITORS_TOLD_MAX */
	size_t at_once;  /* from one network; 0: VISITORS_SHARE decides */
	size_t a_minute; /* new, from one network: so many in one go, and then as many a minute; 0: no limit */
	bool loopback;   /* the last two hold for this machine's own addresses, too */
};

struct visitors;
struct visitor; /* one connection's ticket */

enum visitors_verdict {
	VISITORS_WELCOME,
	VISITORS_CROWDED,   /* too many in all */
	VISITORS_TOO_MANY,  /* too many from there, at once */
	VISITORS_TOO_OFTEN, /* … within a minute */
};

/* NULL: memory is out. */
struct visitors *visitors_new(const struct visitors_limits *limits);
/* From now on; what is 0 means what it means in the beginning. */
void visitors_limit(struct visitors *v, size_t at_once, size_t a_minute);
/* NULL is passed over. */
void visitors_free(struct visitors *v);

/* A connection from a numeric address. The ticket is given back when it ends; NULL: it is refused, and not even told so. Of refusals a line goes to the log, at
 * most every ten seconds. */
struct visitor *visitors_enter(struct visitors *v, const char *address, enum visitors_verdict *verdict);
void visitors_leave(struct visitors *v, struct visitor *ticket);

/* In place of clock_ms() (tests). */
void visitors_set_clock(struct visitors *v, int64_t (*now_ms)(void));

#endif
