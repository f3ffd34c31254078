/*
 * login_delay: users who log in again too soon after their last login are sent away (RFC 2449 section 6.5).
 *
 * What this process has seen; a bounded table, the oldest given up first: that user is let in. Thread-safe; never blocks.
 */
#ifndef POSTROOM_SERVER_LOGIN_DELAY_H
#define POSTROOM_SERVER_LOGIN_DELAY_H

#include <stdint.h>

struct login_delay;

/* NULL: memory is out. */
struct login_delay *login_delay_new(unsigned seconds);
/* NULL is passed over. */
void login_delay_free(struct login_delay *d);
/* How long the user has to wait, in seconds, rounded up; 0: not at all. `now_ms` is clock_ms(). */
unsigned login_delay_left(struct login_delay *d, const char *user, int64_t now_ms);
/* The user has logged in. */
void login_delay_note(struct login_delay *d, const char *user, int64_t now_ms);

#endif
