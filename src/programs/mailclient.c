/*
 * mailclient: the terminal client. Options and wiring, nothing else; see mailclient(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "client/client.h"
#include "client/command.h"

enum { DEFAULT_SMTP_PORT = 2525, DEFAULT_POP3_PORT = 2110, PORT_MAX = 65535 };

static const char usage[] = "usage: mailclient [--course NAME|FILE] [--tls] [--ca FILE] [--plaintext] "
                            "[--transcript|--explain] SERVER [SMTP_PORT [POP3_PORT]]";

enum { COURSE = 256, TLS, CA, PLAINTEXT, TRANSCRIPT, EXPLAIN, VERSION, HELP = 'h' };

static const struct row {
	const char *name;
	const char *argument; /* NULL: takes none */
	int option;
	const char *help;
} rows[] = {
	{ "course", "NAME|FILE", COURSE, "the course whose menu and texts are used" },
	{ "tls", NULL, TLS, "TLS first on both ports, as always on 465 and 995" },
	{ "ca", "FILE", CA, "trust the certificates that this file's CAs have signed (default: the system's CAs)" },
	{ "plaintext", NULL, PLAINTEXT, "a password may go unencrypted to another machine" },
	{ "transcript", NULL, TRANSCRIPT, "show the dialogue with the servers, passwords masked" },
	{ "explain", NULL, EXPLAIN, "show it, and under each line what it means" },
	{ "help", NULL, HELP, "print this text" },
	{ "version", NULL, VERSION, "print the version" },
};
enum { ROWS = sizeof rows / sizeof *rows };

struct options {
	const char *course;
	struct account account; /* server, ports, and how the connections are protected */
	bool transcript;
	bool explain; /* implies transcript */
};

static _Noreturn void wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "mailclient: %s%s; %s\n", what, which, usage);
	exit(EX_USAGE);
}

/* Where a subcommand is misspelt, its name is taken for the server's, and its options are unknown. */
static _Noreturn void unknown_option(const char *which, const char *first)
{
	if (first[0] == '-')
		wrong_usage("unknown option ", which);
	fprintf(stderr,
	        "mailclient: unknown option %s; is %s a server? The commands are send, list, show and delete, "
	        "and mailclient --help shows what there is without one\n",
	        which, first);
	exit(EX_USAGE);
}

static unsigned read_port(const char *text)
{
	uint64_t port;

	if (!slice_number(slice_str(text), PORT_MAX, &port) || port == 0)
		wrong_usage("a port is a number from 1 to 65535, not ", text);
	return (unsigned)port;
}

static void read_operands(int count, char **operands, struct options *o)
{
	if (count < 1 || operands[0][0] == '\0')
		wrong_usage("the name or address of the mail server is missing", "");
	if (count > 3)
		wrong_usage("there is an operand too many: ", operands[3]);
	o->account.server = operands[0];
	o->account.smtp_port = count > 1 ? read_port(operands[1]) : DEFAULT_SMTP_PORT;
	o->account.pop3_port = count > 2 ? read_port(operands[2]) : DEFAULT_POP3_PORT;
}

static void print_help(void)
{
	printf("%s\n", usage);
	puts("Sends mail over SMTP and manages the mailbox over POP3.\n\n"
	     "  SERVER              name or address of the mail server\n"
	     "  SMTP_PORT           its SMTP port (default 2525)\n"
	     "  POP3_PORT           its POP3 port (default 2110)");
	for (size_t i = 0; i < ROWS; i++) {
		char left[32];
		snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
		         rows[i].argument ? rows[i].argument : "");
		printf("  %-19s %s", left, rows[i].help);
		if (rows[i].option == COURSE)
			printf(" (default %s)", course_default());
		putchar('\n');
	}
	puts("\nExample, beside `make lab`: mailclient 127.0.0.1\n"
	     "For scripts: mailclient send|list|show|delete; `mailclient send --help` says more.");
}

static void make_known(struct option known[ROWS + 1])
{
	for (size_t i = 0; i < ROWS; i++)
		known[i] = (struct option){ .name = rows[i].name,
			                    .has_arg = rows[i].argument ? required_argument : no_argument,
			                    .val = rows[i].option };
	known[ROWS] = (struct option){ 0 };
}

static void read_options(int argc, char **argv, struct options *o)
{
	struct option known[ROWS + 1];
	const char *first = argc > 1 ? argv[1] : ""; /* getopt moves it */
	int option;

	make_known(known);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
		switch (option) {
		case COURSE:
			o->course = optarg;
			break;
		case TLS:
			o->account.tls_first = true;
			break;
		case CA:
			o->account.trust.ca_file = optarg;
			break;
		case PLAINTEXT:
			o->account.plaintext = true;
			break;
		case EXPLAIN:
			o->explain = true;
			/* fall through */
		case TRANSCRIPT:
			o->transcript = true;
			break;
		case HELP:
			print_help();
			exit(EX_OK);
		case VERSION:
			puts("mailclient " POSTROOM_VERSION);
			exit(EX_OK);
		case ':':
			wrong_usage("an argument is missing behind ", argv[optind - 1]);
		default:
			unknown_option(argv[optind - 1], first);
		}
	}
	read_operands(argc - optind, argv + optind, o);
}

/* A core dump would hold the password. */
static void forbid_core_dumps(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
}

/* The course that is named, else the one that the program's name implies. */
static struct course *load_course(const char *name, const char *program, struct fault *why)
{
	if (!name)
		name = course_of_program(program);
	return course_load(name ? name : course_default(), why);
}

/* False: memory is out. */
static bool open_transcript(const struct options *o, const struct course *course, struct transcript **transcript)
{
	*transcript = NULL;
	if (!o->transcript)
		return true;
	*transcript = transcript_new(STDOUT_FILENO, NULL);
	if (*transcript && o->explain)
		transcript_explain(*transcript, course->verbs, course->verbs_len);
	return *transcript != NULL;
}

/* EX_OK, or it is said what is wrong. */
static int prepare_account(struct account *a, const struct course *course)
{
	struct fault why;

	a->course = course;
	if (!account_check_trust(a, &why)) {
		fprintf(stderr, "mailclient: %s\n", why.text);
		return EX_NOINPUT;
	}
	if (!a->trust.ca_file || account_is_extended(a, ACCOUNT_SMTP) || account_is_extended(a, ACCOUNT_POP3))
		return EX_OK;
	fprintf(stderr,
	        "mailclient: the course %s has no TLS that --ca could be for: say --course standard, or --tls\n",
	        course->name);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	struct options options = { .course = NULL };
	struct fault why;

	log_set_program("mailclient");
	forbid_core_dumps();
	if (argc > 1 && command_exists(argv[1]))
		return command_run(argc - 1, argv + 1);
	read_options(argc, argv, &options);
	struct course *course = load_course(options.course, argv[0], &why);
	if (!course) {
		fprintf(stderr, "mailclient: %s\n", why.text);
		return EX_CONFIG;
	}
	int status = prepare_account(&options.account, course);
	if (status != EX_OK) {
		account_release(&options.account);
		course_free(course);
		return status;
	}
	struct transcript *transcript;
	if (!open_transcript(&options, course, &transcript)) {
		fputs("mailclient: cannot start the transcript: out of memory\n", stderr);
		return EX_OSERR;
	}
	struct client client = {
		.course = course,
		.account = options.account,
	};
	client.account.transcript = transcript;
	screen_init(&client.screen, stdout);
	prompt_init(&client.prompt, STDIN_FILENO, &client.screen);
	if (course->standard)
		prompt_use_utf8(&client.prompt);
	client_run(&client);
	screen_release(&client.screen);
	account_release(&client.account);
	transcript_free(transcript);
	course_free(course);
	return EX_OK;
}
