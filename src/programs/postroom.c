/*
 * postroom: everything in one program. So far it says what there is; see postroom(1).
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char help[] =
        "usage: postroom --help | --version\n"
        "Postroom is a mail system: servers for SMTP and POP3, and a mail client for the terminal.\n"
        "\n"
        "  smtpmail PORT      receives mail over SMTP and appends it to the users' mailboxes\n"
        "  popserver PORT     lets users list, read and delete the mail in their mailboxes, over POP3\n"
        "  mailclient SERVER  sends mail, and manages a mailbox\n"
        "\n"
        "Each has --help and a man page.\n"
        "\n"
        "Example, in a directory with a users file:\n"
        "  smtpmail 2525 & popserver 2110 & mailclient 127.0.0.1\n";

int main(int argc, char **argv)
{
	const char *wish = argc > 1 ? argv[1] : "";
	if (argc < 2) {
		fputs(help, stderr);
		return EX_USAGE;
	}
	if (strcmp(wish, "--help") == 0) {
		fputs(help, stdout);
	} else if (strcmp(wish, "--version") == 0) {
		puts("postroom " POSTROOM_VERSION);
	} else {
		fprintf(stderr, "postroom: '%s' is not known: postroom --help shows what there is\n", wish);
		return EX_USAGE;
	}
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
