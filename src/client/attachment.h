/*
 * attachment: where an attachment goes: a name that is safe whatever the mail calls it, and a new file of that name.
 *
 * Only the last part of a path counts (RFC 2183 section 2.3); what could hide a file, look like an option, lead elsewhere or drive a terminal is
 * taken out. A file that is there is never touched, and no link is followed.
 */
#ifndef POSTROOM_CLIENT_ATTACHMENT_H
#define POSTROOM_CLIENT_ATTACHMENT_H

#include "base/fault.h"
#include "base/slice.h"
#include "client/mime_view.h"

enum {
	ATTACHMENT_NAME_MAX = 128,  /* octets; file systems take 255 */
	ATTACHMENT_TRIES_MAX = 1000 /* names that are tried where one is taken */
};

/* The safe name; "attachment-NUMBER" where nothing is left. Pure. */
void attachment_name(struct slice name, size_t number, char safe[ATTACHMENT_NAME_MAX + 1]);

/* Writes the view's attachment into a new file of `dir`, 0600; *path is its name there, with a number where the name was taken. Blocks. */
bool attachment_save(const struct mime_view *v, size_t index, int dir, char name[ATTACHMENT_NAME_MAX + 1],
                     struct fault *why);

#endif
