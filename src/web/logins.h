/*
 * logins: who is logged in, by the cookie of his browser. The password is verified by the mail process; here are only random tokens, a bounded number of them,
 * which end after half a day, and with the process.
 */
#ifndef POSTROOM_WEB_LOGINS_H
#define POSTROOM_WEB_LOGINS_H

#include <stdbool.h>
#include <stddef.h>

enum { LOGINS_MAX = 1000, LOGINS_TOKEN = 32, LOGINS_NAME_MAX = 71, LOGINS_SECONDS = 12 * 60 * 60 };

struct logins;

struct logins *logins_new(void);
void logins_free(struct logins *l);
/* A new token. The oldest login ends where there is no room. False: no randomness. */
bool logins_begin(struct logins *l, const char *name, char token[LOGINS_TOKEN + 1]);
/* The name that goes with a cookie header's token; NULL: nobody. Lives until the next call that changes anything. */
const char *logins_find(struct logins *l, const char *cookies);
void logins_end(struct logins *l, const char *cookies);

#endif
