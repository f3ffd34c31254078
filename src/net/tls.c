/*
 * tls: an SSL_CTX made of two files, and made anew when they change. See tls.h.
 */
#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stamp.h"
#include "net/tls_tickets.h"

enum { LOOK_MS = 1000, LOOKS_MAX = 20 };

/* RFC 9325 section 4.2: ephemeral keys and authenticated encryption. TLS 1.3 has nothing else. */
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                              "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                              "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
/* TLS 1.3's. A handshake hashes a lot, and many processors have SHA-256 built in, few SHA-384. */
static const char ciphersuites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

struct stamps {
	struct stamp cert;
	struct stamp key;
};

struct tls_server {
	char *cert_file;
	char *key_file;
	bool has_key_file; /* one of its own */
	void (*report)(bool in_use, const char *text);
	struct tls_tickets *tickets;
	pthread_mutex_t reading; /* one at a time reads the files */
	pthread_mutex_t lock;    /* guards what follows */
	SSL_CTX *ctx;
	struct stamps read; /* of the files that were read last, good or bad */
	int64_t looked;     /* when; clock_ms() */
	bool owed;          /* a reload, by whoever was told of the change */
};

/* Of what links lead to: certbot's files are some. */
static struct stamps stamps_take(const struct tls_server *t)
{
	return (struct stamps){ stamp_at(AT_FDCWD, t->cert_file), stamp_at(AT_FDCWD, t->key_file) };
}

static bool stamps_same(const struct stamps *a, const struct stamps *b)
{
	return stamp_same(&a->cert, &b->cert) && stamp_same(&a->key, &b->key);
}

/* A pair that somebody is writing just now is not read by halves, and a change behind the reading shows. Who writes without an end is not waited for. */
static struct stamps stamps_settle(const struct tls_server *t)
{
	struct stamps stamps = stamps_take(t);
	for (int looks = 1; looks < LOOKS_MAX && (stamp_young(&stamps.cert) || stamp_young(&stamps.key)); looks++) {
		stamp_settle();
		stamps = stamps_take(t);
	}
	return stamps;
}

/* A key under a password: nobody is there to be asked when the server starts by itself or reads it again. */
static int no_password(char *text, int size, int writing, void *asked)
{
	(void)text;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

/* An open file, which this user may read; NULL and why. */
static FILE *open_file(const char *what, const char *name, struct stat *st, struct fault *why)
{
	FILE *f = NULL;
	if (stat(name, st) == 0 && !S_ISREG(st->st_mode)) /* opening a pipe would wait for its writer */
		fault_set(why, FAULT_PERMANENT, "the %s %.120s is not a file", what, name);
	else if (!(f = fopen(name, "re")))
		fault_errno(why, "cannot read the %s %.120s", what, name);
	return f;
}

static bool refuse(struct fault *why, const char *what, const char *name, const char *wrong)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	return fault_set(why, FAULT_PERMANENT, "the %s %.120s %s%s%s%s", what, name, wrong, reason ? " (" : "",
	                 reason ? reason : "", reason ? ")" : "");
}

/* The server's certificate first, then those that lead from it towards a root. */
static bool read_chain(SSL_CTX *ctx, FILE *f, bool *one_read)
{
	X509 *cert = PEM_read_X509_AUX(f, NULL, no_password, &(bool){ false });
	*one_read = cert != NULL;
	bool ok = cert && SSL_CTX_use_certificate(ctx, cert) == 1;
	X509_free(cert);
	while (ok && (cert = PEM_read_X509(f, NULL, no_password, &(bool){ false }))) {
		ok = SSL_CTX_add0_chain_cert(ctx, cert) == 1;
		if (!ok)
			X509_free(cert);
	}
	/* The end of the file is an error of this kind; any other means that a further certificate is broken. */
	unsigned long code = ERR_peek_last_error();
	return ok && ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static bool use_cert(SSL_CTX *ctx, const char *name, struct fault *why)
{
	struct stat st;
	bool one_read;
	FILE *f = open_file("certificate", name, &st, why);
	if (!f)
		return false;
	bool ok = read_chain(ctx, f, &one_read);
	fclose(f);
	if (ok)
		ERR_clear_error();
	return ok || refuse(why, "certificate", name, one_read ? "cannot be used" : "has no certificate in PEM form");
}

/* In use all the same: what is there is better than nothing, and clients say what they think of it. */
static void check_dates(const SSL_CTX *ctx, const char *name)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);
	bool early = X509_cmp_current_time(X509_get0_notBefore(cert)) > 0;
	bool late = X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
	struct tm when;
	char text[64] = "a time that cannot be read";
	if (!early && !late)
		return;
	if (ASN1_TIME_to_tm(early ? X509_get0_notBefore(cert) : X509_get0_notAfter(cert), &when) == 1)
		strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &when);
	log_warning("the certificate %s %s %s: clients will refuse it", name,
	            early ? "is not valid before" : "has expired on", text);
}

/* `alone`: it should stand in the certificate's own file. */
static bool use_key(SSL_CTX *ctx, const char *name, bool alone, struct fault *why)
{
	struct stat st;
	bool asked = false;
	FILE *f = open_file("key", name, &st, why);
	if (!f)
		return false;
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, no_password, &asked);
	fclose(f);
	bool ok = true;
	if (asked)
		ok = fault_set(why, FAULT_PERMANENT,
		               "the key %.120s is under a password: take it off (openssl pkey -in OLD -out NEW)", name);
	else if (!key && alone)
		ok = fault_set(why, FAULT_PERMANENT, "the certificate %.120s has no key with it: add --tls-key FILE",
		               name);
	else if (!key)
		ok = refuse(why, "key", name, "has no private key in PEM form");
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		ok = refuse(why, "key", name, "is not the certificate's: give the two that were made together");
	EVP_PKEY_free(key);
	if (ok && (st.st_mode & S_IRWXO))
		log_warning("every user of this machine can use the key %s: chmod o= it", name);
	return ok;
}

static bool set_rules(SSL_CTX *ctx, struct tls_tickets *tickets)
{
	/* Not the system's defaults: what is refused does not depend on its openssl.cnf. */
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	                                 SSL_OP_PRIORITIZE_CHACHA);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, ciphers) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, ciphersuites) == 1 && SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
	       tls_tickets_use(tickets, ctx);
}

static SSL_CTX *make_context(const struct tls_server *t, struct fault *why)
{
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool ok = ctx && set_rules(ctx, t->tickets);
	if (!ok)
		refuse(why, "certificate", t->cert_file, "cannot be used: OpenSSL does not start");
	else
		ok = use_cert(ctx, t->cert_file, why) && use_key(ctx, t->key_file, !t->has_key_file, why);
	if (ok)
		check_dates(ctx, t->cert_file);
	ERR_clear_error();
	if (ok)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* The stamps are taken first: what changes while it is read is read once more. */
static bool read_files(struct tls_server *t, struct fault *why)
{
	pthread_mutex_lock(&t->reading);
	struct stamps stamps = stamps_settle(t);
	SSL_CTX *ctx = make_context(t, why);
	pthread_mutex_lock(&t->lock);
	SSL_CTX *old = ctx ? t->ctx : NULL;
	if (ctx)
		t->ctx = ctx;
	t->read = stamps;
	t->owed = false;
	pthread_mutex_unlock(&t->lock);
	pthread_mutex_unlock(&t->reading);
	SSL_CTX_free(old);
	return ctx != NULL;
}

struct tls_server *tls_server_new(const char *cert_file, const char *key_file,
                                  void (*report)(bool in_use, const char *text), struct fault *why)
{
	struct tls_server *t = calloc(1, sizeof *t);
	if (!t) {
		fault_set(why, FAULT_FULL, "cannot use TLS: memory is out");
		return NULL;
	}
	t->report = report;
	t->cert_file = strdup(cert_file);
	t->key_file = strdup(key_file ? key_file : cert_file);
	t->has_key_file = key_file != NULL;
	pthread_mutex_init(&t->reading, NULL);
	pthread_mutex_init(&t->lock, NULL);
	if (!t->cert_file || !t->key_file)
		fault_set(why, FAULT_FULL, "cannot use TLS: memory is out");
	else if ((t->tickets = tls_tickets_new(why)) && read_files(t, why))
		return t;
	tls_server_free(t);
	return NULL;
}

void tls_server_free(struct tls_server *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	tls_tickets_free(t->tickets);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->reading);
	free(t->cert_file);
	free(t->key_file);
	free(t);
}

bool tls_server_changed(struct tls_server *t)
{
	bool changed = false;
	pthread_mutex_lock(&t->lock);
	int64_t now = clock_ms();
	if (!t->owed && now - t->looked >= LOOK_MS) {
		t->looked = now;
		struct stamps stamps = stamps_take(t);
		changed = t->owed = !stamps_same(&stamps, &t->read);
	}
	pthread_mutex_unlock(&t->lock);
	return changed;
}

void tls_server_reload(struct tls_server *t)
{
	char text[sizeof((struct fault *)0)->text + 64];
	struct fault why;
	bool in_use = read_files(t, &why);
	if (in_use)
		snprintf(text, sizeof text, "the certificate %.200s was read again", t->cert_file);
	else
		snprintf(text, sizeof text, "the certificate in use is kept: %s", why.text);
	if (t->report)
		t->report(in_use, text);
}

struct ssl_st *tls_server_session(struct tls_server *t)
{
	pthread_mutex_lock(&t->lock);
	SSL *ssl = SSL_new(t->ctx); /* holds the context for as long as it lives */
	pthread_mutex_unlock(&t->lock);
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}
