/*
 * postroom-web: the web inbox's process, begun by `postroom serve`, or by hand to look at a mail directory. Wiring, nothing else; see docs/web.md.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "web/worker.h"

static const char usage[] =
        "usage: postroom-web --dir DIR [--listen ADDRESS:PORT] [options]\n"
        "Shows the mail below DIR in a browser. `postroom serve` begins it by itself; alone it only reads.\n"
        "\n"
        "  --dir DIR              the mail directory\n"
        "  --listen ADDRESS:PORT  where the page is (127.0.0.1:8025; port 0 picks one)\n"
        "  --mailbox NAME         the mailbox files' name (mailbox)\n"
        "  --host NAME[:PORT]     a further name under which the page is reached; may be repeated\n"
        "  --no-sandbox           for debuggers and profilers\n"
        "  --verbose              log what happens, not only what goes wrong\n"
        "  --help                 print this text\n"
        "  --version              print the version\n";

enum {
	OPTION_DIR = 1,
	OPTION_LISTEN,
	OPTION_MAILBOX,
	OPTION_HOST,
	OPTION_SOCKET,
	OPTION_LINK,
	OPTION_LOGIN,
	OPTION_NO_SANDBOX,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option options[] = {
	{ "dir", required_argument, NULL, OPTION_DIR },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "mailbox", required_argument, NULL, OPTION_MAILBOX },
	{ "host", required_argument, NULL, OPTION_HOST },
	/* serve's: */
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "link", required_argument, NULL, OPTION_LINK },
	{ "login", no_argument, NULL, OPTION_LOGIN },
	{ "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static bool read_number(const char *text, uint64_t max, int *number)
{
	uint64_t value;
	if (!slice_number(slice_str(text), max, &value))
		return false;
	*number = (int)value;
	return true;
}

/* "127.0.0.1:8025", "[::1]:8025"; changes the argument. */
static bool read_place(char *text, struct worker_options *o)
{
	char *colon = strrchr(text, ':');
	int port = 0;
	if (!colon || !read_number(colon + 1, 65535, &port))
		return false;
	*colon = '\0';
	if (text[0] == '[' && colon[-1] == ']') {
		text++;
		colon[-1] = '\0';
	}
	o->address = text;
	o->port = (unsigned)port;
	return true;
}

static bool add_host(struct worker_options *o, const char *host)
{
	if (o->hosts_count == WORKER_HOSTS_MAX)
		return false;
	o->hosts[o->hosts_count++] = host;
	return true;
}

static bool take(struct worker_options *o, int option)
{
	switch (option) {
	case OPTION_DIR:
		o->dir = optarg;
		return true;
	case OPTION_LISTEN:
		return read_place(optarg, o);
	case OPTION_MAILBOX:
		o->mailbox = optarg;
		return true;
	case OPTION_HOST:
		return add_host(o, optarg);
	case OPTION_SOCKET:
		return read_number(optarg, 1024, &o->listener);
	case OPTION_LINK:
		return read_number(optarg, 1024, &o->link);
	case OPTION_LOGIN:
		return o->login = true;
	case OPTION_NO_SANDBOX:
		return o->no_sandbox = true;
	case OPTION_VERBOSE:
		log_set_level(LOG_LEVEL_INFO);
		return true;
	default:
		return false;
	}
}

static int status_of(enum fault_kind kind)
{
	return kind == FAULT_BUSY ? EX_UNAVAILABLE : kind == FAULT_PERMANENT ? EX_USAGE : EX_OSERR;
}

int main(int argc, char **argv)
{
	static char standard[] = "127.0.0.1:8025";
	struct worker_options o = { .mailbox = "mailbox", .listener = -1, .link = -1 };
	struct fault why;
	int option;
	log_set_program("postroom-web");
	log_to_journal();
	read_place(standard, &o);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
		if (option == OPTION_VERSION)
			return printf("postroom-web %s\n", POSTROOM_VERSION) < 0 ? EX_IOERR : EX_OK;
		if (option == '?' || !take(&o, option)) {
			fputs("postroom-web: --help says what it takes\n", stderr);
			return EX_USAGE;
		}
	}
	if (!o.dir || optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (worker_run(&o, &why))
		return EX_OK;
	fprintf(stderr, "postroom-web: %s\n", why.text);
	return status_of(why.kind);
}
