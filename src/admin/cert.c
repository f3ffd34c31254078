/*
 * cert: the names a certificate is for, the files it goes to, and what is said about them. See cert.h; authority.c makes it.
 */
#include "admin/cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/authority.h"
#include "admin/put_file.h"
#include "base/file.h"

enum {
	DAYS_DEFAULT = 397, /* longer ones are refused by some clients */
	DAYS_MAX = AUTHORITY_DAYS,
	NAMES_MAX = 100,
	NAME_MAX_OCTETS = 253,
	LABEL_MAX = 63,
	LIST_MAX = NAMES_MAX * (NAME_MAX_OCTETS + 8),
	PATH_TEXT_MAX = 32 * 1024,
};

struct wishes {
	const char *dir;
	unsigned days;
};

static bool set_days(void *at, const char *value)
{
	uint64_t days;
	if (!slice_number(slice_str(value), DAYS_MAX, &days) || days == 0)
		return false;
	*(unsigned *)at = (unsigned)days;
	return true;
}

static const struct admin_option options[] = {
	{ .name = "dir",
	  .argument = "DIR",
	  .help = "where the files go (default: the current directory)",
	  .at = offsetof(struct wishes, dir) },
	{ .name = "days",
	  .argument = "N",
	  .help = "how long the certificate is good for (default: 397)",
	  .at = offsetof(struct wishes, days),
	  .set = set_days,
	  .expected = "give a number from 1 to 3650" },
	{ 0 },
};

/* ---- names ---- */

static bool is_label(struct slice label)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	for (size_t i = 0; i < label.len; i++) {
		if (label.ptr[i] == '\0' || !strchr(letters, label.ptr[i]))
			return false;
	}
	return label.len > 0 && label.len <= LABEL_MAX && label.ptr[0] != '-' && label.ptr[label.len - 1] != '-';
}

static bool is_number(struct slice label)
{
	size_t digits = 0;
	while (digits < label.len && label.ptr[digits] >= '0' && label.ptr[digits] <= '9')
		digits++;
	return digits == label.len;
}

/* A host name; its first label may be a star. Its last is no number: such a one would be an address that is none (RFC 1123 section 2.1). */
static bool is_host(const char *text)
{
	struct slice rest = slice_str(text);
	if (rest.len > NAME_MAX_OCTETS)
		return false;
	if (slice_starts_nocase(rest, "*."))
		rest = slice_skip(rest, 2);
	while (slice_has(rest, '.')) {
		struct slice label = slice_make(rest.ptr, slice_find(rest, '.'));
		if (!is_label(label))
			return false;
		rest = slice_skip(rest, label.len + 1);
	}
	return is_label(rest) && !is_number(rest);
}

static bool is_address(const char *text)
{
	struct in6_addr address;
	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* What the certificate is for. */
struct names {
	char *all[NAMES_MAX];
	int count;
	struct buf alternative; /* as authority_certify() takes them, with a NUL behind */
	char host[256];
};

/* Of this machine, where nobody names anything. */
static void take_own_names(struct names *n)
{
	static char localhost[] = "localhost", ipv4[] = "127.0.0.1", ipv6[] = "::1";
	n->all[n->count++] = localhost;
	n->all[n->count++] = ipv4;
	n->all[n->count++] = ipv6;
	gethostname(n->host, sizeof n->host - 1);
	if (is_host(n->host) && strcmp(n->host, localhost) != 0)
		n->all[n->count++] = n->host;
}

static bool describe_names(struct names *n)
{
	for (int i = 0; i < n->count; i++) {
		const char *kind = is_address(n->all[i]) ? "IP" : "DNS";
		if (!buf_printf(&n->alternative, "%s%s:%s", i > 0 ? "," : "", kind, n->all[i]))
			return false;
	}
	return buf_append_char(&n->alternative, '\0');
}

static int take_names(struct names *n, int count, char **operands)
{
	if (count > NAMES_MAX)
		return admin_fail(EX_USAGE, "%d names in one certificate: give at most %d", count, NAMES_MAX);
	for (int i = 0; i < count; i++) {
		if (!is_host(operands[i]) && !is_address(operands[i]))
			return admin_fail(EX_USAGE,
			                  "'%s' is neither a host name nor an address: give one such as "
			                  "mail.example.org or 192.0.2.7",
			                  operands[i]);
		n->all[n->count++] = operands[i];
	}
	if (count == 0)
		take_own_names(n);
	return describe_names(n) ? EX_OK : admin_fail(EX_OSERR, "out of memory");
}

/* ---- what is said ---- */

static void print_quoted(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
	if (strspn(text, plain) == strlen(text)) {
		fputs(text, stdout);
		return;
	}
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		putchar(*text);
	}
	putchar('\'');
}

/* Prints the text with the directory's path, as a shell reads it, in place of each "@/FILE" up to the next blank, tab or line end. */
static void print_commands(const char *text, const char *dir)
{
	char path[PATH_TEXT_MAX];
	for (; *text; text++) {
		if (text[0] != '@' || text[1] != '/') {
			putchar(*text);
			continue;
		}
		int len = (int)strcspn(text, " \t\n");
		snprintf(path, sizeof path, "%s%.*s", strcmp(dir, "/") == 0 ? "" : dir, len - 1, text + 1);
		print_quoted(path);
		text += len - 1;
	}
}

/* As a string of Python; JSON's, too. */
static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_date(time_t when)
{
	struct tm utc;
	char day[32];
	strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&when, &utc));
	fputs(day, stdout);
}

static const char *state_text(enum authority_state state)
{
	switch (state) {
	case AUTHORITY_MADE:
		return "the CA, new";
	case AUTHORITY_MADE_ANEW:
		return "the CA, NEW for the key that was there, as ca.pem was missing: programs that trust an "
		       "earlier one need this one";
	case AUTHORITY_RENEWED:
		return "the CA, RENEWED because it was about to end: give it again to the programs that trust it";
	default:
		return "the CA, as it was";
	}
}

static void print_files(const struct names *n, const char *dir, const char *ca_state, time_t ca_end, time_t end)
{
	print_commands("@/ca.pem", dir);
	printf("\t%s; good until ", ca_state);
	print_date(ca_end);
	print_commands(
	        "\n@/ca.key\tits key: whoever has it can make certificates that your programs believe\n@/cert.pem",
	        dir);
	fputs("\tthe certificate, new; good until ", stdout);
	print_date(end);
	for (int i = 0; i < n->count; i++)
		printf("%s%s", i > 0 ? ", " : ", for ", n->all[i]);
	print_commands("\n@/key.pem\tits key, for the servers alone\n", dir);
}

static void print_use(const char *dir, const char *host)
{
	char ca[PATH_TEXT_MAX];
	bool ipv6 = strchr(host, ':') != NULL;
	snprintf(ca, sizeof ca, "%s/ca.pem", strcmp(dir, "/") == 0 ? "" : dir);
	print_commands("\nStart the servers with it (running ones take it by themselves):\n"
	               "  smtpmail 2525 --tls-port 4650 --tls-cert @/cert.pem --tls-key @/key.pem\n"
	               "  popserver 2110 --tls-port 9950 --tls-cert @/cert.pem --tls-key @/key.pem\n"
	               "\n"
	               "Have programs trust the CA, so that none has to switch verification off:\n"
	               "  Python      ssl.create_default_context(cafile=",
	               dir);
	print_string(ca);
	print_commands(")\n"
	               "              or SSL_CERT_FILE=@/ca.pem python3 PROGRAM\n"
	               "  curl        curl --cacert @/ca.pem ",
	               dir);
	printf("smtps://%s%s%s:4650\n", ipv6 ? "[" : "", host, ipv6 ? "]" : "");
	print_commands("  Node        NODE_EXTRA_CA_CERTS=@/ca.pem node PROGRAM\n"
	               "  Java        keytool -importcert -noprompt -alias postroom -file @/ca.pem -keystore "
	               "@/trust.p12 -storepass changeit\n"
	               "              java -Djavax.net.ssl.trustStore=@/trust.p12 "
	               "-Djavax.net.ssl.trustStorePassword=changeit PROGRAM\n"
	               "  OpenSSL     openssl s_client -CAfile @/ca.pem -verify_return_error ",
	               dir);
	printf("-connect %s%s%s:4650\n", ipv6 ? "[" : "", host, ipv6 ? "]" : "");
	print_commands("  mailclient  mailclient --course standard --ca @/ca.pem ", dir);
	printf("%s 2525 2110\n", host);
}

/* ---- all of it ---- */

static int status_of(const struct fault *why)
{
	return why->kind == FAULT_PERMANENT ? EX_DATAERR : EX_CANTCREAT;
}

/* A server that looks between the two waits for the pair. A first run that dies there has left a certificate of its own CA, which the next one replaces. */
static bool put_certificate(int dir, const struct certificate *c, struct fault *why)
{
	const struct put_file_part parts[] = {
		{ AUTHORITY_PAIR_CERT, buf_slice(&c->chain), 0644 },
		{ AUTHORITY_PAIR_KEY, buf_slice(&c->key), 0600 },
	};
	return put_files(dir, parts, 2, why);
}

static int certify(int dir, const char *path, const struct names *names, unsigned days)
{
	struct fault why;
	struct certificate c = { .end = 0 };
	enum authority_state state;
	struct authority *a = authority_open(dir, &state, &why);
	bool ok = a && authority_certify(a, names->all[0], names->alternative.data, days, &c, &why) &&
	          put_certificate(dir, &c, &why);
	int status = EX_OK;
	if (ok) {
		print_files(names, path, state_text(state), authority_end(a), c.end);
		print_use(path, names->all[0]);
		status = admin_done();
	} else {
		status = admin_fail(status_of(&why), "%s (in %s)", why.text, path);
	}
	certificate_release(&c);
	authority_free(a);
	return status;
}

static int certify_in(const char *name, const struct names *names, unsigned days)
{
	char *path = realpath(name, NULL);
	int dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (dir >= 0)
		flock(dir, LOCK_EX); /* another run's CA, key and certificate belong together */
	int status = dir >= 0 ? certify(dir, path, names, days)
	                      : admin_fail(EX_CANTCREAT, "cannot open the directory %s: %s", name, strerror(errno));
	file_close(dir);
	free(path);
	return status;
}

static int run(void *given, int count, char **operands)
{
	const struct wishes *wishes = given;
	struct names names = { .count = 0 };
	buf_init(&names.alternative, LIST_MAX);
	int status = take_names(&names, count, operands);
	if (status == EX_OK)
		status =
		        certify_in(wishes->dir ? wishes->dir : ".", &names, wishes->days ? wishes->days : DAYS_DEFAULT);
	buf_release(&names.alternative);
	return status;
}

const struct admin_command cert_command = {
	.name = "cert",
	.operands = "[NAME|ADDRESS …]",
	.summary = "makes a certificate for the servers, and says how programs come to trust it",
	.about = "Makes a certificate for host names and addresses (without any: this machine's own), signed by a CA "
	         "of the\n"
	         "directory's own, which is made the first time and stays. Prints how Python, curl, Node and Java "
	         "trust it.\n",
	.options = options,
	.wishes_size = sizeof(struct wishes),
	.run = run,
};
