/*
 * pop3_client: a server that says anything at all, through login, list, scan, one mail, one deletion, STAT, LIST, RSET and QUIT.
 */
#include "protocol/pop3_client.h"

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
	int step = 0;

	transcript_feed_init(&feed, NULL);
	pop3_client_init(&c, &feed);
	pop3_client_login(&c, slice_str("alice"), slice_str("secret"));
	for (size_t at = 0; at < n && !c.talk.broken && c.state != POP3_CLIENT_END; at++) {
		talk_sent(&c.talk, c.talk.out.len);
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
