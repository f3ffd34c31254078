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

enum { DEFAULT_SMTP_PORT = 2525, DEFAULT_POP3_PORT = 2110, PORT_MAX = 65535 };

static const char usage[] =
        "usage: mailclient [--course NAME|FILE] [--transcript|--explain] SERVER [SMTP_PORT [POP3_PORT]]";

static const char help[] = "Sends mail over SMTP and manages the mailbox over POP3.\n"
                           "\n"
                           "  SERVER              name or address of the mail server\n"
                           "  SMTP_PORT           its SMTP port (default 2525)\n"
                           "  POP3_PORT           its POP3 port (default 2110)\n"
                           "  --course NAME|FILE  the course whose menu and texts are used (default %s)\n"
                           "  --transcript        show the dialogue with the servers, passwords masked\n"
                           "  --explain           show it, and under each line what it means\n"
                           "  --help, --version\n"
                           "\n"
                           "Example, beside `make run`: mailclient 127.0.0.1\n";

struct options {
	const char *course;
	const char *server;
	unsigned smtp_port;
	unsigned pop3_port;
	bool transcript;
	bool explain; /* implies transcript */
};

static _Noreturn void wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "mailclient: %s%s; %s\n", what, which, usage);
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
	o->server = operands[0];
	o->smtp_port = count > 1 ? read_port(operands[1]) : DEFAULT_SMTP_PORT;
	o->pop3_port = count > 2 ? read_port(operands[2]) : DEFAULT_POP3_PORT;
}

static void read_options(int argc, char **argv, struct options *o)
{
	enum { COURSE = 256, TRANSCRIPT, EXPLAIN, HELP, VERSION };
	static const struct option known[] = {
		{ "course", required_argument, NULL, COURSE }, { "transcript", no_argument, NULL, TRANSCRIPT },
		{ "explain", no_argument, NULL, EXPLAIN },     { "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERSION },     { NULL, 0, NULL, 0 },
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		switch (option) {
		case COURSE:
			o->course = optarg;
			break;
		case EXPLAIN:
			o->explain = true;
			/* fall through */
		case TRANSCRIPT:
			o->transcript = true;
			break;
		case HELP:
			printf("%s\n", usage);
			printf(help, course_default());
			exit(EX_OK);
		case VERSION:
			puts("mailclient " POSTROOM_VERSION);
			exit(EX_OK);
		case ':':
			wrong_usage("an argument is missing behind ", argv[optind - 1]);
		default:
			wrong_usage("unknown option ", argv[optind - 1]);
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
	*transcript = transcript_new(STDOUT_FILENO);
	if (*transcript && o->explain)
		transcript_explain(*transcript, course->verbs, course->verbs_len);
	return *transcript != NULL;
}

int main(int argc, char **argv)
{
	struct options options = { .course = NULL };
	struct fault why;

	log_set_program("mailclient");
	forbid_core_dumps();
	read_options(argc, argv, &options);
	struct course *course = load_course(options.course, argv[0], &why);
	if (!course) {
		fprintf(stderr, "mailclient: %s\n", why.text);
		return EX_CONFIG;
	}
	struct transcript *transcript;
	if (!open_transcript(&options, course, &transcript)) {
		fputs("mailclient: cannot start the transcript: out of memory\n", stderr);
		return EX_OSERR;
	}
	struct client client = {
		.course = course,
		.server = options.server,
		.smtp_port = options.smtp_port,
		.pop3_port = options.pop3_port,
		.transcript = transcript,
	};
	screen_init(&client.screen, stdout);
	prompt_init(&client.prompt, STDIN_FILENO, &client.screen);
	client_run(&client);
	transcript_free(transcript);
	course_free(course);
	return EX_OK;
}
