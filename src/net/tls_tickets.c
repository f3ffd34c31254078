/*
 * tls_tickets: two keys, today's and the one before. See tls_tickets.h.
 */
#include "net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { NAME_SIZE = 16, CIPHER_KEY_SIZE = 32, MAC_KEY_SIZE = 32, TURN_MS = TLS_TICKET_TURN_S * 1000 };

struct ticket_key {
	unsigned char name[NAME_SIZE]; /* stands in the ticket */
	unsigned char cipher[CIPHER_KEY_SIZE];
	unsigned char mac[MAC_KEY_SIZE];
};

struct tls_tickets {
	pthread_mutex_t lock; /* guards what follows */
	struct ticket_key current;
	struct ticket_key previous; /* opens only */
	int64_t made;               /* the current one; clock_ms() */
};

static bool key_make(struct ticket_key *k)
{
	return RAND_bytes(k->name, sizeof k->name) == 1 && RAND_bytes(k->cipher, sizeof k->cipher) == 1 &&
	       RAND_bytes(k->mac, sizeof k->mac) == 1;
}

struct tls_tickets *tls_tickets_new(struct fault *why)
{
	struct tls_tickets *t = calloc(1, sizeof *t);
	if (!t || !key_make(&t->current) || !key_make(&t->previous)) {
		free(t);
		fault_set(why, FAULT_FULL, "cannot use TLS: no memory or no random numbers");
		return NULL;
	}
	t->made = clock_ms();
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void tls_tickets_free(struct tls_tickets *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t, sizeof *t);
	free(t);
}

/* The lock is held. Without random numbers the key in use stays. */
static void turn(struct tls_tickets *t, int64_t now)
{
	struct ticket_key fresh;
	if (!key_make(&fresh))
		return;
	t->previous = t->current;
	t->current = fresh;
	t->made = now;
	OPENSSL_cleanse(&fresh, sizeof fresh);
}

void tls_tickets_turn(struct tls_tickets *t, int64_t now)
{
	pthread_mutex_lock(&t->lock);
	int64_t age = now - t->made;
	if (age >= TURN_MS)
		turn(t, now);
	if (age >= 2 * TURN_MS) /* nobody came meanwhile, and what is the one before now should have gone long ago */
		turn(t, now);
	pthread_mutex_unlock(&t->lock);
}

/* The key to seal with, or the one of that name. False: there is none. */
static bool key_find(struct tls_tickets *t, const unsigned char *name, struct ticket_key *key, bool *old)
{
	tls_tickets_turn(t, clock_ms());
	pthread_mutex_lock(&t->lock);
	bool found = !name || memcmp(name, t->current.name, NAME_SIZE) == 0;
	*old = !found && memcmp(name, t->previous.name, NAME_SIZE) == 0;
	*key = *old ? t->previous : t->current;
	pthread_mutex_unlock(&t->lock);
	return found || *old;
}

static bool key_load(struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int seal)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, seal) == 1 &&
	       EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* OpenSSL's: 0 means without this ticket, 2 that a new one shall be given, -1 failure. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int seal)
{
	struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_key key;
	bool old;
	if (!key_find(t, seal ? NULL : name, &key, &old))
		return 0;
	bool ok = true;
	if (seal) {
		memcpy(name, key.name, NAME_SIZE);
		ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1;
	}
	ok = ok && key_load(&key, iv, cipher, mac, seal);
	OPENSSL_cleanse(&key, sizeof key);
	/* With TLS 1.3 a ticket is to be used once (RFC 8446 appendix C.4). */
	return !ok ? -1 : old || (!seal && SSL_version(ssl) >= TLS1_3_VERSION) ? 2 : 1;
}

bool tls_tickets_use(struct tls_tickets *t, struct ssl_ctx_st *ctx)
{
	static const unsigned char context[] = "postroom";
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_timeout(ctx, TLS_TICKET_LIFE_S);
	/* What is needed to go on is in the ticket; the server keeps nothing. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* One is enough: a mail program seldom opens two connections at once. */
	SSL_CTX_set_num_tickets(ctx, 1);
	return SSL_CTX_set_session_id_context(ctx, context, sizeof context - 1) == 1 &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) == 1;
}
