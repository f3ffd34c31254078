/*
 * stream: a socket, and OpenSSL on it. See stream.h.
 *
 * OpenSSL's own socket BIO writes with write(2) and so raises SIGPIPE; the one here says MSG_NOSIGNAL.
 */
#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t wire_lock = PTHREAD_MUTEX_INITIALIZER;
static BIO_METHOD *wire_method; /* made once, and constant from then on */

static bool is_passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int wire_fd(BIO *b)
{
	int fd = -1;
	BIO_get_fd(b, &fd);
	return fd;
}

static int wire_write(BIO *b, const char *octets, int n)
{
	BIO_clear_retry_flags(b);
	ssize_t sent = send(wire_fd(b), octets, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0 && is_passing(errno))
		BIO_set_retry_write(b);
	return (int)sent;
}

static int wire_read(BIO *b, char *octets, int n)
{
	BIO_clear_retry_flags(b);
	ssize_t got = recv(wire_fd(b), octets, (size_t)n, 0);
	if (got < 0 && is_passing(errno))
		BIO_set_retry_read(b);
	if (got == 0)
		BIO_set_flags(b, BIO_FLAGS_IN_EOF);
	return (int)got;
}

/* The descriptor stands in the BIO's data, which is only as wide as a pointer. */
static long wire_control(BIO *b, int what, long number, void *pointer)
{
	(void)number;
	switch (what) {
	case BIO_C_SET_FD:
		BIO_set_data(b, (void *)(intptr_t) * (int *)pointer);
		BIO_set_init(b, 1);
		return 1;
	case BIO_C_GET_FD:
		*(int *)pointer = (int)(intptr_t)BIO_get_data(b);
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
	case BIO_CTRL_FLUSH:
		return 1;
	default:
		return 0;
	}
}

/* NULL: memory is out. */
static BIO_METHOD *make_wire_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "socket");
	if (m && BIO_meth_set_write(m, wire_write) && BIO_meth_set_read(m, wire_read) &&
	    BIO_meth_set_ctrl(m, wire_control))
		return m;
	BIO_meth_free(m);
	return NULL;
}

static BIO *wire_new(int fd)
{
	pthread_mutex_lock(&wire_lock);
	if (!wire_method)
		wire_method = make_wire_method();
	const BIO_METHOD *method = wire_method;
	pthread_mutex_unlock(&wire_lock);
	BIO *b = method ? BIO_new(method) : NULL;
	if (b)
		BIO_set_fd(b, fd, BIO_NOCLOSE);
	return b;
}

void stream_secure(struct stream *s, struct ssl_st *ssl)
{
	BIO *wire = wire_new(s->fd);
	/* Part of a reply may be written, and the rest later, from a buffer that has moved by then. An idle session keeps
	 * no 16 KiB buffers. */
	SSL_set_mode(ssl,
	             SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);           /* a peer's endless key updates are worked off one a call */
	SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF); /* see ended() */
	if (wire)
		SSL_set_bio(ssl, wire, wire); /* without one, the handshake fails */
	s->ssl = ssl;
}

/* An end without close_notify is an end, as many clients do it: nothing is lost by believing it, for in SMTP and POP3 a mail, a
 * command and a reply each have an end of their own, and what is cut off before it does not count (RFC 8446 section 6.1 leaves that to
 * the application). In the middle of a record it is a break. */
static enum stream_got ended(const struct stream *s)
{
	return SSL_has_pending(s->ssl) ? STREAM_BROKEN : STREAM_END;
}

static enum stream_got judge(const struct stream *s, int result)
{
	switch (SSL_get_error(s->ssl, result)) {
	case SSL_ERROR_NONE:
		return STREAM_OK;
	case SSL_ERROR_WANT_READ:
		return STREAM_WAIT_READ;
	case SSL_ERROR_WANT_WRITE:
		return STREAM_WAIT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return ended(s);
	default:
		return STREAM_BROKEN;
	}
}

/* OpenSSL keeps errors in a queue of the thread's, and an old one would be taken for this call's. */
static int clean(int result)
{
	int error = errno;
	ERR_clear_error();
	errno = error;
	return result;
}

static bool explain_certificate(const SSL *ssl, struct fault *why)
{
	long verdict = SSL_get_verify_result(ssl);
	const char *text = X509_verify_cert_error_string(verdict);
	switch (verdict) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return fault_set(why, FAULT_PERMANENT,
		                 "the server's certificate is signed by nobody who is trusted here (%s): if it is "
		                 "yours, give its CA with --ca FILE",
		                 text);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return fault_set(why, FAULT_PERMANENT,
		                 "the server's certificate is for another name (%s): give the name that stands in it",
		                 text);
	default:
		return fault_set(why, FAULT_PERMANENT, "the server's certificate is not good: %s", text);
	}
}

static bool explain_failure(const SSL *ssl, int error, struct fault *why)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return explain_certificate(ssl, why);
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
		fault_set(why, FAULT_TEMPORARY, "no TLS handshake: what came is no TLS");
		why->error = EPROTO;
		return false;
	}
	if (reason)
		return fault_set(why, FAULT_TEMPORARY, "no TLS handshake: %s", reason);
	if (error == 0)
		return fault_set(why, FAULT_TEMPORARY, "no TLS handshake: the peer has hung up");
	errno = error;
	return fault_errno(why, "no TLS handshake");
}

enum stream_got stream_handshake(struct stream *s, struct fault *why)
{
	clean(0);
	errno = 0;
	enum stream_got got = judge(s, SSL_do_handshake(s->ssl));
	if (got == STREAM_END)
		got = STREAM_BROKEN;
	if (got == STREAM_BROKEN)
		explain_failure(s->ssl, errno, why);
	clean(0);
	return got;
}

/* RFC 9266 section 4: TLS 1.3, or 1.2 with the extended master secret, else the value is not this session's alone. */
static bool export_binding(SSL *ssl, struct session_tls *tls)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return false;
	return clean(SSL_export_keying_material(ssl, tls->binding, sizeof tls->binding, label, sizeof label - 1, NULL,
	                                        0, 0)) == 1;
}

bool stream_tls(const struct stream *s, struct session_tls *tls)
{
	*tls = (struct session_tls){ 0 };
	if (!s->ssl || !SSL_is_init_finished(s->ssl))
		return false;
	snprintf(tls->version, sizeof tls->version, "%s", SSL_get_version(s->ssl));
	snprintf(tls->cipher, sizeof tls->cipher, "%s", SSL_get_cipher_name(s->ssl));
	tls->has_binding = export_binding(s->ssl, tls);
	return true;
}

static enum stream_got read_clear(struct stream *s, void *octets, size_t size, size_t *n)
{
	ssize_t got = recv(s->fd, octets, size, 0);
	if (got > 0) {
		*n = (size_t)got;
		return STREAM_OK;
	}
	if (got == 0)
		return STREAM_END;
	return is_passing(errno) ? STREAM_WAIT_READ : STREAM_BROKEN;
}

enum stream_got stream_read(struct stream *s, void *octets, size_t size, size_t *n)
{
	if (!s->ssl)
		return read_clear(s, octets, size, n);
	clean(0);
	return clean((int)judge(s, SSL_read_ex(s->ssl, octets, size, n)));
}

static enum stream_got write_clear(struct stream *s, const void *octets, size_t size, size_t *n)
{
	ssize_t sent = send(s->fd, octets, size, MSG_NOSIGNAL);
	if (sent >= 0) {
		*n = (size_t)sent;
		return STREAM_OK;
	}
	return is_passing(errno) ? STREAM_WAIT_WRITE : STREAM_BROKEN;
}

enum stream_got stream_write(struct stream *s, const void *octets, size_t size, size_t *n)
{
	assert(size > 0);
	if (!s->ssl)
		return write_clear(s, octets, size, n);
	clean(0);
	return clean((int)judge(s, SSL_write_ex(s->ssl, octets, size, n)));
}

bool stream_pending(const struct stream *s)
{
	return s->ssl && SSL_pending(s->ssl) > 0;
}

bool stream_shutdown(struct stream *s)
{
	if (s->ssl && SSL_is_init_finished(s->ssl)) {
		clean(0);
		/* Where there is no room for it the FIN alone must do. After a failure OpenSSL refuses by itself. */
		clean(SSL_shutdown(s->ssl));
	}
	return shutdown(s->fd, SHUT_WR) == 0;
}

void stream_close(struct stream *s)
{
	if (s->ssl)
		SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
