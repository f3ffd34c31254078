/*
 * talk: any octets, in any cut, for both dialects. The first octet chooses dialect, text and the length of the cuts.
 */
#include "protocol/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static void take_reply(struct talk *t)
{
	t->multiline = !t->multiline;
}

static void take_text(struct talk *t, const char *octets, size_t n)
{
	(void)t;
	(void)octets;
	(void)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const struct talk_role role = { .reply = take_reply, .text = take_text };
	struct transcript_feed feed;
	struct talk t;

	if (n == 0)
		return 0;
	size_t step = 1 + (octets[0] >> 2);
	transcript_feed_init(&feed, NULL);
	talk_init(&t, octets[0] & 1 ? TALK_SMTP : TALK_POP3, &role, &feed);
	t.multiline = (octets[0] & 2) != 0;
	for (int i = 0; i < 1000; i++)
		talk_expect(&t);
	for (size_t at = 1; at < n; at += step)
		talk_push(&t, (const char *)octets + at, n - at < step ? n - at : step);
	talk_release(&t);
	transcript_feed_release(&feed);
	return 0;
}
