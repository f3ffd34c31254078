/*
 * events: open pages hear what happens (server-sent events, HTML section 9.2). A page that does not read misses events, and is told to load anew.
 */
#ifndef POSTROOM_WEB_EVENTS_H
#define POSTROOM_WEB_EVENTS_H

#include "web/http.h"

enum { EVENTS_STREAMS_MAX = 64, EVENTS_PENDING_MAX = 16 * 1024 };

struct events;

struct events *events_new(void);
void events_free(struct events *e);
/* Makes the request's answer a stream. */
void events_open(struct events *e, struct request *r);
/* Tells everybody who may see this inbox ("": everybody) of an event; takes the reference. */
void events_tell(struct events *e, const char *name, const char *inbox, json_t *data);
/* Now and then: a comment, so that nobody on the way thinks the connection dead. ms until the next time. */
int events_tick(struct events *e);
size_t events_count(const struct events *e);

#endif
