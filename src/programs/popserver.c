/*
 * popserver: the POP3 server. Wiring, nothing else; see popserver(8).
 */
#include "server/maildrop.h"
#include "server/program.h"

int main(int argc, char **argv)
{
	static const struct program popserver = { .which = OPTIONS_POPSERVER, .session_new = maildrop_session_new };
	return program_run(&popserver, argc, argv);
}
