/*
 * inbox_name: see inbox_name.h.
 */
#include "auth/inbox_name.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { HASH = 16, BEGINNING = USERS_NAME_MAX - 1 - 2 * HASH };

static bool stays(char c, size_t at)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && (strchr("@_-+=", c) || (c == '.' && at > 0));
}

/* As many octets of the address as have room, in small letters; how many that were. */
static size_t encode(struct slice address, char *name, size_t room)
{
	size_t taken = 0, len = 0;
	for (; taken < address.len; taken++) {
		char c = slice_lower(address.ptr[taken]);
		size_t width = stays(c, taken) ? 1 : 3;
		if (len + width > room)
			break;
		if (width == 1)
			name[len] = c;
		else
			snprintf(name + len, 4, "%%%02X", (unsigned char)c);
		len += width;
	}
	name[len] = '\0';
	return taken;
}

static bool append_hash(struct slice address, char *name)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; ok && i < address.len; i++) {
		char c = slice_lower(address.ptr[i]);
		ok = EVP_DigestUpdate(ctx, &c, 1) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	char *to = name + strlen(name);
	*to++ = '~';
	for (size_t i = 0; ok && i < HASH; i++)
		snprintf(to + 2 * i, 3, "%02x", hash[i]);
	return ok;
}

bool inbox_name(struct slice address, char name[USERS_NAME_MAX + 1])
{
	if (slice_empty(address))
		return false;
	if (encode(address, name, USERS_NAME_MAX) == address.len)
		return true;
	encode(address, name, BEGINNING);
	return append_hash(address, name);
}
