/*
 * pop3_client: a server that says anything at all, in the manner that the first octet chooses, through login, list, scan, one mail, one deletion, STAT, LIST, RSET and QUIT.
 */
#include "protocol/pop3_client.h"

#include "protocol/client_login_suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void take_text(void *owner, const char *octets, size_t n)
{
	(void)owner;
	(void)octets;
	(void)n;
}

static void take_end(void *owner, size_t index, bool given)
{
	(void)owner;
	(void)index;
	(void)given;
}

static const struct pop3_client_sink sink = { take_text, take_end, NULL };

/* The next thing a user may do. */
static void go_on(struct pop3_client *c, int *step)
{
	switch ((*step)++) {
	case 0:
		pop3_client_scan(c, &sink);
		break;
	case 1:
		pop3_client_retrieve(c, 1, &sink);
		break;
	case 2:
		pop3_client_delete(c, 1);
		break;
	case 3:
		pop3_client_stat(c);
		break;
	case 4:
		pop3_client_list(c);
		break;
	case 5:
		pop3_client_reset(c);
		break;
	default:
		pop3_client_quit(c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct transcript_feed feed;
	struct pop3_client c;
	struct client_login login;
	int step = 0;

	if (n == 0)
		return 0;
	client_login_init(&login, "alice", "secret");
	const struct pop3_client_manner manner = { octets[0] & 1, octets[0] & 2, octets[0] & 4, &login.login };
	transcript_feed_init(&feed, NULL);
	pop3_client_init(&c, &feed);
	pop3_client_login(&c, &manner);
	for (size_t at = 1; at < n && !c.talk.broken && c.state != POP3_CLIENT_END; at++) {
		talk_sent(&c.talk, c.talk.out.len);
		if (c.talk.secures)
			talk_secured(&c.talk);
		talk_push(&c.talk, (const char *)octets + at, 1);
		talk_sent(&c.talk, c.talk.out.len);
		while (!c.talk.broken && c.state == POP3_CLIENT_READY && talk_idle(&c.talk)) {
			go_on(&c, &step);
			talk_sent(&c.talk, c.talk.out.len);
		}
	}
	pop3_client_release(&c);
	transcript_feed_release(&feed);
	return 0;
}
