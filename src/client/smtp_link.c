/*
 * smtp_link: the sending dialogue over a connection. See smtp_link.h.
 */
#include "client/smtp_link.h"

#include <string.h>
#include <unistd.h>

/* The name for HELO: this host's, where that can stand in a command (RFC 5321 section 4.1.1.1). */
static void find_host_name(char name[SMTP_LINK_NAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

	if (gethostname(name, SMTP_LINK_NAME_MAX) != 0)
		name[0] = '\0';
	name[SMTP_LINK_NAME_MAX - 1] = '\0';
	if (name[0] == '\0' || name[strspn(name, allowed)] != '\0')
		memcpy(name, "localhost", sizeof "localhost");
}

/* The course's own spelling of a verb, or NULL. */
static const char *own_verb(const struct course *course, const char *means)
{
	for (size_t i = 0; i < course->verbs_len; i++) {
		if (strcmp(course->verbs[i].means, means) == 0)
			return course->verbs[i].spelling;
	}
	return NULL;
}

void smtp_link_init(struct smtp_link *l, struct account *account)
{
	const struct course *course = account->course;

	*l = (struct smtp_link){ .account = account };
	if (course) {
		l->manner.registers = course->registration;
		l->manner.mail_verb = own_verb(course, "MAIL FROM:");
		l->manner.rcpt_verb = own_verb(course, "RCPT TO:");
	}
	find_host_name(l->name);
	l->manner.name = l->name;
	link_init(&l->link);
	smtp_client_init(&l->client, &l->link.feed);
}

void smtp_link_release(struct smtp_link *l)
{
	link_close(&l->link);
	smtp_client_release(&l->client);
	sasl_release(&l->sasl);
}

/* Drives what was asked of the client to its end. */
static bool drive(struct smtp_link *l)
{
	bool ok = link_run(&l->link, &l->client.talk, &l->why);

	if (!ok || l->client.state == SMTP_CLIENT_END)
		link_close(&l->link);
	return ok;
}

/* Who logs in, and whether that may go in clear. */
static void prepare_login(struct smtp_link *l)
{
	const struct account *a = l->account;

	sasl_init(&l->sasl, a->name, a->password, &l->link.tls);
	l->manner.extended = account_is_extended(a, ACCOUNT_SMTP);
	l->manner.secured = link_is_secure(&l->link);
	l->manner.clear_login = l->link.is_local || a->plaintext;
	l->manner.login = &l->sasl.login;
	l->manner.login_needed = !a->course; /* a script names a user only where it means one */
}

bool smtp_link_open(struct smtp_link *l)
{
	const struct link_options options = account_link(l->account, ACCOUNT_SMTP);

	smtp_link_release(l);
	smtp_client_init(&l->client, &l->link.feed);
	l->opened = false;
	if (!link_open(&l->link, &options, &l->why))
		return false;
	prepare_login(l);
	smtp_client_open(&l->client, &l->manner);
	drive(l);
	l->opened = l->client.outcome == SMTP_CLIENT_DONE;
	if (!l->opened)
		smtp_link_close(l);
	return l->opened;
}

bool smtp_link_is_open(struct smtp_link *l)
{
	return link_is_alive(&l->link);
}

void smtp_link_send(struct smtp_link *l, const struct smtp_client_mail *mail)
{
	smtp_client_send(&l->client, mail);
	drive(l);
}

void smtp_link_retrieve(struct smtp_link *l, const struct smtp_client_sink *sink)
{
	smtp_client_retrieve(&l->client, sink);
	drive(l);
}

/* Once the server has said yes or no, a connection that breaks before its goodbye changes nothing. */
void smtp_link_close(struct smtp_link *l)
{
	if (!link_is_open(&l->link))
		return;
	smtp_client_quit(&l->client);
	drive(l);
	link_close(&l->link);
}
