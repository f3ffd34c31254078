/*
 * config_table: what postroom.conf can say, and how that is printed. See config_table.h.
 */
#include "server/config_table.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/visitors.h"

#define OPTION(member)   offsetof(struct config, options.member)
#define OF(member)       offsetof(struct config, member)
#define LISTENER(member) offsetof(struct config_listener, member)

/* clang-format off */
const struct config_row config_rows[] = {
	{ "Names and places", "hostname", CONFIG_DOMAIN, OPTION(domain), "",
	  "The server's own name, in greetings and Received lines. Empty: the machine's host name.", 0, 0 },
	{ NULL, "domains", CONFIG_DOMAINS, OF(domains), "",
	  "The domains whose mail is taken; all other mail is refused. Empty: hostname, and localhost.", 0, 0 },
	{ NULL, "directory", CONFIG_PATH, OF(directory), "",
	  "Where the mailboxes are. Empty: /var/lib/postroom; with catch_all a temporary directory, which is removed at the end.", 0, 0 },
	{ NULL, "users", CONFIG_PATH, OPTION(users_file), "",
	  "The users file, in the directory or by a path from the root. Empty: users.txt.", 0, 0 },
	{ NULL, "aliases", CONFIG_PATH, OPTION(aliases_file), "",
	  "Further names of users, likewise. Empty: aliases.txt, which may be missing.", 0, 0 },
	{ NULL, "postmaster", CONFIG_USER, OPTION(postmaster), "",
	  "The user who gets the postmaster's mail. Empty: the first of the users file.", 0, 0 },

	{ "Any recipient (for tests of mail programs)", "catch_all", CONFIG_FLAG, OPTION(catch_all), "false",
	  "Take mail for any recipient at any domain, into an inbox of its own; log in with the address and any password. There is no users file then.", 0, 0 },
	{ NULL, "inboxes_max", CONFIG_COUNT, OPTION(inboxes_max), "1000",
	  "So many inboxes at most: the one that was not used for the longest time makes room for a new one.", 1, 100000 },
	{ NULL, "inboxes_age", CONFIG_SECONDS, OPTION(inboxes_age), "7d",
	  "An inbox that was not used for so long is removed with its mail.", 60, 3650U * 86400 },

	{ "How long mail is kept", "retain_age", CONFIG_SECONDS, OPTION(retain_age), "0",
	  "A mail that came so long ago is removed for good; 0: none is.", 0, 36500U * 86400 },
	{ NULL, "retain_size", CONFIG_SIZE, OPTION(retain_size), "0",
	  "Where a mailbox holds more, its oldest mails are removed for good; 0: none are.", 0, OPTIONS_SIZE_MAX },
	{ NULL, "undelete", CONFIG_SECONDS, OPTION(undelete), "0",
	  "For so long, mail that somebody has deleted can be taken back (postroom mail undelete); 0: it is gone at once. It does not count towards the quota, and no more is kept than that.", 0, 3650U * 86400 },

	{ "The web inbox", "web_hosts", CONFIG_DOMAINS, OF(web_hosts), "",
	  "Further names under which browsers reach it, beside localhost, 127.0.0.1 and [::1]; it answers by no other.", 0, 0 },

	{ "TLS", "tls_cert", CONFIG_PATH, OPTION(tls_cert), "",
	  "Certificate and chain in PEM (postroom cert makes one for tests); read again when it changes. Empty: no TLS.", 0, 0 },
	{ NULL, "tls_key", CONFIG_PATH, OPTION(tls_key), "",
	  "Its private key. Empty: in the same file.", 0, 0 },

	{ "Logins", "auth_required", CONFIG_FLAG, OPTION(auth_required), "false",
	  "Take mail over SMTP only after a login.", 0, 0 },
	{ NULL, "plaintext", CONFIG_FLAG, OPTION(plaintext), "false",
	  "Take passwords without TLS from other machines, too.", 0, 0 },
	{ NULL, "channel_binding", CONFIG_FLAG, OF(channel_binding), "true",
	  "Offer SCRAM-SHA-256-PLUS, which mutt 2.2 fails with.", 0, 0 },
	{ NULL, "login_delay", CONFIG_SECONDS, OPTION(login_delay), "0",
	  "The least time between two POP3 logins of a user.", 0, OPTIONS_SECONDS_MAX },
	{ NULL, "slow_loopback", CONFIG_FLAG, OPTION(slow_loopback), "false",
	  "Limit this machine's own connections, and slow down its guesses of passwords, as those of others.", 0, 0 },

	{ "Limits", "max_size", CONFIG_SIZE, OPTION(max_size), "50M",
	  "The largest mail, in octets, or as 50M or 1G.", 1, OPTIONS_SIZE_MAX },
	{ NULL, "quota", CONFIG_SIZE, OPTION(quota), "0",
	  "The most a mailbox may hold; 0: no limit.", 0, OPTIONS_SIZE_MAX },
	{ NULL, "max_connections", CONFIG_COUNT, OPTION(max_connections), "1000",
	  "Connections at once, over all listeners.", 1, OPTIONS_CONNECTIONS_MAX },
	{ NULL, "max_per_address", CONFIG_COUNT, OPTION(max_per_address), "0",
	  "Connections at once from one address; 0: a quarter of all, at least 20.", 0, OPTIONS_CONNECTIONS_MAX },
	{ NULL, "max_rate", CONFIG_COUNT, OPTION(max_rate), "3000",
	  "New connections a minute from one address; 0: no limit.", 0, OPTIONS_CONNECTIONS_MAX },
	{ NULL, "smtp_timeout", CONFIG_SECONDS, OPTION(smtp_timeout), "5m",
	  "How long a peer may be silent in SMTP and LMTP.", 1, OPTIONS_SECONDS_MAX },
	{ NULL, "pop3_timeout", CONFIG_SECONDS, OPTION(pop3_timeout), "10m",
	  "The same in POP3.", 1, OPTIONS_SECONDS_MAX },

	{ "The process", "user", CONFIG_USER, OPTION(user), "",
	  "Who to be when started as root. Empty: the directory's owner.", 0, 0 },
	{ NULL, "sandbox", CONFIG_FLAG, OF(sandbox), "true",
	  "Give up all files but the directory's, and all system calls that are not needed.", 0, 0 },
	{ NULL, "workers", CONFIG_NUMBER, OPTION(workers), "0",
	  "Threads that run the sessions; 0: as many as cores.", 0, OPTIONS_WORKERS_MAX },
	{ NULL, "verbose", CONFIG_FLAG, OPTION(verbose), "false",
	  "Write a line to the log for every mail and login.", 0, 0 },
	{ NULL, "transcript", CONFIG_FLAG, OPTION(transcript), "false",
	  "Print the dialogues on stdout, passwords masked.", 0, 0 },
	{ NULL, "explain", CONFIG_FLAG, OPTION(explain), "false",
	  "Print them, and under each line what it means.", 0, 0 },
};
const size_t config_rows_count = sizeof config_rows / sizeof *config_rows;

const struct config_row config_listener_rows[] = {
	{ NULL, "protocol", CONFIG_PROTOCOL, LISTENER(protocol), "",
	  "smtp, lmtp, pop3 or web. Must be said.", 0, 0 },
	{ NULL, "address", CONFIG_ADDRESS, LISTENER(address), "127.0.0.1",
	  "An address in numbers, or * for all; or a path, which is a UNIX socket.", 0, 0 },
	{ NULL, "port", CONFIG_NUMBER, LISTENER(port), "0",
	  "The port; 0 picks a free one. Must be said, but of a UNIX socket.", 0, OPTIONS_PORT_MAX },
	{ NULL, "tls", CONFIG_FLAG, LISTENER(tls), "false",
	  "TLS comes first. Without it STARTTLS and STLS are offered where there is a certificate.", 0, 0 },
	{ NULL, "proxy", CONFIG_ADDRESSES, LISTENER(proxy), "",
	  "The addresses of balancers. Others are hung up on, and each connection begins with the PROXY protocol (version 1 or 2), which says whose it is.", 0, 0 },
};
const size_t config_listener_rows_count = sizeof config_listener_rows / sizeof *config_listener_rows;
/* clang-format on */

const char *config_protocol_name(enum config_protocol protocol)
{
	static const char *const names[] = { "?", "smtp", "lmtp", "pop3", "web" };
	return names[protocol];
}

/* ---- the nearest key ---- */

enum { WORD_MAX = 32 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters have to be put in, taken out or exchanged (Levenshtein's distance). */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t width = strlen(b);
	if (strlen(a) > WORD_MAX || width > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < width; j++) {
			size_t exchanged = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			row[j + 1] = least(exchanged, 1 + least(row[j], row[j + 1]));
		}
	}
	return row[width];
}

const char *config_nearest(const struct config_row *rows, size_t count, const char *key)
{
	const char *nearest = NULL;
	size_t best = least(3, strlen(key) / 2) + 1;
	for (size_t i = 0; i < count; i++) {
		size_t far = distance(key, rows[i].key);
		if (far < best) {
			best = far;
			nearest = rows[i].key;
		}
	}
	return nearest;
}

/* ---- printing ---- */

static const char *form_of(enum config_type type)
{
	static const char *const forms[] = {
		[CONFIG_TEXT] = "\"text\"",
		[CONFIG_PATH] = "\"path\"",
		[CONFIG_USER] = "\"name\"",
		[CONFIG_DOMAIN] = "\"name\"",
		[CONFIG_DOMAINS] = "{\"name\", \"name\"}",
		[CONFIG_FLAG] = "true | false",
		[CONFIG_SIZE] = "size",
		[CONFIG_COUNT] = "number",
		[CONFIG_NUMBER] = "number",
		[CONFIG_SECONDS] = "time",
		[CONFIG_PROTOCOL] = "smtp | lmtp | pop3 | web",
		[CONFIG_ADDRESS] = "\"address\"",
		[CONFIG_ADDRESSES] = "{\"address\", \"address\"}",
	};
	return forms[type];
}

static bool is_list(enum config_type type)
{
	return type == CONFIG_DOMAINS || type == CONFIG_ADDRESSES;
}

static bool is_word(enum config_type type)
{
	return type >= CONFIG_FLAG && type <= CONFIG_PROTOCOL;
}

static void print_setting(FILE *to, const struct config_row *row)
{
	if (is_list(row->type))
		fprintf(to, "%s = {}\n", row->key);
	else
		fprintf(to, is_word(row->type) ? "%s = %s\n" : "%s = \"%s\"\n", row->key, row->usual);
}

static const char sample_head[] = "# Postroom: the configuration of `postroom serve --config FILE`. postroom.conf(5) "
                                  "says more; `postroom config check FILE` says\n"
                                  "# what is wrong. What is commented out is the default.\n";

/* For a server on the Internet; the names are those by which systemd may give the sockets. */
static const char sample_listeners[] =
        "\n# ---- Listeners ----\n"
        "\n"
        "# Where connections come in. Without any: smtp, pop3 and web on 127.0.0.1, ports 2525, 2110 and 8025.\n"
        "# listener \"smtp\"  { protocol = smtp  address = \"*\"  port = 25 }\n"
        "# listener \"smtps\" { protocol = smtp  address = \"*\"  port = 465  tls = true }\n"
        "# listener \"pop3\"  { protocol = pop3  address = \"*\"  port = 110 }\n"
        "# listener \"pop3s\" { protocol = pop3  address = \"*\"  port = 995  tls = true }\n"
        "# listener \"lmtp\"  { protocol = lmtp  address = \"/run/postroom/lmtp\" }\n"
        "# listener \"web\"   { protocol = web   port = 8025 }\n"
        "#\n"
        "# The keys of a listener:\n";

static void print_listener_samples(FILE *to)
{
	fputs(sample_listeners, to);
	for (size_t i = 0; i < config_listener_rows_count; i++)
		fprintf(to, "#   %-9s %s\n", config_listener_rows[i].key, config_listener_rows[i].help);
}

void config_print_sample(FILE *to)
{
	fputs(sample_head, to);
	for (size_t i = 0; i < config_rows_count; i++) {
		const struct config_row *row = &config_rows[i];
		if (row->section)
			fprintf(to, "\n# ---- %s ----\n", row->section);
		fprintf(to, "\n# %s\n# ", row->help);
		print_setting(to, row);
	}
	print_listener_samples(to);
}

/* Quotes are mdoc's own, outside of text lines. */
static void print_form(FILE *to, const char *form)
{
	for (; *form; form++) {
		if (*form == '"')
			fputs("\\(dq", to);
		else
			fputc(*form, to);
	}
}

/* Each sentence on a line of its own. None begins with a full stop or an apostrophe, which would be a macro, and there is no backslash (config_test). */
static void print_help(FILE *to, const char *help)
{
	for (; *help; help++) {
		bool ends = (help[0] == '.' || help[0] == ';') && help[1] == ' ';
		fputc(*help, to);
		if (ends) {
			fputc('\n', to);
			help++;
		}
	}
	fputc('\n', to);
}

static void print_rows(FILE *to, const struct config_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].section)
			fprintf(to, "%s.Ss %s\n.Bl -tag -width Ds\n", i > 0 ? ".El\n" : "", rows[i].section);
		fprintf(to, ".It Cm %s No = Ar ", rows[i].key);
		print_form(to, form_of(rows[i].type));
		fputc('\n', to);
		print_help(to, rows[i].help);
		if (is_word(rows[i].type) && *rows[i].usual)
			fprintf(to, "Default: %s.\n", rows[i].usual);
		else if (rows[i].type == CONFIG_ADDRESS)
			fprintf(to, "Default: \\(dq%s\\(dq.\n", rows[i].usual);
	}
	fputs(".El\n", to);
}

void config_print_man(FILE *to)
{
	print_rows(to, config_rows, config_rows_count);
	fputs(".Ss Listeners\n"
	      ".Li listener \\(dqNAME\\(dq { ... }\n"
	      "is a place where connections come in; there may be several, each with its own name, by which systemd "
	      "may give its socket.\n"
	      "Without any there are three, smtp, pop3 and web, on 127.0.0.1 and the ports 2525, 2110 and 8025.\n"
	      ".Bl -tag -width Ds\n",
	      to);
	print_rows(to, config_listener_rows, config_listener_rows_count);
}
