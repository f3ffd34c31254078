/*
 * serve: `postroom serve`, `postroom config`. See serve.h.
 */
#include "admin/serve.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/slice.h"
#include "server/config_table.h"
#include "server/serve.h"

/* ---- serve ---- */

static bool set_port(void *at, const char *value)
{
	struct serve_port *wish = at;
	uint64_t port;
	wish->said = slice_number(slice_str(value), OPTIONS_PORT_MAX, &port);
	if (wish->said)
		wish->port = (unsigned)port;
	return wish->said;
}

static const char a_port[] = "give a number from 1 to 65535 (0 picks a free one)";

#define AT(field) offsetof(struct serve_wishes, field)

static const struct admin_option serve_options[] = {
	{ "config", "FILE", "what to serve, and where (default: without a file, as said above)", AT(config),
	  "give a file", admin_set_word },
	{ "dir", "DIR", "where the mailboxes are, whatever the file says", AT(dir), "give a directory",
	  admin_set_word },
	{ "smtp-port", "PORT", "without a file: where SMTP is (default: 2525)", AT(smtp_port), a_port, set_port },
	{ "pop3-port", "PORT", "without a file: where POP3 is (default: 2110)", AT(pop3_port), a_port, set_port },
	{ "web-port", "PORT", "without a file: where the page is (default: 8025)", AT(web_port), a_port, set_port },
	{ "transcript", NULL, "print the dialogues on stdout, passwords masked", AT(transcript), NULL, NULL },
	{ "explain", NULL, "print the dialogues, and under each line what it means", AT(explain), NULL, NULL },
	{ "verbose", NULL, "write a line on stderr for every mail and login", AT(verbose), NULL, NULL },
	{ 0 },
};

static int run_serve(void *wishes, int count, char **operands)
{
	if (count > 0)
		return admin_fail(EX_USAGE, "'%s' is one argument too many: postroom serve --help shows what there is",
		                  operands[0]);
	return serve_run(wishes);
}

const struct admin_command serve_command = {
	.name = "serve",
	.operands = "",
	.summary = "serves SMTP, LMTP, POP3 and the web inbox, as a file says, or mail for tests",
	.about =
	        "Serves until Ctrl-C. Without a file it is for those who test mail programs: it listens on this "
	        "machine alone, SMTP on port 2525,\n"
	        "POP3 on port 2110 and the web inbox on port 8025; takes mail for any recipient at any domain, into an "
	        "inbox of its own, and any\n"
	        "password with the address opens it over POP3. With a file it is a mail server as the file says: "
	        "postroom.conf(5).\n",
	.options = serve_options,
	.wishes_size = sizeof(struct serve_wishes),
	.run = run_serve,
};

/* ---- config ---- */

static const struct admin_option no_options[] = { { 0 } };

static int check(const char *path)
{
	int status = serve_check(path);
	if (status != EX_OK)
		return status;
	printf("%s: all well\n", path);
	return admin_done();
}

static int run_config(void *wishes, int count, char **operands)
{
	(void)wishes;
	const char *action = count > 0 ? operands[0] : "";
	bool is_check = strcmp(action, "check") == 0;
	if (count > (is_check ? 2 : 1))
		return admin_fail(EX_USAGE, "'%s' is one argument too many: postroom config --help shows what there is",
		                  operands[count - 1]);
	if (is_check)
		return check(count == 2 ? operands[1] : CONFIG_FILE_USUAL);
	if (strcmp(action, "sample") == 0)
		config_print_sample(stdout);
	else if (strcmp(action, "man") == 0)
		config_print_man(stdout);
	else
		return admin_fail(EX_USAGE, "say `postroom config check [FILE]`, or sample, or man");
	return admin_done();
}

const struct admin_command config_command = {
	.name = "config",
	.operands = "check [FILE] | sample | man",
	.summary = "says what is wrong with a configuration, or prints a sample of one",
	.about = "check says all that is wrong with a configuration (default: " CONFIG_FILE_USUAL
	         "), each with its line;\n"
	         "sample prints a file that says everything, as a comment where it is the default; man prints the list "
	         "of keys\n"
	         "that stands in postroom.conf(5).\n",
	.options = no_options,
	.run = run_config,
};
