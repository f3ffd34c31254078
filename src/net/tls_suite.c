/*
 * tls_suite: see tls_suite.h.
 */
#include "net/tls_suite.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(bool ok)
{
	if (!ok)
		abort();
}

static X509 *make_cert(EVP_PKEY *key, long begin, long end)
{
	X509 *x = X509_new();
	uint64_t serial;
	must(x && RAND_bytes((unsigned char *)&serial, sizeof serial) == 1);
	must(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1));
	must(X509_gmtime_adj(X509_getm_notBefore(x), begin) && X509_gmtime_adj(X509_getm_notAfter(x), end));
	X509_NAME *name = X509_get_subject_name(x);
	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0) == 1);
	must(X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost, IP:127.0.0.1");
	must(names && X509_add_ext(x, names, -1) == 1);
	X509_EXTENSION_free(names);
	must(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

/* Written beside it first, so that whoever looks sees the old or the new. */
static FILE *begin_file(const char *file, char beside[128])
{
	snprintf(beside, 128, "%s.new", file);
	FILE *f = fopen(beside, "w");
	must(f != NULL);
	return f;
}

static void end_file(FILE *f, const char *beside, const char *file)
{
	must(fclose(f) == 0 && chmod(beside, 0600) == 0 && rename(beside, file) == 0);
}

void tls_suite_date(struct tls_suite *s, long begin, long end)
{
	char beside[128];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key != NULL);
	X509 *cert = make_cert(key, begin, end);
	FILE *f = begin_file(s->key, beside);
	must(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	end_file(f, beside, s->key);
	f = begin_file(s->cert, beside);
	must(PEM_write_X509(f, cert) == 1);
	end_file(f, beside, s->cert);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void tls_suite_renew(struct tls_suite *s)
{
	tls_suite_date(s, -60, 3600);
}

void tls_suite_lock_key(const struct tls_suite *s)
{
	char beside[128];
	FILE *f = fopen(s->key, "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	must(key && fclose(f) == 0);
	f = begin_file(s->key, beside);
	must(PEM_write_PKCS8PrivateKey(f, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL) == 1);
	end_file(f, beside, s->key);
	EVP_PKEY_free(key);
}

void tls_suite_write(const char *file, const char *text)
{
	char beside[128];
	FILE *f = begin_file(file, beside);
	must(fputs(text, f) >= 0);
	end_file(f, beside, file);
}

void tls_suite_init(struct tls_suite *s)
{
	snprintf(s->dir, sizeof s->dir, "/tmp/tls_suite.XXXXXX");
	must(mkdtemp(s->dir) != NULL);
	snprintf(s->cert, sizeof s->cert, "%s/cert.pem", s->dir);
	snprintf(s->key, sizeof s->key, "%s/key.pem", s->dir);
	tls_suite_renew(s);
}

void tls_suite_release(struct tls_suite *s)
{
	unlink(s->cert);
	unlink(s->key);
	rmdir(s->dir);
}
