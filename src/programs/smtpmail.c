/*
 * smtpmail: the SMTP server. Wiring, nothing else; see smtpmail(8).
 */
#include "server/member.h"
#include "server/program.h"
#include "server/receive.h"

int main(int argc, char **argv)
{
	static const struct program smtpmail = {
		.which = OPTIONS_SMTPMAIL,
		.session_new = receive_session_new,
		.member_session_new = member_session_new,
	};
	return program_run(&smtpmail, argc, argv);
}
