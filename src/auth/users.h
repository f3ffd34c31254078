/*
 * users: who has a mailbox here, from the users file.
 *
 * A line a user: name, separator (one or more blanks, or a comma), secret. Blanks are spaces and tabs. Empty lines and lines
 * that begin with `#` are passed over. Names are looked up without regard to ASCII case and answered as the file spells them.
 * Of two names that differ in case alone the first stays. A bad line (a name that could leave the directory, no password)
 * is reported with its number; the other users go on. Thread-safe: the table is replaced as a whole when the file changes.
 *
 * A secret is the password in clear. Where the form has schemes, what begins with { is one of these (auth/password.h), and a bad line otherwise:
 *
 *     alice  secret
 *     bob    {CRYPT}$y$j9T$…                                    any hash of crypt(3)
 *     carol  {SCRAM-SHA-256}15000,SALT,STOREDKEY,SERVERKEY      the last three in BASE64, as Dovecot writes it
 */
#ifndef POSTROOM_AUTH_USERS_H
#define POSTROOM_AUTH_USERS_H

#include "auth/password.h"
#include "base/fault.h"
#include "base/slice.h"

struct users;

enum { USERS_NAME_MAX = 64, USERS_LINE_MAX = 1024, USERS_FILE_MAX = 64 * 1024 * 1024 };

/* How a users file is written. */
struct users_form {
	char separator; /* ' ' for blanks, or ',' */
	bool schemes;   /* a secret may be {CRYPT}… or {SCRAM-SHA-256}… */
};

/* Reads DIR/file; the form is copied. `report` gets one text for each bad line, at this and every
 * later reading (file and line in it). NULL: why says what is missing (the file's path in it). Blocks. */
struct users *users_open(int dir, const char *dir_name, const char *file, const struct users_form *form,
                         void (*report)(const char *text), struct fault *why);
/* Everybody is a user: a name is an address, spelled as its inbox (auth/inbox_name.h), and any password is right. There is no file, nobody is the first, and nothing
 * but passwords in clear is checked. NULL: memory is out. */
struct users *users_open_any(struct fault *why);
void users_free(struct users *u);

/* Whether the file has changed since it was read: one stat(), cheap enough for a loop. */
bool users_changed(struct users *u);
/* Reads it again; where that fails, says so to `report` and keeps what was: where memory or descriptors are lacking, it still counts as changed. Blocks. */
void users_reload(struct users *u);

/* The name as the file spells it, copied to `name`; false: no such user. Never blocks. */
bool users_find(struct users *u, struct slice name, char spelled[USERS_NAME_MAX + 1]);
/* The first user of the file, as it is spelled; false: the file has none. Never blocks. */
bool users_first(struct users *u, char spelled[USERS_NAME_MAX + 1]);
/* Whether all secrets are such that … Never blocks. */
bool users_all_plain(
        struct users *u); /* … they are passwords in clear: APOP works, and users_verify() takes microseconds */
bool users_all_scram(struct users *u); /* … SCRAM works: passwords in clear, or SCRAM keys */

/* Whether this is MD5 of stamp and password, in hexadecimal (RFC 1939 section 7); false where passwords are not stored in clear. The same time whether the
 * user exists or not. Never blocks. */
enum password_verdict users_verify_apop(struct users *u, struct slice name, struct slice stamp, struct slice digest,
                                        char spelled[USERS_NAME_MAX + 1]);
/* Whether this is the user's password; takes the same time whether the user exists or not. May block (hashing). */
enum password_verdict users_verify(struct users *u, struct slice name, struct slice password,
                                   char spelled[USERS_NAME_MAX + 1]);

/* What SCRAM says of a name to whoever asks (RFC 5802 section 5.1): iterations and salt, steady for a name, and for an unknown one such as a user's would
 * be. False: memory is out. Never blocks. */
bool users_scram_salt(struct users *u, struct slice name, struct password_keys *keys);
/* … and the keys as well. PASSWORD_WRONG: no such user; the keys are then another's, at the same cost. May block (hashing). */
enum password_verdict users_scram_keys(struct users *u, struct slice name, struct password_keys *keys,
                                       char spelled[USERS_NAME_MAX + 1]);
/* Calls each() with every name, in the file's order. */
void users_each(struct users *u, void (*each)(void *owner, const char *name), void *owner);

#endif
