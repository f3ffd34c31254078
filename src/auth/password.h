/*
 * password: the forms in which a user's secret is kept: checking a password against one, and making one of a password.
 *
 *     secret                                              in clear
 *     {CRYPT}$y$j9T$…                                     any hash of crypt(3): yescrypt, bcrypt, SHA-512 …
 *     {SCRAM-SHA-256}ITERATIONS,SALT,STORED,SERVER        SCRAM's keys (RFC 5802 section 3) in BASE64, as Dovecot writes them
 *
 * Pure but for the work: a hash takes its time by design, and yescrypt some 16 MiB while it lasts. What is secret is wiped, and compared in constant time.
 */
#ifndef POSTROOM_AUTH_PASSWORD_H
#define POSTROOM_AUTH_PASSWORD_H

#include "base/fault.h"
#include "base/slice.h"

enum password_kind { PASSWORD_PLAIN, PASSWORD_CRYPT, PASSWORD_SCRAM, PASSWORD_KINDS };

/* Of an attempt. A fault is nobody's mistake: memory is out. */
enum password_verdict { PASSWORD_WRONG, PASSWORD_RIGHT, PASSWORD_FAULT };

enum {
	PASSWORD_SECRET_MAX = 512, /* octets of a secret that is made here, its NUL included */
	PASSWORD_KEY = 32,         /* octets of SHA-256 */
	PASSWORD_SALT = 16,        /* octets of a salt that is made here */
	PASSWORD_SALT_MAX = 64,
	PASSWORD_ITERATIONS_LEAST = 4096, /* RFC 7677 section 4 */
	PASSWORD_ITERATIONS_MOST = 1000 * 1000,
	/* Keys that lie in a file: what RFC 7677 section 4 names as its rule of thumb; 10 ms on a machine of today. */
	PASSWORD_ITERATIONS = 15000,
};

/* What SCRAM-SHA-256 knows of a user (RFC 5802 section 3). */
struct password_keys {
	uint32_t iterations;
	size_t salt_len;
	unsigned char salt[PASSWORD_SALT_MAX];
	unsigned char stored[PASSWORD_KEY];
	unsigned char server[PASSWORD_KEY];
};

/* Which kind of secret it is. NULL, or what is wrong with it. */
const char *password_kind_of(struct slice secret, enum password_kind *kind);

/* Whether this is the password. As long as the secret's kind and cost say, whatever both hold. May take long. */
enum password_verdict password_verify(enum password_kind kind, struct slice secret, struct slice password);

/* The keys out of a {SCRAM-SHA-256} secret; false: it is none. */
bool password_keys_read(struct slice secret, struct password_keys *keys);
/* Fills in the keys for a password, with the iterations and the salt that are there. False: the password is no UTF-8 text that RFC 4013 permits, or memory
 * is out. Takes long. */
bool password_keys_make(struct slice password, struct password_keys *keys);

/* A secret of this kind with a salt of its own, for a users file. False with why: a password that cannot be one. Takes long. */
bool password_make(enum password_kind kind, struct slice password, char secret[PASSWORD_SECRET_MAX], struct fault *why);

#endif
