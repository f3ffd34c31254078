/*
 * maildrop: the host of a POP3 session: login, lock, snapshot, commit. Introduces protocol/pop3_server to store/ and auth/. One per session,
 * on its loop; its blocking work runs as jobs.
 */
#ifndef POSTROOM_SERVER_MAILDROP_H
#define POSTROOM_SERVER_MAILDROP_H

#include "net/session.h"
#include "server/site.h"

struct session *maildrop_session_new(struct site *site, struct loop *loop, const struct peer *peer);

#endif
