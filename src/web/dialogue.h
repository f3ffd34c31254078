/*
 * dialogue: what was said in a session, as the mail process told it, kept as the packets themselves; and as JSON, line by line with its time, its octets and
 * the sentence of protocol/explain.
 */
#ifndef POSTROOM_WEB_DIALOGUE_H
#define POSTROOM_WEB_DIALOGUE_H

#include <jansson.h>

#include "monitor/message.h"

enum { DIALOGUE_MAX = 128 * 1024 }; /* octets of a session's packets; what is said beyond is counted alone */

/* Appends a packet. False: it is full. */
bool dialogue_add(struct buf *dialogue, const struct message *m);
/* A list of lines. NULL: memory is out. */
json_t *dialogue_json(struct slice dialogue, int64_t began);

#endif
