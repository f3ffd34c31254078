/*
 * receive: the host of an SMTP session: who has a mailbox here, and where the mail's text goes. Introduces protocol/smtp_server to
 * store/ and auth/. One per session, on its loop; its blocking work runs as jobs.
 */
#ifndef POSTROOM_SERVER_RECEIVE_H
#define POSTROOM_SERVER_RECEIVE_H

#include "net/session.h"
#include "server/site.h"

/* A new session with its host; NULL: memory is out. `loop` NULL: jobs are run at once (tests). */
struct session *receive_session_new(struct site *site, struct loop *loop, const struct peer *peer);
/* The same by LMTP. Without a login it takes mail of this machine's own programs alone. */
struct session *receive_lmtp_session_new(struct site *site, struct loop *loop, const struct peer *peer);

#endif
