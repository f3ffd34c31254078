/*
 * reload: postroom.conf, read again by the server that runs by it: some keys hold from then on, of all others that have changed it says that they wait for a restart.
 */
#ifndef POSTROOM_SERVER_RELOAD_H
#define POSTROOM_SERVER_RELOAD_H

#include "server/config.h"
#include "server/site.h"

struct reload {
	const char *path;
	const struct config *running; /* as the server began with it */
	bool verbose;                 /* the command line says so, whatever the file does */
};

/* Reads the file. What is wrong goes to the log; then nothing is changed. Blocks; one at a time. */
void reload_config(const struct reload *r, struct site *site);

#endif
