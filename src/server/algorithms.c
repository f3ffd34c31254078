/*
 * algorithms: one of each kind. See algorithms.h.
 */
#include "server/algorithms.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#define FETCH(kind, name)                                                   \
	static bool fetch_##kind(void)                                      \
	{                                                                   \
		EVP_##kind *fetched = EVP_##kind##_fetch(NULL, name, NULL); \
		EVP_##kind##_free(fetched);                                 \
		return fetched != NULL;                                     \
	}
FETCH(MD, "SHA256")
FETCH(CIPHER, "AES-256-GCM")
FETCH(MAC, "HMAC")
FETCH(KDF, "HKDF")
FETCH(KEYMGMT, "EC")
FETCH(KEYEXCH, "X25519")
FETCH(SIGNATURE, "ECDSA")
FETCH(RAND, "CTR-DRBG")

/* One that this OpenSSL does not have is nobody's need. */
bool algorithms_fetch(struct fault *why)
{
	static bool (*const fetches[])(void) = { fetch_MD,      fetch_CIPHER,  fetch_MAC,       fetch_KDF,
		                                 fetch_KEYMGMT, fetch_KEYEXCH, fetch_SIGNATURE, fetch_RAND };
	bool lacking = false;
	for (size_t i = 0; i < sizeof fetches / sizeof fetches[0]; i++) {
		errno = 0;
		lacking |= !fetches[i]() && errno == ENOMEM;
	}
	ERR_clear_error();
	return !lacking || fault_set(why, FAULT_FULL, "cannot start: memory is out");
}
