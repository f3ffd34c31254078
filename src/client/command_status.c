/*
 * command_status: codes and statuses. See command_status.h.
 */
#include "client/command_status.h"

#include <netdb.h>
#include <sysexits.h>
#include <unistd.h>

int command_status_of_reply(struct slice words, int permanent)
{
	uint64_t code = 0;

	slice_number(slice_make(words.ptr, words.len < 3 ? words.len : 3), 999, &code);
	/* RFC 4954 section 6: a login is wanted, too weak, refused, or only for TLS. */
	if (code == 530 || code == 534 || code == 535 || code == 538)
		return EX_NOPERM;
	if (code >= 400 && code < 500)
		return EX_TEMPFAIL;
	return permanent;
}

int command_status_of_error(struct slice words, int permanent)
{
	static const char *const passing[] = { "[IN-USE]", "[SYS/TEMP]", "[LOGIN-DELAY]" };
	struct slice code;

	slice_word(&words);
	code = slice_word(&words);
	for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
		if (slice_equal_text_nocase(code, passing[i]))
			return EX_TEMPFAIL;
	}
	return permanent;
}

int command_status_of_trouble(enum fault_kind kind, bool broken)
{
	if (broken)
		return EX_PROTOCOL;
	/* What waiting does not mend is a certificate that is not good, or a password that must not go in clear. */
	return kind == FAULT_PERMANENT ? EX_NOPERM : EX_TEMPFAIL;
}

/* Whether the server's name means anything. */
static int find_host(const struct command_options *o)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int error = getaddrinfo(o->server, NULL, &hints, &list);

	if (error == 0)
		freeaddrinfo(list);
	if (error == EAI_NONAME)
		return command_fail(o, EX_NOHOST, "cannot find the server %s: %s", o->server, gai_strerror(error));
	return EX_OK;
}

static void warn(void *owner, const char *text)
{
	command_fail(owner, EX_OK, "%s", text);
}

int command_account(const struct command_options *o, struct account *account)
{
	struct fault why;

	*account = (struct account){ .server = o->server,
		                     .smtp_port = o->port,
		                     .pop3_port = o->port,
		                     .tls_first = o->tls,
		                     .plaintext = o->plaintext,
		                     .name = slice_str(o->user ? o->user : ""),
		                     .password = buf_slice(&o->password),
		                     .warn = warn,
		                     .owner = (void *)o,
		                     .trust = { .ca_file = o->ca } };
	int status = find_host(o);
	if (o->transcript && !(account->transcript = transcript_new(STDERR_FILENO, NULL)))
		return command_fail(o, EX_OSERR, "cannot start the transcript: memory is out");
	if (status == EX_OK && !account_check_trust(account, &why))
		status = command_fail(o, EX_NOINPUT, "%s", why.text);
	return status;
}

void command_account_release(struct account *account)
{
	transcript_free(account->transcript);
	account_release(account);
}
