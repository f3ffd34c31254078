/*
 * options: the command line's table and its reading, by getopt_long. See options.h.
 */
#include "server/options.h"

#include <getopt.h>
#include <string.h>

#include "base/slice.h"
#include "protocol/smtp_server.h"
#include "server/visitors.h"

struct row {
	const char *name;
	const char *argument; /* NULL: takes none */
	const char *help;
	bool (*set)(struct options *o, const char *value);
	const char *expected;   /* what to give, where set() can say no */
	enum options_wish wish; /* … or what else is wanted, without set() */
	unsigned programs;
};

static bool set_dir(struct options *o, const char *value)
{
	o->dir = value;
	return true;
}

static bool set_course(struct options *o, const char *value)
{
	o->course = value;
	return true;
}

/* It stands in replies and in addresses: a host name or an address literal, nothing that could pass for more. */
static bool set_domain(struct options *o, const char *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
	size_t len = strlen(value);
	if (o->domains_count == OPTIONS_DOMAINS_MAX)
		return false;
	if (o->domains_count == 0)
		o->domain = value;
	o->domains[o->domains_count++] = value;
	return len > 0 && len <= OPTIONS_DOMAIN_MAX && strspn(value, letters) == len;
}

static bool set_listen(struct options *o, const char *value)
{
	o->listen = value;
	return true;
}

static bool set_transcript(struct options *o, const char *value)
{
	(void)value;
	o->transcript = true;
	return true;
}

static bool set_explain(struct options *o, const char *value)
{
	(void)value;
	o->transcript = true;
	o->explain = true;
	return true;
}

static bool set_verbose(struct options *o, const char *value)
{
	(void)value;
	o->verbose = true;
	return true;
}

/* "52428800", "50M", "1G" */
static bool read_size(const char *value, uint64_t *size)
{
	struct slice digits = slice_str(value);
	unsigned shift = 0;
	uint64_t number;
	if (digits.len > 0) {
		static const char units[] = "KMG";
		const char *unit = memchr(units, digits.ptr[digits.len - 1] & ~0x20, strlen(units));
		if (unit) {
			shift = 10 * (unsigned)(unit - units + 1);
			digits.len--;
		}
	}
	if (!slice_number(digits, OPTIONS_SIZE_MAX >> shift, &number) || number == 0)
		return false;
	*size = number << shift;
	return true;
}

static bool set_max_size(struct options *o, const char *value)
{
	return read_size(value, &o->max_size);
}

static bool read_connections(const char *value, size_t *connections)
{
	uint64_t number;
	if (!slice_number(slice_str(value), OPTIONS_CONNECTIONS_MAX, &number))
		return false;
	*connections = (size_t)number;
	return true;
}

static bool set_max_connections(struct options *o, const char *value)
{
	return read_connections(value, &o->max_connections) && o->max_connections > 0;
}

static bool set_max_per_address(struct options *o, const char *value)
{
	return read_connections(value, &o->max_per_address) && o->max_per_address > 0;
}

static bool set_max_rate(struct options *o, const char *value)
{
	return read_connections(value, &o->max_rate);
}

static bool set_workers(struct options *o, const char *value)
{
	uint64_t number;
	if (!slice_number(slice_str(value), OPTIONS_WORKERS_MAX, &number) || number == 0)
		return false;
	o->workers = (unsigned)number;
	return true;
}

static bool set_tls_port(struct options *o, const char *value)
{
	uint64_t port;
	o->tls_listen = slice_number(slice_str(value), OPTIONS_PORT_MAX, &port);
	if (o->tls_listen)
		o->tls_port = (unsigned)port;
	return o->tls_listen;
}

static bool set_tls_cert(struct options *o, const char *value)
{
	o->tls_cert = value;
	return true;
}

static bool set_tls_key(struct options *o, const char *value)
{
	o->tls_key = value;
	return true;
}

static bool set_plaintext(struct options *o, const char *value)
{
	(void)value;
	o->plaintext = true;
	return true;
}

static bool set_auth_required(struct options *o, const char *value)
{
	(void)value;
	o->auth_required = true;
	return true;
}

static bool set_no_binding(struct options *o, const char *value)
{
	(void)value;
	o->no_binding = true;
	return true;
}

static bool set_slow_loopback(struct options *o, const char *value)
{
	(void)value;
	o->slow_loopback = true;
	return true;
}

static bool set_postmaster(struct options *o, const char *value)
{
	o->postmaster = value;
	return *value != '\0';
}

static bool set_quota(struct options *o, const char *value)
{
	return read_size(value, &o->quota);
}

static bool read_seconds(const char *value, unsigned *seconds)
{
	uint64_t number;
	if (!slice_number(slice_str(value), OPTIONS_SECONDS_MAX, &number) || number == 0)
		return false;
	*seconds = (unsigned)number;
	return true;
}

static bool set_login_delay(struct options *o, const char *value)
{
	return read_seconds(value, &o->login_delay);
}

static bool set_timeout(struct options *o, const char *value)
{
	if (!read_seconds(value, &o->smtp_timeout))
		return false;
	o->pop3_timeout = o->smtp_timeout;
	return true;
}

static bool set_user(struct options *o, const char *value)
{
	o->user = value;
	return *value != '\0';
}

static bool set_no_sandbox(struct options *o, const char *value)
{
	(void)value;
	o->no_sandbox = true;
	return true;
}

enum { BOTH = OPTIONS_SMTPMAIL | OPTIONS_POPSERVER };

static const struct row rows[] = {
	{ .name = "dir",
	  .argument = "DIR",
	  .help = "where the users file and the mailboxes are (default: the current directory)",
	  .set = set_dir,
	  .programs = BOTH },
	{ .name = "course",
	  .argument = "NAME|FILE",
	  .help = "the course, or a course file (default: the users file decides)",
	  .set = set_course,
	  .programs = BOTH },
	{ .name = "domain",
	  .argument = "NAME",
	  .help = "the server's name; again: a further domain (default: the course's, else the host name)",
	  .set = set_domain,
	  .expected = "give a host name such as mail.example.org, at most 64 times",
	  .programs = BOTH },
	{ .name = "listen",
	  .argument = "ADDRESS",
	  .help = "the address to listen on (default: all, IPv6 and IPv4)",
	  .set = set_listen,
	  .programs = BOTH },
	{ .name = "transcript",
	  .help = "print the dialogue on stdout, passwords masked",
	  .set = set_transcript,
	  .programs = BOTH },
	{ .name = "explain",
	  .help = "print the dialogue, and under each line what it means",
	  .set = set_explain,
	  .programs = BOTH },
	{ .name = "max-size",
	  .argument = "SIZE",
	  .help = "the largest mail, in octets or as 50M or 1G (default: 50M)",
	  .set = set_max_size,
	  .expected = "give octets such as 52428800, or 50M, or 1G",
	  .programs = OPTIONS_SMTPMAIL },
	{ .name = "max-connections",
	  .argument = "N",
	  .help = "connections at once (default: 1000)",
	  .set = set_max_connections,
	  .expected = "give a number from 1 to 1000000",
	  .programs = BOTH },
	{ .name = "max-per-address",
	  .argument = "N",
	  .help = "connections at once from one address (default: a quarter of all, at least 20)",
	  .set = set_max_per_address,
	  .expected = "give a number from 1 to 1000000",
	  .programs = BOTH },
	{ .name = "max-rate",
	  .argument = "N",
	  .help = "new connections a minute from one address (default: 3000; 0: no limit)",
	  .set = set_max_rate,
	  .expected = "give a number from 0 to 1000000",
	  .programs = BOTH },
	{ .name = "workers",
	  .argument = "N",
	  .help = "threads that run the sessions (default: as many as cores)",
	  .set = set_workers,
	  .expected = "give a number from 1 to 256",
	  .programs = BOTH },
	{ .name = "tls-cert",
	  .argument = "FILE",
	  .help = "certificate and chain in PEM: offers TLS (postroom cert makes one)",
	  .set = set_tls_cert,
	  .programs = BOTH },
	{ .name = "tls-key",
	  .argument = "FILE",
	  .help = "its private key (default: in the same file)",
	  .set = set_tls_key,
	  .programs = BOTH },
	{ .name = "tls-port",
	  .argument = "N",
	  .help = "a second port, where TLS comes first",
	  .set = set_tls_port,
	  .expected = "give a number from 1 to 65535 (0 picks a free one)",
	  .programs = BOTH },
	{ .name = "plaintext",
	  .help = "take passwords in clear from anywhere",
	  .set = set_plaintext,
	  .programs = BOTH },
	{ .name = "auth-required",
	  .help = "take mail only after a login",
	  .set = set_auth_required,
	  .programs = OPTIONS_SMTPMAIL },
	{ .name = "no-channel-binding",
	  .help = "do not offer SCRAM-SHA-256-PLUS, which mutt 2.2 fails with",
	  .set = set_no_binding,
	  .programs = BOTH },
	{ .name = "slow-loopback",
	  .help = "slow down guessers on this machine, too, and limit its connections",
	  .set = set_slow_loopback,
	  .programs = BOTH },
	{ .name = "postmaster",
	  .argument = "USER",
	  .help = "who gets the postmaster's mail (default: the first user)",
	  .set = set_postmaster,
	  .expected = "give a user's name",
	  .programs = OPTIONS_SMTPMAIL },
	{ .name = "quota",
	  .argument = "SIZE",
	  .help = "the most a mailbox may hold (default: no limit)",
	  .set = set_quota,
	  .expected = "give octets such as 52428800, or 50M, or 1G",
	  .programs = OPTIONS_SMTPMAIL },
	{ .name = "login-delay",
	  .argument = "SECONDS",
	  .help = "the least time between two logins of a user (default: none)",
	  .set = set_login_delay,
	  .expected = "give a number from 1 to 86400",
	  .programs = OPTIONS_POPSERVER },
	{ .name = "timeout",
	  .argument = "SECONDS",
	  .help = "how long a peer may be silent (default: 300 for SMTP, 600 for POP3)",
	  .set = set_timeout,
	  .expected = "give a number from 1 to 86400",
	  .programs = BOTH },
	{ .name = "user",
	  .argument = "NAME",
	  .help = "who to be when started as root (default: the directory's owner)",
	  .set = set_user,
	  .expected = "give a user's name",
	  .programs = BOTH },
	{ .name = "no-sandbox",
	  .help = "keep all that the user may do, such as opening other files",
	  .set = set_no_sandbox,
	  .programs = BOTH },
	{ .name = "verbose",
	  .help = "write a line on stderr for every mail and login",
	  .set = set_verbose,
	  .programs = BOTH },
	{ .name = "help", .help = "print this text", .wish = OPTIONS_HELP, .programs = BOTH },
	{ .name = "version", .help = "print the version", .wish = OPTIONS_VERSION, .programs = BOTH },
};

enum { ROWS = sizeof rows / sizeof *rows, FIRST_VALUE = 256 };

const char *options_program_name(enum options_program program)
{
	return program == OPTIONS_SMTPMAIL ? "smtpmail" : "popserver";
}

static const char *example_port(enum options_program program)
{
	return program == OPTIONS_SMTPMAIL ? "2525" : "2110";
}

void options_print_help(FILE *to, enum options_program program)
{
	const char *name = options_program_name(program);
	bool smtp = program == OPTIONS_SMTPMAIL;
	fprintf(to, "usage: %s PORT [options]\n", name);
	fprintf(to, "%s\n\n",
	        smtp ? "Receives mail over SMTP and appends it to the users' mailboxes."
	             : "Lets users list, read and delete the mail in their mailboxes, over POP3.");
	fprintf(to, "  %-22s %s\n", "PORT", "1 to 65535; 0 picks a free one and prints it");
	for (size_t i = 0; i < ROWS; i++) {
		char left[32];
		if (!(rows[i].programs & program))
			continue;
		snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
		         rows[i].argument ? rows[i].argument : "");
		fprintf(to, "  %-22s %s\n", left, rows[i].help);
	}
	fprintf(to, "\nExample, in a directory with a users file:\n  %s %s --transcript\n", name,
	        example_port(program));
}

static void make_known(struct option known[ROWS + 1], enum options_program program)
{
	size_t n = 0;
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].programs & program)
			known[n++] = (struct option){ .name = rows[i].name,
				                      .has_arg = rows[i].argument ? required_argument : no_argument,
				                      .val = FIRST_VALUE + (int)i };
	}
	known[n] = (struct option){ 0 };
}

/* What getopt_long could not read: `argument` is where it stands. */
static enum options_wish not_understood(int answer, const char *argument, const char *program, struct fault *why)
{
	const struct row *row = optopt >= FIRST_VALUE ? &rows[optopt - FIRST_VALUE] : NULL;
	if (row && answer == ':')
		fault_set(why, FAULT_PERMANENT, "--%s needs a value: give --%s %s", row->name, row->name,
		          row->argument);
	else if (row)
		fault_set(why, FAULT_PERMANENT, "--%s takes no value: give --%s alone", row->name, row->name);
	else if (optopt >= '0' && optopt <= '9')
		fault_set(why, FAULT_PERMANENT, "a port has no sign: give a number from 1 to %d (0 picks a free one)",
		          OPTIONS_PORT_MAX);
	else if (optopt)
		fault_set(why, FAULT_PERMANENT, "unknown option '-%c': %s --help shows what there is", optopt, program);
	else
		fault_set(why, FAULT_PERMANENT, "unknown option '%.100s': %s --help shows what there is", argument,
		          program);
	return OPTIONS_WRONG;
}

/* What stands beside the options: the port, and nothing else. */
static enum options_wish read_operands(struct options *o, int count, char **operands, enum options_program program,
                                       struct fault *why)
{
	const char *name = options_program_name(program);
	uint64_t port;
	if (count == 0)
		fault_set(why, FAULT_PERMANENT, "no port: give one, as in `%s %s` (0 picks a free one)", name,
		          example_port(program));
	else if (!slice_number(slice_str(operands[0]), OPTIONS_PORT_MAX, &port))
		fault_set(why, FAULT_PERMANENT,
		          "'%.100s' is not a port: give a number from 1 to %d (0 picks a free one)", operands[0],
		          OPTIONS_PORT_MAX);
	else if (count > 1)
		fault_set(why, FAULT_PERMANENT, "'%.100s' is one argument too many: %s --help shows what there is",
		          operands[1], name);
	else if (o->tls_listen && port > 0 && port == o->tls_port)
		fault_set(why, FAULT_PERMANENT,
		          "port %u cannot begin with TLS and without: give --tls-port another one", o->tls_port);
	else {
		o->port = (unsigned)port;
		return OPTIONS_SERVE;
	}
	return OPTIONS_WRONG;
}

enum options_wish options_read(struct options *o, enum options_program program, int argc, char **argv,
                               struct fault *why)
{
	struct option known[ROWS + 1];
	const char *name = options_program_name(program);
	int answer;
	*o = (struct options){
		.dir = ".",
		.max_size = SMTP_SIZE_DEFAULT,
		.max_connections = OPTIONS_CONNECTIONS_DEFAULT,
		.max_rate = VISITORS_RATE_DEFAULT,
	};
	make_known(known, program);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while ((answer = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		if (answer == 'h')
			return OPTIONS_HELP;
		if (answer < FIRST_VALUE)
			return not_understood(answer, argv[optind - 1], name, why);
		const struct row *row = &rows[answer - FIRST_VALUE];
		if (!row->set)
			return row->wish;
		if (!row->set(o, optarg)) {
			fault_set(why, FAULT_PERMANENT, "--%s '%.100s': %s", row->name, optarg, row->expected);
			return OPTIONS_WRONG;
		}
	}
	return read_operands(o, argc - optind, argv + optind, program, why);
}
