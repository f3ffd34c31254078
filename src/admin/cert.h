/*
 * cert: `postroom cert`: a certificate for the servers, by a CA of one's own, and how programs come to trust it.
 */
#ifndef POSTROOM_ADMIN_CERT_H
#define POSTROOM_ADMIN_CERT_H

#include "admin/admin.h"

extern const struct admin_command cert_command;

#endif
