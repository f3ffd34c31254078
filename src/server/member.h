/*
 * member: the host of an SMTP session in a course with registration: a client that registers, and the mail that it sends and fetches. Introduces
 * protocol/smtp_server to the registry; no file, no user. One per session, on its loop.
 */
#ifndef POSTROOM_SERVER_MEMBER_H
#define POSTROOM_SERVER_MEMBER_H

#include "net/session.h"
#include "server/site.h"

/* A new session with its host; NULL: memory is out. `loop` NULL: jobs are run at once (tests). */
struct session *member_session_new(struct site *site, struct loop *loop, const struct peer *peer);

#endif
