/*
 * watch: tells the web process what happens (monitor/message): sessions and what is said in them, deliveries, numbers.
 *
 * Whoever tells never waits: messages go into a bounded queue, and a thread sends them. What finds no room is counted, and the count is told. Thread-safe.
 */
#ifndef POSTROOM_SERVER_WATCH_H
#define POSTROOM_SERVER_WATCH_H

#include "base/fault.h"
#include "monitor/message.h"
#include "protocol/transcript.h"

enum { WATCH_QUEUE_MAX = 4 * 1024 * 1024 };

struct watch;
/* A session that is told of; what the sessions' transcript feeds hold. */
struct watched;

/* `fd` is the socket, and stays the caller's. Starts a thread, which calls `begin` first. NULL with why. */
struct watch *watch_new(int fd, void (*begin)(void), struct fault *why);
/* Gives what is queued a moment to go. NULL is passed over. */
void watch_free(struct watch *w);
/* To be told all that sessions say. */
const struct transcript_sink *watch_sink(const struct watch *w);
void watch_tell(struct watch *w, const struct message *m);
/* What is counted here, as MESSAGE_METRICS. */
void watch_tell_numbers(struct watch *w);

/* Each with NULL does nothing. */
void watch_opened(struct watched *s, const char *protocol, const char *peer);
void watch_logged_in(struct watched *s, const char *user);

struct watch_delivery {
	const char *mailbox;
	const unsigned char *hash; /* DRAFT_HASH octets */
	uint64_t octets;
	const char *login; /* or "" */
	const char *sender;
};
void watch_delivered(struct watched *s, const struct watch_delivery *d);

#endif
