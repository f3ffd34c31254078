/*
 * postroom: everything in one program; the server of all protocols, and what an operator needs. Wiring, nothing else; see postroom(1).
 */
#include "admin/admin.h"
#include "admin/cert.h"
#include "admin/check.h"
#include "admin/mail.h"
#include "admin/serve.h"
#include "admin/status.h"
#include "admin/user.h"

static const struct admin_command *const commands[] = { &serve_command,  &config_command,
	                                                &status_command, &check_command,
	                                                &cert_command,   &mail_command,
	                                                &user_command,   NULL };

static const struct admin_program postroom = {
	.before = "usage: postroom COMMAND [options] …\n"
	          "       postroom help [COMMAND] | --help | --version\n"
	          "Postroom is a mail system: servers for SMTP and POP3, and a mail client for the terminal.\n"
	          "\n"
	          "  smtpmail PORT      receives mail over SMTP and appends it to the users' mailboxes\n"
	          "  popserver PORT     lets users list, read and delete the mail in their mailboxes, over POP3\n"
	          "  mailclient SERVER  sends mail, and manages a mailbox\n"
	          "\n",
	.after = "\n"
	         "Each has --help and a man page.\n"
	         "\n"
	         "Examples: mail for tests, with nothing to set up; and in a directory with a users file\n"
	         "  postroom serve\n"
	         "  smtpmail 2525 & popserver 2110 & mailclient 127.0.0.1\n",
	.commands = commands,
};

int main(int argc, char **argv)
{
	return admin_run(&postroom, argc, argv);
}
