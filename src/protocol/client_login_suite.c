/*
 * client_login_suite: a login without secrets. See client_login_suite.h.
 */
#include "protocol/client_login_suite.h"

static struct client_login *suite_of(struct talk_login *l)
{
	return (struct client_login *)l;
}

static const char *choose(struct talk_login *l, struct slice offered)
{
	static const char *const known[] = { "SCRAM-SHA-256", "PLAIN", "LOGIN" };

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct slice rest = offered, word;
		while ((word = slice_word(&rest)).len > 0) {
			if (slice_equal_text_nocase(word, known[i]))
				return suite_of(l)->mechanism = known[i];
		}
	}
	return NULL;
}

static bool begins(struct talk_login *l)
{
	return strcmp(suite_of(l)->mechanism, "LOGIN") != 0;
}

static bool step(struct talk_login *l, struct slice challenge, struct buf *response, struct fault *why)
{
	const struct client_login *s = suite_of(l);

	if (s->senseless && slice_equal_text(challenge, s->senseless))
		return fault_set(why, FAULT_PERMANENT, "no sense");
	return buf_printf(response, "<%.*s>", SLICE_FMT(challenge)) || fault_set(why, FAULT_FULL, "too long");
}

static bool accept(struct talk_login *l, struct fault *why)
{
	return !suite_of(l)->distrusts || fault_set(why, FAULT_PERMANENT, "not proven");
}

static bool digest(struct talk_login *l, struct slice stamp, char hex[33])
{
	(void)l;
	memset(hex, '0' + (int)(stamp.len % 10), 32);
	hex[32] = '\0';
	return true;
}

void client_login_init(struct client_login *l, const char *name, const char *password)
{
	*l = (struct client_login){ .login = { choose, begins, step, accept, digest, slice_str(name),
		                               slice_str(password) } };
}
