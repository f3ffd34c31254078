/*
 * command_status: what an answer or a fault means as an exit status of sysexits(3). And the account that the options name.
 */
#ifndef POSTROOM_CLIENT_COMMAND_STATUS_H
#define POSTROOM_CLIENT_COMMAND_STATUS_H

#include "client/account.h"
#include "client/command_options.h"

/* Of an SMTP reply that says no: EX_TEMPFAIL, EX_NOPERM where a login is wanted or refused, else `permanent`. Pure. */
int command_status_of_reply(struct slice words, int permanent);
/* Of a POP3 server's -ERR: EX_TEMPFAIL where its code says so (RFC 2449, RFC 3206), else `permanent`. Pure. */
int command_status_of_error(struct slice words, int permanent);
/* Of a connection that broke off, or never was there; broken: what came was not the protocol. Pure. */
int command_status_of_trouble(enum fault_kind kind, bool broken);

/* EX_OK, or the exit status where there is no such host or CA file, the reason being told. In both cases for command_account_release(). The options must
 * outlive it. Blocks. */
int command_account(const struct command_options *o, struct account *account);
void command_account_release(struct account *account);

#endif
