/*
 * Packets between the server and the web process: what decodes encodes to the same octets.
 */
#include <stdlib.h>

#include "monitor/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice packet = slice_make((const char *)data, size);
	struct message m;
	struct buf again;
	if (!message_decode(&m, packet))
		return 0;
	buf_init(&again, MESSAGE_MAX);
	if (!message_encode(&m, &again) || !slice_equal(buf_slice(&again), packet))
		abort();
	buf_release(&again);
	return 0;
}
