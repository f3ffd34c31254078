/*
 * status: what a running server says of itself, at the UNIX socket DIR/.status, which is its user's alone: sessions, rates, disk. The peer says "text" or "json", and
 * gets the whole of it. What has to be asked of the disk is asked by a job.
 */
#ifndef POSTROOM_SERVER_STATUS_H
#define POSTROOM_SERVER_STATUS_H

#include "net/session.h"
#include "server/site.h"

#define STATUS_SOCKET ".status"
enum { STATUS_TEXT_MAX = 64 * 1024 };

struct session *status_session_new(struct site *site, struct loop *loop, const struct peer *peer);

#endif
