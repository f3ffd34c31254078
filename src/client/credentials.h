/*
 * credentials: the user's name and password: asked for, kept in memory only, and wiped.
 */
#ifndef POSTROOM_CLIENT_CREDENTIALS_H
#define POSTROOM_CLIENT_CREDENTIALS_H

#include "base/buf.h"
#include "client/prompt.h"
#include "course/course.h"

enum { CREDENTIALS_WORD_MAX = 512 }; /* octets of a name and of a password */

struct credentials {
	struct buf name;
	struct buf password;
};

void credentials_init(struct credentials *c);
/* Wipes both. */
void credentials_release(struct credentials *c);

/* Both questions. Blocks. */
enum prompt_answer credentials_ask(struct credentials *c, struct prompt *prompt, const struct course_client *texts);
/* The same; after an empty name (which is PROMPT_OK) the password is not asked for. */
enum prompt_answer credentials_ask_again(struct credentials *c, struct prompt *prompt,
                                         const struct course_client *texts);

#endif
