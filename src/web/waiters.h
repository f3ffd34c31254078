/*
 * waiters: requests that wait for a mail (GET /api/wait): until one comes that their query finds, or their time is over.
 */
#ifndef POSTROOM_WEB_WAITERS_H
#define POSTROOM_WEB_WAITERS_H

#include "web/catalogue.h"
#include "web/http.h"

enum { WAITERS_MAX = 128, WAITERS_MS_MAX = 10 * 60 * 1000 };

struct waiters;

/* `found` answers a request with the mail of this id. */
struct waiters *waiters_new(struct catalogue *c, void (*found)(struct request *r, const char *id));
void waiters_free(struct waiters *w);
/* The query's strings are the request's, and live as long. False: too many wait. */
bool waiters_add(struct waiters *w, struct request *r, const struct query *q, int ms);
/* A mail came. */
void waiters_look(struct waiters *w, int64_t row);
/* Answers those whose time is over. ms until the next one's; -1: nobody waits. */
int waiters_tick(struct waiters *w);
size_t waiters_count(const struct waiters *w);

#endif
