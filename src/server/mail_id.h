/*
 * mail_id: a name for each mail that comes in, for its Received line and the log: it is given once, by any process on this machine.
 */
#ifndef POSTROOM_SERVER_MAIL_ID_H
#define POSTROOM_SERVER_MAIL_ID_H

enum { MAIL_ID_SIZE = 32 };

/* Letters, digits and hyphens. Thread-safe; never blocks. */
void mail_id_next(char id[MAIL_ID_SIZE]);

#endif
