/*
 * sessions: the sessions of the mail process, those under way and, in the catalogue, those that are over.
 */
#ifndef POSTROOM_WEB_SESSIONS_H
#define POSTROOM_WEB_SESSIONS_H

#include <jansson.h>

#include "monitor/message.h"
#include "web/catalogue.h"

enum { SESSIONS_LIVE_MAX = 2000 };

struct sessions;

/* NULL: memory is out. */
struct sessions *sessions_new(struct catalogue *c);
void sessions_free(struct sessions *s);
/* A message of the mail process that is about a session; others are passed over. The session's row in the catalogue, 0: none is concerned. */
int64_t sessions_take(struct sessions *s, const struct message *m);
size_t sessions_live(const struct sessions *s);
/* {"sessions": […], "next": …}; `user` "": everybody's. NULL: memory is out. */
json_t *sessions_list(const struct sessions *s, const char *user, int64_t before, size_t limit);
/* With its dialogue. NULL: there is none, or it is not this user's. */
json_t *sessions_one(const struct sessions *s, const char *user, int64_t row);

#endif
