/*
 * options: the servers' common command line, `PROGRAM PORT [options]` in any order. One labelled table says what there is; the reading and --help
 * both go by it.
 *
 * The texts point into argv. Says what is wrong as a fault; opens nothing, and never ends the process.
 */
#ifndef POSTROOM_SERVER_OPTIONS_H
#define POSTROOM_SERVER_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fault.h"

enum {
	OPTIONS_CONNECTIONS_DEFAULT = 1000,
	OPTIONS_CONNECTIONS_MAX = 1000 * 1000,
	OPTIONS_WORKERS_MAX = 256,
	OPTIONS_PORT_MAX = 65535,
	OPTIONS_DOMAIN_MAX = 255, /* octets: RFC 5321 section 4.5.3.1.2 */
	OPTIONS_DOMAINS_MAX = 64,
	OPTIONS_SECONDS_MAX = 24 * 60 * 60,
};
#define OPTIONS_SIZE_MAX ((uint64_t)1 << 50)

/* Which programs take an option. */
enum options_program { OPTIONS_SMTPMAIL = 1, OPTIONS_POPSERVER = 2 };

struct options_web;

struct options {
	unsigned port; /* 0: pick one */
	const char *dir;
	const char *course; /* NULL: the users file decides */
	const char *domain; /* the first one named, the server's own; NULL: the course's, else the host name */
	const char *domains[OPTIONS_DOMAINS_MAX]; /* all that were named: mail for them is ours */
	size_t domains_count;
	const char *listen; /* NULL: all addresses */
	bool transcript;
	bool explain; /* implies transcript */
	uint64_t max_size;
	size_t max_connections;
	size_t max_per_address; /* at once; 0: a part of max_connections */
	size_t max_rate;        /* new ones a minute and address; 0: no limit */
	unsigned workers;       /* 0: as many as cores */
	bool verbose;
	bool tls_listen;   /* --tls-port was given */
	unsigned tls_port; /* 0: pick one */
	const char *tls_cert;
	const char *tls_key; /* NULL: in the certificate's file */
	bool plaintext;      /* passwords are taken in clear from anywhere */
	bool auth_required;
	bool no_binding;        /* SCRAM-SHA-256-PLUS is not offered */
	bool slow_loopback;     /* what limits an address, and slows it down, holds for this machine's own, too */
	const char *postmaster; /* the user who gets the postmaster's mail; NULL: the first */
	uint64_t quota;         /* octets a mailbox; 0: no limit */
	unsigned login_delay;   /* seconds between two logins of a user; 0: none */
	const char *user;       /* who to be when started as root; NULL: the directory's owner */
	bool no_sandbox;
	unsigned smtp_timeout; /* seconds a peer may be silent; 0: the protocol's */
	unsigned pop3_timeout;
	/* What postroom.conf alone can say. */
	const char *config_file;  /* read again on SIGHUP; NULL: none */
	const char *users_file;   /* NULL: the course's */
	const char *aliases_file; /* NULL: SITE_ALIASES */
	unsigned retain_age;      /* seconds; 0: mail is kept for ever */
	uint64_t retain_size;     /* octets a mailbox, beyond which the oldest mails go; 0: no limit */
	unsigned undelete;        /* seconds for which removed mail can be taken back; 0: it cannot */
	bool catch_all;           /* any recipient has an inbox, and there are no users … */
	size_t inboxes_max;       /* … which are so many … */
	unsigned inboxes_age;     /* … and not unused for so many seconds */
	struct options_web *web;  /* NULL: there is none */
};

/* The web inbox beside a server. */
struct options_web {
	int link; /* the socket to its process */
	unsigned smtp_port;
	unsigned pop3_port;
};

enum options_wish { OPTIONS_SERVE, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_WRONG };

/* Reads the command line; argv may be put in another order. OPTIONS_WRONG: why says what to do. Not thread-safe (getopt_long). */
enum options_wish options_read(struct options *o, enum options_program program, int argc, char **argv,
                               struct fault *why);
void options_print_help(FILE *to, enum options_program program);
/* "smtpmail" */
const char *options_program_name(enum options_program program);

#endif
