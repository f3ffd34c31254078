/*
 * command_input: what `send` reads from standard input, checked before anything is sent: a text in UTF-8, or a whole mail.
 */
#ifndef POSTROOM_CLIENT_COMMAND_INPUT_H
#define POSTROOM_CLIENT_COMMAND_INPUT_H

#include "client/command_options.h"

#define COMMAND_INPUT_MAX ((size_t)256 << 20) /* octets */

/* A text. Line ends become LF. EX_OK, or the exit status, the reason being told. Blocks. */
int command_input_text(const struct command_options *o, struct buf *text);
/* A mail with its header: no line beyond RFC 5322's 998 octets, no NUL, no CR but before LF; Bcc fields are taken out. Blocks. */
int command_input_raw(const struct command_options *o, struct buf *mail);

#endif
