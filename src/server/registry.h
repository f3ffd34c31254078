/*
 * registry: the clients that have registered with a server, each by its number, and the mail that waits for them in memory.
 *
 * A number's client is whoever registered under it last: one that is gone, but not yet told to leave, neither gets mail nor leaves any behind. A
 * mail's text is kept once, whoever has it; what the mails of one client hold, and what all hold together, has a maximum. Thread-safe: one lock,
 * held for moments; nothing blocks.
 */
#ifndef POSTROOM_SERVER_REGISTRY_H
#define POSTROOM_SERVER_REGISTRY_H

#include "base/buf.h"

enum {
	REGISTRY_CLIENT_MAX = 4 * 1024 * 1024, /* octets of a client's unread mails, and of one mail */
	REGISTRY_TOTAL_MAX = 64 * 1024 * 1024, /* octets of all mails, those that are just coming in included */
	REGISTRY_MAIL_COST = 128,              /* counted for each mail and recipient, beside the text */
};

struct registry;
struct registry_client;

/* NULL: memory is out. */
struct registry *registry_new(size_t client_max, size_t total_max);
/* Only when nobody is left. */
void registry_free(struct registry *r);

/* The number's client from now on, without any mail. NULL: memory is out. */
struct registry_client *registry_enter(struct registry *r, int number);
/* The client and its mail are gone. */
void registry_leave(struct registry_client *c);

/* Somebody who was found: whether it is still the same one shows when the mail is delivered. */
struct registry_recipient {
	int number;
	uint64_t serial; /* no two clients have the same */
};

enum registry_verdict { REGISTRY_OK, REGISTRY_NOBODY, REGISTRY_FULL };

/* Who has this number? REGISTRY_FULL: no mail fits. */
enum registry_verdict registry_find(struct registry *r, int number, struct registry_recipient *found);

/* A mail on its way in; one session's. It holds up to twice its octets of memory until it is delivered. */
struct registry_draft {
	struct registry *registry;
	struct buf text;
};

void registry_draft_init(struct registry_draft *d, struct registry *r);
/* REGISTRY_FULL: no room, nothing was taken. */
enum registry_verdict registry_draft_write(struct registry_draft *d, const char *octets, size_t n);
/* Also of one that is all zeroes, or was delivered. */
void registry_draft_release(struct registry_draft *d);

/* Gives the mail to all who are still there, or to none: REGISTRY_FULL (one has no room for it), REGISTRY_NOBODY (all have left). The draft is empty after
 * REGISTRY_OK. */
enum registry_verdict registry_deliver(struct registry_draft *d, int sender, const struct registry_recipient *to,
                                       size_t count);

/* An unread mail; the client's until it is flushed. */
struct registry_mail {
	int sender;
	struct slice text; /* stored form */
};

struct registry_entry;
/* The client's first unread mail, and how many there are; NULL: none. Those that come later stand behind them. */
const struct registry_entry *registry_unread(struct registry_client *c, size_t *count);
/* Not of the last one that registry_unread() has counted. */
const struct registry_entry *registry_next(const struct registry_entry *e);
struct registry_mail registry_mail_of(const struct registry_entry *e);
/* The first `count` mails are read, and go. */
void registry_flush(struct registry_client *c, size_t count);

/* Octets that all mails take, for tests. */
size_t registry_octets(struct registry *r);

#endif
