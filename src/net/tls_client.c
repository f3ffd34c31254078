/*
 * tls_client: one SSL_CTX for all sessions of a client. See tls_client.h.
 */
#include "net/tls_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_OCTETS = 253 }; /* of a host name: RFC 1035 section 2.3.4, without the last dot */

struct tls_client {
	SSL_CTX *ctx;
};

static bool refuse(struct fault *why, const char *ca_file)
{
	fault_set(why, FAULT_PERMANENT, "%s: no certificates in PEM form", ca_file ? ca_file : "the system's CAs");
	ERR_clear_error();
	return false;
}

static bool trust(SSL_CTX *ctx, const char *ca_file, struct fault *why)
{
	if (!ca_file)
		return SSL_CTX_set_default_verify_paths(ctx) == 1 || refuse(why, NULL);
	if (access(ca_file, R_OK) != 0)
		return fault_errno(why, "cannot read the CA file %s", ca_file);
	/* Whatever certificate the person names is trusted, not a root alone. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return SSL_CTX_load_verify_locations(ctx, ca_file, NULL) == 1 || refuse(why, ca_file);
}

static bool configure(SSL_CTX *ctx, struct fault *why)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 || /* RFC 8996 */
	       fault_set(why, FAULT_PERMANENT, "this machine's OpenSSL has no TLS 1.2");
}

struct tls_client *tls_client_new(const char *ca_file, struct fault *why)
{
	struct tls_client *t = calloc(1, sizeof *t);
	if (t)
		t->ctx = SSL_CTX_new(TLS_client_method());
	if (!t || !t->ctx)
		fault_set(why, FAULT_FULL, "cannot use TLS: memory is out");
	else if (configure(t->ctx, why) && trust(t->ctx, ca_file, why))
		return t;
	tls_client_free(t);
	return NULL;
}

void tls_client_free(struct tls_client *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

static bool is_address(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* A name without the dot that may end it: certificates and SNI have none (RFC 6066 section 3). */
static bool bare_name(const char *host, char name[NAME_MAX_OCTETS + 1])
{
	size_t n = strlen(host);
	if (n > 0 && host[n - 1] == '.')
		n--;
	if (n == 0 || n > NAME_MAX_OCTETS)
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	return true;
}

static bool expect_host(SSL *ssl, const char *host)
{
	char name[NAME_MAX_OCTETS + 1];
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return bare_name(host, name) && SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct ssl_st *tls_client_session(struct tls_client *t, const char *host, struct fault *why)
{
	SSL *ssl = SSL_new(t->ctx);
	if (ssl && expect_host(ssl, host)) {
		SSL_set_connect_state(ssl);
		return ssl;
	}
	if (ssl)
		fault_set(why, FAULT_PERMANENT, "\"%.100s\" is no host name that a certificate could be for", host);
	else
		fault_set(why, FAULT_FULL, "cannot use TLS: memory is out");
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}
