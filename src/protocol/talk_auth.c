/*
 * talk_auth: AUTH, as a client says it. See talk_auth.h.
 */
#include "protocol/talk_auth.h"

#include <stdio.h>

enum { VERB_MAX = 64 };

bool talk_auth_wanted(const struct talk_login *l)
{
	return l && l->name.len > 0;
}

static void wipe(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

/* The response to a challenge, behind a verb or alone. */
static void send_response(struct talk *t, struct talk_login *l, const char *verb, struct slice challenge)
{
	struct buf response;
	struct fault why;

	/* Reserved at once, so that no growing buffer leaves a copy behind. */
	buf_init(&response, TALK_AUTH_CHALLENGE_MAX);
	if (!buf_reserve(&response, TALK_AUTH_CHALLENGE_MAX))
		talk_fail(t, FAULT_FULL, "memory is out");
	else if (l->step(l, challenge, &response, &why))
		talk_secret(t, verb, buf_slice(&response));
	else
		talk_refuse(t, "%s", why.text);
	wipe(&response);
}

void talk_auth_begin(struct talk *t, struct talk_login *l, const char *mechanism, bool at_once)
{
	char verb[VERB_MAX];

	t->auth_steps = 0;
	snprintf(verb, sizeof verb, "AUTH %s", mechanism);
	if (at_once && l->begins(l))
		send_response(t, l, verb, slice_make("", 0));
	else
		talk_command(t, slice_str(verb));
}

void talk_auth_answer(struct talk *t, struct talk_login *l, struct slice challenge)
{
	if (++t->auth_steps > TALK_AUTH_STEPS_MAX || challenge.len > TALK_AUTH_CHALLENGE_MAX)
		talk_break(t, "the server's questions at the login do not end");
	else
		send_response(t, l, "", challenge);
}

bool talk_auth_accept(struct talk *t, struct talk_login *l)
{
	struct fault why;

	if (l->accept(l, &why))
		return true;
	talk_refuse(t, "%s", why.text);
	return false;
}

void talk_auth_refuse_clear(struct talk *t)
{
	talk_refuse(t, "the server offers no TLS: the password was not sent (--plaintext sends it unencrypted)");
}
