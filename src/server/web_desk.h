/*
 * web_desk: answers what the web process asks: delete mails, verify a login. What comes from there is a stranger's, who may say anything, and is answered with no
 * more than what an SMTP or POP3 client could have; and it is told, now and then, what is counted.
 *
 * On one loop's thread; what blocks are jobs.
 */
#ifndef POSTROOM_SERVER_WEB_DESK_H
#define POSTROOM_SERVER_WEB_DESK_H

#include "server/site.h"

struct web_desk;

/* The site has a watch. NULL with why. */
struct web_desk *web_desk_new(struct site *site, struct loop *loop, struct fault *why);
/* When nothing is under way any more. NULL is passed over. */
void web_desk_free(struct web_desk *d);

#endif
