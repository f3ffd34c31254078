/*
 * password: see password.h. crypt(3) is libxcrypt's; SCRAM's arithmetic is GNU SASL's.
 */
#include "auth/password.h"

#include <crypt.h>
#include <errno.h>
#include <gsasl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CLEAR_MAX = 1024,  /* octets of a secret in clear: a line of the users file */
	CLASSIC_HASH = 13, /* characters of a DES hash, its salt included */
	MD5_HASH = 22,     /* … of the shortest one behind $ */
	WIDE_HASH = 43,    /* … and of the shortest one of 256 bits */
};

#define CRYPT_SCHEME "{CRYPT}"
#define SCRAM_SCHEME "{SCRAM-SHA-256}"

static bool has_scheme(struct slice secret, const char *scheme)
{
	return slice_starts_nocase(secret, scheme);
}

/* ---- BASE64 ---- */

enum { BASE64_MAX = (PASSWORD_SALT_MAX + 2) / 3 * 4 };

static size_t count_padding(struct slice text)
{
	size_t n = 0;
	while (n < 2 && n < text.len && text.ptr[text.len - 1 - n] == '=')
		n++;
	return n;
}

/* Exactly as RFC 4648 section 4 writes it: what is decoded would be written in the same way. At most `max` octets; false: none of it. Needs no memory: a
 * good secret must not look like a bad one because there is none. */
static bool from_base64(struct slice text, unsigned char *octets, size_t max, size_t *len)
{
	unsigned char decoded[BASE64_MAX], again[BASE64_MAX + 1];
	if (text.len == 0 || text.len > BASE64_MAX || text.len % 4 != 0)
		return false;
	int whole = EVP_DecodeBlock(decoded, (const unsigned char *)text.ptr, (int)text.len);
	size_t n = whole > 0 ? (size_t)whole - count_padding(text) : 0;
	bool ok = whole > 0 && n <= max && EVP_EncodeBlock(again, decoded, (int)n) == (int)text.len &&
	          memcmp(again, text.ptr, text.len) == 0;
	if (ok) {
		memcpy(octets, decoded, n);
		*len = n;
	}
	explicit_bzero(decoded, sizeof decoded);
	explicit_bzero(again, sizeof again);
	return ok;
}

static bool key_from_base64(struct slice text, unsigned char key[PASSWORD_KEY])
{
	size_t len;
	return from_base64(text, key, PASSWORD_KEY, &len) && len == PASSWORD_KEY;
}

/* ---- SCRAM ---- */

/* The field up to the next comma; what follows it stays. */
static struct slice next_field(struct slice *rest)
{
	size_t comma = slice_find(*rest, ',');
	struct slice field = slice_make(rest->ptr, comma);
	*rest = slice_skip(*rest, comma + 1);
	return field;
}

bool password_keys_read(struct slice secret, struct password_keys *keys)
{
	uint64_t iterations;
	if (!has_scheme(secret, SCRAM_SCHEME))
		return false;
	struct slice rest = slice_skip(secret, strlen(SCRAM_SCHEME));
	if (!slice_number(next_field(&rest), PASSWORD_ITERATIONS_MOST, &iterations) ||
	    iterations < PASSWORD_ITERATIONS_LEAST)
		return false;
	keys->iterations = (uint32_t)iterations;
	if (!from_base64(next_field(&rest), keys->salt, PASSWORD_SALT_MAX, &keys->salt_len) || keys->salt_len == 0)
		return false;
	/* The last one takes all that is left: a comma in it is no BASE64. */
	return key_from_base64(next_field(&rest), keys->stored) && key_from_base64(rest, keys->server);
}

bool password_keys_make(struct slice password, struct password_keys *keys)
{
	char salted[PASSWORD_KEY], client[PASSWORD_KEY];
	char *text = slice_has(password, '\0') ? NULL : slice_dup(password);
	if (!text)
		return false;
	int rc = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, text, keys->iterations, (const char *)keys->salt,
	                                           keys->salt_len, salted, client, (char *)keys->server,
	                                           (char *)keys->stored);
	explicit_bzero(salted, sizeof salted);
	explicit_bzero(client, sizeof client);
	explicit_bzero(text, password.len);
	free(text);
	return rc == GSASL_OK;
}

static bool verify_scram(struct slice secret, struct slice password)
{
	struct password_keys right, given;
	bool same = false;
	if (password_keys_read(secret, &right)) {
		given = right;
		same = password_keys_make(password, &given) &&
		       CRYPTO_memcmp(given.stored, right.stored, PASSWORD_KEY) == 0;
		explicit_bzero(&given, sizeof given);
	}
	explicit_bzero(&right, sizeof right);
	return same;
}

/* ---- crypt ---- */

/* A hash as it stands in the file, with room for crypt's own data: 32 KiB are too much for a thread's small stack. */
struct crypting {
	struct crypt_data data;
	char setting[CRYPT_OUTPUT_SIZE];
	char phrase[CRYPT_MAX_PASSPHRASE_SIZE + 1];
};

/* What crypt(3) would take for a setting may lack its hash: nobody could log in, and nobody would know why. */
static bool whole_hash(const char *setting)
{
	static const char *const wide[] = { "$y$", "$gy$", "$7$", "$6$", "$5$" };
	size_t least = MD5_HASH;
	const char *last = strrchr(setting, '$');
	if (!last)
		return strlen(setting) >= CLASSIC_HASH;
	for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
		if (slice_starts_nocase(slice_str(setting), wide[i]))
			least = WIDE_HASH;
	}
	return strlen(last + 1) >= least;
}

static bool copy_text(char *to, size_t size, struct slice from)
{
	if (from.len >= size || slice_has(from, '\0'))
		return false;
	memcpy(to, from.ptr, from.len);
	to[from.len] = '\0';
	return true;
}

static const char *fault_of_hash(struct slice hash)
{
	char setting[CRYPT_OUTPUT_SIZE];
	if (!copy_text(setting, sizeof setting, hash))
		return "the hash behind {CRYPT} is too long";
	int known = crypt_checksalt(setting);
	if (known == CRYPT_SALT_INVALID || known == CRYPT_SALT_METHOD_DISABLED || !whole_hash(setting))
		return "what stands behind {CRYPT} is no hash of crypt(3)";
	return NULL;
}

static bool verify_crypt(struct slice secret, struct slice password)
{
	struct crypting *c = calloc(1, sizeof *c);
	if (!c)
		return false;
	/* crypt(3) takes neither NUL nor more: such a password was never hashed. */
	bool possible = copy_text(c->phrase, sizeof c->phrase, password);
	bool same = false;
	if (copy_text(c->setting, sizeof c->setting, slice_skip(secret, strlen(CRYPT_SCHEME)))) {
		const char *hash = crypt_rn(c->phrase, c->setting, &c->data, sizeof c->data);
		size_t len = strlen(c->setting);
		if (!hash) /* the setting was looked at when it was read; crypt(3) says EINVAL where it finds no memory */
			errno = ENOMEM;
		same = hash && strlen(hash) == len && CRYPTO_memcmp(hash, c->setting, len) == 0 && possible;
	}
	explicit_bzero(c, sizeof *c);
	free(c);
	return same;
}

/* ---- in clear ---- */

/* Takes the same time whatever the two hold: they are compared at full length, filled up with NUL, which no
 * password in a users file holds. */
static bool verify_plain(struct slice right, struct slice given)
{
	char a[CLEAR_MAX] = { 0 }, b[CLEAR_MAX] = { 0 };
	size_t given_len = given.len < sizeof b ? given.len : sizeof b;
	memcpy(a, right.ptr, right.len < sizeof a ? right.len : sizeof a);
	if (given_len > 0)
		memcpy(b, given.ptr, given_len);
	bool same = CRYPTO_memcmp(a, b, sizeof a) == 0;
	same &= right.len == given.len;
	explicit_bzero(a, sizeof a);
	explicit_bzero(b, sizeof b);
	return same;
}

/* ---- all kinds ---- */

const char *password_kind_of(struct slice secret, enum password_kind *kind)
{
	struct password_keys keys;
	*kind = PASSWORD_PLAIN;
	if (slice_empty(secret) || secret.ptr[0] != '{')
		return NULL;
	if (has_scheme(secret, CRYPT_SCHEME)) {
		*kind = PASSWORD_CRYPT;
		return fault_of_hash(slice_skip(secret, strlen(CRYPT_SCHEME)));
	}
	if (!has_scheme(secret, SCRAM_SCHEME))
		return "unknown scheme: a secret in braces begins with {CRYPT} or {SCRAM-SHA-256}";
	*kind = PASSWORD_SCRAM;
	bool good = password_keys_read(secret, &keys);
	explicit_bzero(&keys, sizeof keys);
	return good ? NULL
	            : "expected ITERATIONS,SALT,STOREDKEY,SERVERKEY behind {SCRAM-SHA-256}, from 4096 iterations";
}

static bool verify(enum password_kind kind, struct slice secret, struct slice password)
{
	switch (kind) {
	case PASSWORD_CRYPT:
		return verify_crypt(secret, password);
	case PASSWORD_SCRAM:
		return verify_scram(secret, password);
	default:
		return verify_plain(secret, password);
	}
}

/* GNU SASL does not say by what it returns that memory was out, but whatever gives memory sets errno. */
enum password_verdict password_verify(enum password_kind kind, struct slice secret, struct slice password)
{
	errno = 0;
	if (verify(kind, secret, password))
		return PASSWORD_RIGHT;
	return errno == ENOMEM ? PASSWORD_FAULT : PASSWORD_WRONG;
}

/* ---- making one ---- */

static const char *fault_of_password(enum password_kind kind, struct slice password)
{
	if (slice_empty(password))
		return "the password is empty";
	if (password.len > PASSWORD_SECRET_MAX / 2)
		return "the password is longer than 256 octets";
	for (size_t i = 0; i < password.len; i++) {
		unsigned char c = (unsigned char)password.ptr[i];
		if (c < ' ' || c == 0x7f)
			return "a password may not hold control characters";
		if (c == ' ' && kind == PASSWORD_PLAIN) /* it separates in the file */
			return "a password that is kept in clear may not hold blanks";
	}
	if (kind == PASSWORD_PLAIN && password.ptr[0] == '{')
		return "a password in clear may not begin with {: that begins a scheme";
	return NULL;
}

static bool make_crypt(struct slice password, char *secret, size_t size)
{
	struct crypting *c = calloc(1, sizeof *c);
	if (!c)
		return false;
	const char *hash = NULL;
	/* yescrypt at the cost that crypt(5) recommends; the salt comes from the system. */
	if (copy_text(c->phrase, sizeof c->phrase, password) &&
	    crypt_gensalt_rn("$y$", 0, NULL, 0, c->setting, sizeof c->setting))
		hash = crypt_rn(c->phrase, c->setting, &c->data, sizeof c->data);
	int n = hash ? snprintf(secret, size, "%s%s", CRYPT_SCHEME, hash) : -1;
	explicit_bzero(c, sizeof *c);
	free(c);
	return n > 0 && (size_t)n < size;
}

static bool print_keys(const struct password_keys *keys, char *secret, size_t size)
{
	char *salt = NULL, *stored = NULL, *server = NULL;
	int n = -1;
	if (gsasl_base64_to((const char *)keys->salt, keys->salt_len, &salt, NULL) == GSASL_OK &&
	    gsasl_base64_to((const char *)keys->stored, PASSWORD_KEY, &stored, NULL) == GSASL_OK &&
	    gsasl_base64_to((const char *)keys->server, PASSWORD_KEY, &server, NULL) == GSASL_OK)
		n = snprintf(secret, size, "%s%u,%s,%s,%s", SCRAM_SCHEME, (unsigned)keys->iterations, salt, stored,
		             server);
	gsasl_free(salt);
	gsasl_free(stored);
	gsasl_free(server);
	return n > 0 && (size_t)n < size;
}

static bool make_scram(struct slice password, char *secret, size_t size)
{
	struct password_keys keys = { .iterations = PASSWORD_ITERATIONS, .salt_len = PASSWORD_SALT };
	bool ok = RAND_bytes(keys.salt, PASSWORD_SALT) == 1 && password_keys_make(password, &keys) &&
	          print_keys(&keys, secret, size);
	explicit_bzero(&keys, sizeof keys);
	return ok;
}

bool password_make(enum password_kind kind, struct slice password, char secret[PASSWORD_SECRET_MAX], struct fault *why)
{
	const char *bad = fault_of_password(kind, password);
	bool ok;
	if (bad)
		return fault_set(why, FAULT_PERMANENT, "%s", bad);
	if (kind == PASSWORD_CRYPT)
		ok = make_crypt(password, secret, PASSWORD_SECRET_MAX);
	else if (kind == PASSWORD_SCRAM)
		ok = make_scram(password, secret, PASSWORD_SECRET_MAX);
	else
		ok = copy_text(secret, PASSWORD_SECRET_MAX, password);
	return ok || fault_set(why, FAULT_PERMANENT, "the password cannot be hashed: is it UTF-8?");
}
