/*
 * tls_suite: certificates for tests, made by OpenSSL's API in a directory of their own.
 */
#ifndef POSTROOM_NET_TLS_SUITE_H
#define POSTROOM_NET_TLS_SUITE_H

struct tls_suite {
	char dir[64];
	char cert[96]; /* self-signed, for localhost and 127.0.0.1 */
	char key[96];
};

/* Aborts where something cannot be made. */
void tls_suite_init(struct tls_suite *s);
/* Another key and certificate in the same files, each put in place at once. */
void tls_suite_renew(struct tls_suite *s);
/* The same, with a certificate that is good between these times, in seconds from now. */
void tls_suite_date(struct tls_suite *s, long begin, long end);
/* Any text in place of a file. */
void tls_suite_write(const char *file, const char *text);
/* The key once more, under a password. */
void tls_suite_lock_key(const struct tls_suite *s);
void tls_suite_release(struct tls_suite *s);

#endif
