/*
 * account: from what a person gave to what a connection needs. See account.h.
 */
#include "client/account.h"

#include <stdio.h>

bool account_check_trust(struct account *a, struct fault *why)
{
	if (a->trust.ca_file && !a->trust.client)
		a->trust.client = tls_client_new(a->trust.ca_file, why);
	return !a->trust.ca_file || a->trust.client;
}

void account_release(struct account *a)
{
	link_trust_release(&a->trust);
}

static bool is_tls_first(const struct account *a, enum account_port which)
{
	return a->tls_first || (which == ACCOUNT_SMTP ? a->smtp_port == ACCOUNT_SMTPS : a->pop3_port == ACCOUNT_POP3S);
}

bool account_is_extended(const struct account *a, enum account_port which)
{
	return !a->course || a->course->standard || is_tls_first(a, which);
}

enum { WARNING_MAX = 512 };

void account_warn_clear(struct account *a)
{
	char text[WARNING_MAX];

	if (a->warned || !a->warn)
		return;
	a->warned = true;
	snprintf(text, sizeof text, "The password for %.*s at %s goes unencrypted: the course %s has no TLS",
	         SLICE_FMT(a->name), a->server, a->course->name);
	a->warn(a->owner, text);
}

struct link_options account_link(struct account *a, enum account_port which)
{
	return (struct link_options){ .server = a->server,
		                      .port = which == ACCOUNT_SMTP ? a->smtp_port : a->pop3_port,
		                      .tls_first = is_tls_first(a, which),
		                      .tls_asked = a->tls_first,
		                      .trust = &a->trust,
		                      .connection = ++a->connections,
		                      .shown = a->transcript };
}
