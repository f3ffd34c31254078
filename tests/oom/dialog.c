/*
 * dialog: see dialog.h.
 */
#include "dialog.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gsasl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "scarcity.h"

enum { GREETING_MS = 400, PATIENCE_S = 15 };

struct run *run;

void run_failed(const char *format, ...)
{
	va_list args;
	scarcity_end();
	va_start(args, format);
	vsnprintf(run->why, sizeof run->why, format, args);
	va_end(args);
	_exit(1);
}

struct dialog *dialog_open(unsigned port, bool pop3, bool strict, bool waits)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct dialog *t = calloc(1, sizeof *t);
	if (!t)
		run_failed("the test itself has no memory");
	t->pop3 = pop3;
	t->strict = strict;
	t->waits = waits;
	t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	setsockopt(t->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(t->fd, (struct sockaddr *)&to, sizeof to) != 0)
		run_failed("cannot connect: %s", strerror(errno));
	run->sessions++;
	dialog_hear(t, pop3 ? "+OK" : "220");
	return t;
}

void dialog_close(struct dialog *t)
{
	run->later += t->later;
	run->closed += t->gone;
	if (t->ssl)
		SSL_free(t->ssl);
	close(t->fd);
	free(t);
}

static ssize_t receive(struct dialog *t, char *octets, size_t n)
{
	if (t->ssl) {
		int got = SSL_read(t->ssl, octets, (int)n);
		return got > 0 ? got : errno == EAGAIN ? -1 : 0;
	}
	struct pollfd readable = { .fd = t->fd, .events = POLLIN };
	if (t->waits && poll(&readable, 1, GREETING_MS) == 0)
		scarcity_end();
	t->waits = false;
	ssize_t got = recv(t->fd, octets, n, 0);
	return got >= 0 ? got : errno == EAGAIN ? -1 : 0;
}

/* The next line goes behind the reply. False: closed. */
static bool hear_line(struct dialog *t, size_t *at)
{
	*at = t->reply_len;
	for (;;) {
		if (t->begin == t->end) {
			errno = 0;
			ssize_t n = receive(t, t->in, sizeof t->in);
			if (n < 0)
				run_failed("no answer for %d seconds", PATIENCE_S);
			if (n == 0) {
				t->gone = true;
				return false;
			}
			t->begin = 0;
			t->end = (size_t)n;
		}
		char c = t->in[t->begin++];
		if (t->reply_len + 2 > sizeof t->reply)
			run_failed("an endless reply");
		if (c == '\r')
			continue;
		t->reply[t->reply_len++] = c;
		t->reply[t->reply_len] = '\0';
		if (c == '\n')
			return true;
	}
}

static bool is_for_now(const struct dialog *t, const char *line)
{
	static const char *const pop3[] = { "-ERR [SYS/TEMP]", "-ERR [IN-USE]" };
	if (!t->pop3)
		return line[0] == '4';
	return strncmp(line, pop3[0], strlen(pop3[0])) == 0 || strncmp(line, pop3[1], strlen(pop3[1])) == 0;
}

bool dialog_hear(struct dialog *t, const char *expected)
{
	size_t at;
	t->refused = false;
	t->reply_len = 0;
	if (t->gone)
		return false;
	do {
		if (!hear_line(t, &at)) {
			if (t->strict)
				run_failed("closed in place of %s, with nothing lacking any more", expected);
			return false;
		}
	} while (!t->pop3 && t->reply_len - at > 3 && t->reply[at + 3] == '-');
	if (strncmp(t->reply + at, expected, strlen(expected)) == 0)
		return true;
	if (t->strict || !is_for_now(t, t->reply + at))
		run_failed("%s in place of %s", t->reply, expected);
	t->refused = t->later = true;
	return false;
}

void dialog_send(struct dialog *t, const char *octets, size_t n)
{
	while (n > 0 && !t->gone) {
		ssize_t sent = t->ssl ? SSL_write(t->ssl, octets, (int)n) : send(t->fd, octets, n, MSG_NOSIGNAL);
		if (sent <= 0) /* what was said before may still be there to be heard */
			return;
		octets += sent;
		n -= (size_t)sent;
	}
}

bool dialog_say(struct dialog *t, const char *line, const char *expected)
{
	char whole[DIALOG_LINE_MAX];
	int n = snprintf(whole, sizeof whole, "%s\r\n", line);
	dialog_send(t, whole, (size_t)n);
	return dialog_hear(t, expected);
}

bool dialog_hear_lines(struct dialog *t)
{
	size_t at;
	do {
		if (!hear_line(t, &at)) {
			if (t->strict)
				run_failed("closed amid an answer, with nothing lacking any more");
			return false;
		}
	} while (strcmp(t->reply + at, ".\n") != 0);
	return true;
}

bool dialog_begin_tls(struct dialog *t)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	t->ssl = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(t->ssl, t->fd);
	t->begin = t->end = 0;
	errno = 0;
	if (SSL_connect(t->ssl) == 1)
		return true;
	if (t->strict || errno == EAGAIN)
		run_failed("no TLS handshake%s", t->strict ? ", with nothing lacking any more" : " in time");
	t->gone = true;
	return false;
}

/* ---- SCRAM ---- */

static const char *step(struct dialog *t, Gsasl_session *s, char **text)
{
	const char *challenge = strchr(t->reply, t->pop3 ? ' ' : '4');
	size_t len = challenge ? strcspn(challenge + (t->pop3 ? 1 : 2), "\n") : 0;
	char *line = strndup(challenge ? challenge + (t->pop3 ? 1 : 2) : "", len);
	int rc = gsasl_step64(s, line, text);
	free(line);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		run_failed("the server's side of SCRAM is wrong: %s after %s", gsasl_strerror(rc), t->reply);
	return *text;
}

static bool exchange(struct dialog *t, Gsasl_session *s, char *line)
{
	const char *more = t->pop3 ? "+ " : "334 ", *done = t->pop3 ? "+OK" : "235";
	char *text = NULL;
	gsasl_step64(s, NULL, &text);
	snprintf(line, DIALOG_LINE_MAX, "AUTH SCRAM-SHA-256 %s", text);
	gsasl_free(text);
	for (int turn = 0; turn < 2; turn++) {
		if (!dialog_say(t, line, more))
			return false;
		snprintf(line, DIALOG_LINE_MAX, "%s", step(t, s, &text));
		gsasl_free(text);
	}
	return dialog_say(t, line, done);
}

bool dialog_scram(struct dialog *t, const char *user, const char *password)
{
	char line[DIALOG_LINE_MAX];
	Gsasl *context;
	Gsasl_session *s;
	if (gsasl_init(&context) != GSASL_OK || gsasl_client_start(context, "SCRAM-SHA-256", &s) != GSASL_OK)
		run_failed("no SCRAM for the test itself");
	gsasl_property_set(s, GSASL_AUTHID, user);
	gsasl_property_set(s, GSASL_PASSWORD, password);
	bool in = exchange(t, s, line);
	gsasl_finish(s);
	gsasl_done(context);
	return in;
}
