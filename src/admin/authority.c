/*
 * authority: the files ca.pem and ca.key, and signing. See authority.h; what stands in the certificates: RFC 5280 section 4.2.
 */
#include "admin/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "admin/put_file.h"
#include "base/file.h"

static const char cert_name[] = "ca.pem", key_name[] = "ca.key";

enum {
	DAY = 24 * 60 * 60,
	BACKDATED = 60 * 60, /* seconds: a client's clock may be slow */
	SERIAL_BITS = 159,   /* at most 20 octets as a positive number (RFC 5280 section 4.1.2.2) */
	COMMON_NAME_MAX = 64,
};

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

struct extension {
	int nid;
	const char *value;
};

static bool no_openssl(struct fault *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	fault_set(why, FAULT_TEMPORARY, "OpenSSL cannot %s: %s", what, reason ? reason : "no reason given");
	ERR_clear_error();
	return false;
}

/* ---- PEM ---- */

static bool take_memory(BIO *bio, struct buf *to)
{
	char *octets;
	long n = BIO_get_mem_data(bio, &octets);
	return n > 0 && buf_append(to, octets, (size_t)n);
}

static bool append_cert(struct buf *to, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio && PEM_write_bio_X509(bio, cert) == 1 && take_memory(bio, to);
	BIO_free(bio);
	return ok;
}

static bool append_key(struct buf *to, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool ok = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 && take_memory(bio, to);
	BIO_free(bio);
	return ok;
}

static void wipe(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

/* ---- making a certificate ---- */

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
	          BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct extension *wanted)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	for (const struct extension *e = wanted; e->value; e++) {
		X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, &context, e->nid, e->value);
		bool ok = made && X509_add_ext(cert, made, -1);
		X509_EXTENSION_free(made);
		if (!ok)
			return false;
	}
	return true;
}

static bool set_times(X509 *cert, time_t now, time_t end)
{
	return ASN1_TIME_set(X509_getm_notBefore(cert), now - BACKDATED) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), end);
}

static time_t end_of(const X509 *cert)
{
	struct tm end;
	return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) ? timegm(&end) : 0;
}

/* A certificate that is nobody's yet: not signed, no names. */
static X509 *new_cert(EVP_PKEY *key, time_t end)
{
	X509 *cert = X509_new();
	if (cert && X509_set_version(cert, X509_VERSION_3) && set_serial(cert) && set_times(cert, time(NULL), end) &&
	    X509_set_pubkey(cert, key))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool set_common_name(X509_NAME *name, const char *text)
{
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

/* ---- the authority's own ---- */

static X509_NAME *authority_name(void)
{
	char host[32] = "", text[COMMON_NAME_MAX + 1], day[16];
	time_t now = time(NULL);
	struct tm local;
	gethostname(host, sizeof host - 1);
	strftime(day, sizeof day, "%Y-%m-%d", localtime_r(&now, &local));
	snprintf(text, sizeof text, "Postroom local CA (%s, %s)", host, day);
	X509_NAME *name = X509_NAME_new();
	if (name && !set_common_name(name, text)) {
		X509_NAME_free(name);
		return NULL;
	}
	return name;
}

static X509 *sign_itself(EVP_PKEY *key, const X509_NAME *name)
{
	static const struct extension wanted[] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
		{ 0, NULL },
	};
	X509 *cert = new_cert(key, time(NULL) + (time_t)AUTHORITY_DAYS * DAY);
	if (cert && X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) &&
	    add_extensions(cert, cert, wanted) && X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static bool put_key(int dir, EVP_PKEY *key, struct fault *why)
{
	struct buf pem;
	buf_init(&pem, AUTHORITY_PEM_MAX);
	bool ok = buf_reserve(&pem, AUTHORITY_PEM_MAX / 2) && append_key(&pem, key);
	ok = ok ? put_file(dir, key_name, buf_slice(&pem), 0600, PUT_FILE_NEW, why) : no_openssl(why, "write a key");
	wipe(&pem);
	return ok;
}

static bool put_cert(int dir, X509 *cert, enum put_file_where where, struct fault *why)
{
	struct buf pem;
	buf_init(&pem, AUTHORITY_PEM_MAX);
	bool ok = append_cert(&pem, cert);
	ok = ok ? put_file(dir, cert_name, buf_slice(&pem), 0644, where, why) : no_openssl(why, "write a certificate");
	buf_release(&pem);
	return ok;
}

static bool make_cert(struct authority *a, int dir, struct fault *why)
{
	X509_NAME *name = authority_name();
	a->cert = name ? sign_itself(a->key, name) : NULL;
	X509_NAME_free(name);
	return a->cert ? put_cert(dir, a->cert, PUT_FILE_NEW, why) : no_openssl(why, "make a certificate");
}

static bool make(struct authority *a, int dir, struct fault *why)
{
	/* The key first: a run that was cut short between the two is taken up there. */
	if (!a->key) {
		a->key = EVP_EC_gen("P-256");
		if (!a->key)
			return no_openssl(why, "make a key");
		if (!put_key(dir, a->key, why))
			return false;
	}
	return make_cert(a, dir, why);
}

static bool renew(struct authority *a, int dir, struct fault *why)
{
	X509 *cert = sign_itself(a->key, X509_get_subject_name(a->cert));
	if (!cert)
		return no_openssl(why, "make a certificate");
	X509_free(a->cert);
	a->cert = cert;
	return put_cert(dir, cert, PUT_FILE_REPLACE, why);
}

/* ---- reading ---- */

/* False: it is there, and no use. *bio NULL: it is not there. */
static bool open_pem(int dir, const char *name, BIO **bio, struct fault *why)
{
	*bio = NULL;
	int fd = file_open(dir, name, O_RDONLY, 0);
	if (fd < 0)
		return errno == ENOENT || fault_errno(why, "cannot read %s", name);
	FILE *f = fdopen(fd, "r");
	if (f)
		*bio = BIO_new_fp(f, BIO_CLOSE);
	return *bio != NULL || no_openssl(why, "read a file");
}

static bool read_files(struct authority *a, int dir, struct fault *why)
{
	BIO *cert = NULL, *key = NULL;
	bool ok = open_pem(dir, cert_name, &cert, why) && open_pem(dir, key_name, &key, why);
	/* Without a password to ask for: an encrypted key is none of ours. */
	a->cert = cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
	a->key = key ? PEM_read_bio_PrivateKey(key, NULL, NULL, "") : NULL;
	if (ok && cert && !a->cert)
		ok = fault_set(why, FAULT_PERMANENT, "%s is no certificate in PEM", cert_name);
	else if (ok && key && !a->key)
		ok = fault_set(why, FAULT_PERMANENT, "%s is no private key in PEM without a password", key_name);
	BIO_free(cert);
	BIO_free(key);
	ERR_clear_error();
	return ok;
}

static bool is_usable(const struct authority *a, struct fault *why)
{
	if (!a->key)
		return fault_set(
		        why, FAULT_PERMANENT,
		        "%s is there, but not %s, without which nothing can be signed: put it back, or move %s "
		        "away, and have programs trust the new CA",
		        cert_name, key_name, cert_name);
	if (X509_check_private_key(a->cert, a->key) != 1)
		return fault_set(why, FAULT_PERMANENT,
		                 "%s and %s do not belong together: move both away, or put the right ones back",
		                 cert_name, key_name);
	if (X509_check_ca(a->cert) != 1)
		return fault_set(why, FAULT_PERMANENT,
		                 "%s is not the certificate of a CA: say --dir DIR, or move it away", cert_name);
	return true;
}

/* ---- the pair that is to be replaced ---- */

static const char whose[] = "somebody else's? Say --dir DIR, or move it away";

/* False: it is not ours to replace. NULL in *cert: there is none. */
static bool read_pair_cert(const struct authority *a, int dir, X509 **cert, struct fault *why)
{
	BIO *bio;
	*cert = NULL;
	if (!open_pem(dir, AUTHORITY_PAIR_CERT, &bio, why))
		return false;
	if (!bio)
		return true;
	*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bool ours = *cert && a->key && X509_verify(*cert, a->key) == 1;
	return ours || fault_set(why, FAULT_PERMANENT, "%s was not signed by the key in %s: %s", AUTHORITY_PAIR_CERT,
	                         key_name, whose);
}

static bool is_pair_key(int dir, X509 *cert, struct fault *why)
{
	BIO *bio;
	if (!open_pem(dir, AUTHORITY_PAIR_KEY, &bio, why))
		return false;
	if (!bio)
		return true;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, "");
	BIO_free(bio);
	bool ours = cert && key && X509_check_private_key(cert, key) == 1;
	EVP_PKEY_free(key);
	return ours || fault_set(why, FAULT_PERMANENT, "%s is not the key of a %s that was signed by the key in %s: %s",
	                         AUTHORITY_PAIR_KEY, AUTHORITY_PAIR_CERT, key_name, whose);
}

static bool may_replace_pair(const struct authority *a, int dir, struct fault *why)
{
	X509 *cert;
	bool ok = read_pair_cert(a, dir, &cert, why) && is_pair_key(dir, cert, why);
	X509_free(cert);
	return ok;
}

static bool open_all(struct authority *a, int dir, enum authority_state *state, struct fault *why)
{
	if (!read_files(a, dir, why) || (a->cert && !is_usable(a, why)) || !may_replace_pair(a, dir, why))
		return false;
	if (!a->cert) {
		*state = a->key ? AUTHORITY_MADE_ANEW : AUTHORITY_MADE;
		return make(a, dir, why);
	}
	*state = end_of(a->cert) - time(NULL) < (time_t)AUTHORITY_RENEW_DAYS * DAY ? AUTHORITY_RENEWED : AUTHORITY_KEPT;
	return *state == AUTHORITY_KEPT || renew(a, dir, why);
}

struct authority *authority_open(int dir, enum authority_state *state, struct fault *why)
{
	struct authority *a = calloc(1, sizeof *a);
	if (!a) {
		fault_set(why, FAULT_TEMPORARY, "out of memory");
	} else if (!open_all(a, dir, state, why)) {
		authority_free(a);
		a = NULL;
	}
	ERR_clear_error();
	return a;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	X509_free(a->cert);
	EVP_PKEY_free(a->key);
	free(a);
}

time_t authority_end(const struct authority *a)
{
	return end_of(a->cert);
}

/* ---- a server's certificate ---- */

static X509 *sign_server(const struct authority *a, EVP_PKEY *key, const char *common_name, const char *alt_names,
                         time_t end)
{
	const struct extension wanted[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
		{ NID_subject_alt_name, alt_names },
		{ 0, NULL },
	};
	X509 *cert = new_cert(key, end);
	/* The names that count are the alternative ones (RFC 6125); the subject is for people. */
	bool named = strlen(common_name) > COMMON_NAME_MAX ||
	             (cert && set_common_name(X509_get_subject_name(cert), common_name));
	if (cert && named && X509_set_issuer_name(cert, X509_get_subject_name(a->cert)) &&
	    add_extensions(cert, a->cert, wanted) && X509_sign(cert, a->key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

bool authority_certify(const struct authority *a, const char *common_name, const char *alt_names, unsigned days,
                       struct certificate *c, struct fault *why)
{
	buf_init(&c->chain, AUTHORITY_PEM_MAX);
	buf_init(&c->key, AUTHORITY_PEM_MAX);
	time_t end = time(NULL) + (time_t)days * DAY;
	c->end = end < authority_end(a) ? end : authority_end(a);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? sign_server(a, key, common_name, alt_names, c->end) : NULL;
	/* Reserved at once, so that no growing buffer leaves a copy of the key behind. */
	bool ok = cert && append_cert(&c->chain, cert) && append_cert(&c->chain, a->cert) &&
	          buf_reserve(&c->key, AUTHORITY_PEM_MAX / 2) && append_key(&c->key, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ok || no_openssl(why, "make a certificate");
}

void certificate_release(struct certificate *c)
{
	buf_release(&c->chain);
	wipe(&c->key);
}
