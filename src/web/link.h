/*
 * link: the web process's end of the socket to the mail process: messages come in, questions go out and are answered by number. Never blocks.
 */
#ifndef POSTROOM_WEB_LINK_H
#define POSTROOM_WEB_LINK_H

#include "monitor/message.h"

enum { LINK_QUESTIONS_MAX = 128 };

struct link;

/* `text` is for a person, and lives until the call returns. */
typedef void link_answer(void *asker, enum message_outcome outcome, struct slice text);

/* `fd` -1: there is no mail process, and every question fails. The link owns it. NULL: memory is out. */
struct link *link_new(int fd, void (*told)(void *owner, const struct message *m), void *owner);
void link_free(struct link *l);
int link_descriptor(const struct link *l);
/* Takes what has come. False: the mail process is gone. */
bool link_read(struct link *l);
/* Numbers the question and sends it. False: it could not be sent, and no answer comes. */
bool link_ask(struct link *l, struct message *question, link_answer *answer, void *asker);
/* What is no question. Where it cannot be sent now, it is not sent. */
void link_tell(struct link *l, const struct message *m);
/* The asker is gone; its answers are passed over. */
void link_forget(struct link *l, const void *asker);

#endif
