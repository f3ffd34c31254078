/*
 * pop3_origin: any octets, whole and in pieces (the first octet says how long), must be judged alike.
 */
#include "protocol/pop3_origin.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static enum pop3_origin_way judge(struct slice mail, size_t step)
{
	struct pop3_origin *o = pop3_origin_new();
	enum pop3_origin_way way = POP3_ORIGIN_UNKNOWN;
	while (way == POP3_ORIGIN_UNKNOWN) {
		size_t now = mail.len < step ? mail.len : step;
		way = pop3_origin_push(o, slice_make(mail.ptr, now));
		mail = slice_skip(mail, now);
	}
	pop3_origin_free(o);
	return way;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	if (n == 0)
		return 0;
	struct slice mail = slice_make((const char *)octets + 1, n - 1);
	enum pop3_origin_way way = judge(mail, SIZE_MAX);
	if (judge(mail, (size_t)octets[0] + 1) != way || (pop3_origin_is_plain(mail) && way != POP3_ORIGIN_PLAIN))
		abort();
	return 0;
}
