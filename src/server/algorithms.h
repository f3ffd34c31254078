/*
 * algorithms: all that a server will need of OpenSSL's, fetched before it serves.
 *
 * OpenSSL makes the algorithms of a kind when the first of them is needed, and notes that it has done so also where memory was out: then the process is
 * without them to its end. So a moment's lack in the first handshake would be the end of all TLS.
 */
#ifndef POSTROOM_SERVER_ALGORITHMS_H
#define POSTROOM_SERVER_ALGORITHMS_H

#include "base/fault.h"

/* At the start. False: memory is out. */
bool algorithms_fetch(struct fault *why);

#endif
