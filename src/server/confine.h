/*
 * confine: gives up what a server no longer needs once its ports and its key are open: root's rights (server/privileges), other files and other system calls
 * (sandbox/sandbox). Decides which directories stay open to it; holds nothing.
 */
#ifndef POSTROOM_SERVER_CONFINE_H
#define POSTROOM_SERVER_CONFINE_H

#include "server/options.h"
#include "server/site.h"

/* Of a site that is open and not yet started, before there are threads. False: FAULT_PERMANENT where --user cannot be, else the kernel refused; the process must end. */
bool confine(const struct options *o, const struct site *site, struct fault *why);

#endif
