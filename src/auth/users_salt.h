/*
 * users_salt: salts for names that have none: what SCRAM tells of an unknown name must not differ from what it tells of a user, nor change while users' do
 * not.
 *
 * The salt is HMAC-SHA-512 of the name under a random key, which lies in a file of its own beside the users file, so that it outlives restarts and is the same
 * for all servers there. Not made of the users' secrets: whoever asks is given the salt, and could try passwords against it.
 */
#ifndef POSTROOM_AUTH_USERS_SALT_H
#define POSTROOM_AUTH_USERS_SALT_H

#include "base/slice.h"

enum { USERS_SALT_KEY = 32 };

#define USERS_SALT_FILE ".scram-salt-key"

enum users_salt {
	USERS_SALT_NONE,  /* there are no random numbers, since memory or descriptors are out */
	USERS_SALT_FRESH, /* for this start alone: it was not to be kept, or cannot be; errno says why */
	USERS_SALT_KEPT,
};

/* The key of the file in `dir`, which is made where it is missing or has but part of one; where that cannot be, or not `kept`, a new one. Blocks. */
enum users_salt users_salt_key(int dir, bool kept, unsigned char key[USERS_SALT_KEY]);
/* At most 64 octets. The same for names that differ in ASCII case alone. */
bool users_salt_of(const unsigned char key[USERS_SALT_KEY], struct slice name, unsigned char *salt, size_t len);
/* A number for an unknown name, likewise: of whose secret its password is checked against. The salt does not tell it. */
uint32_t users_salt_pick(const unsigned char key[USERS_SALT_KEY], struct slice name);

#endif
