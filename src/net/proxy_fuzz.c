/*
 * Any octets in front of a connection: a header with an address that is one, or none, or no header; the same whether they come as wanted or one by one.
 */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *octets = (const char *)data;
	struct proxy_header h, single;
	enum proxy_verdict verdict, slow = PROXY_MORE;
	unsigned char numbers[16];
	size_t have = 0;
	while ((verdict = proxy_parse(octets, have, &h)) == PROXY_MORE && h.wanted <= size) {
		check(h.wanted > have && h.wanted <= PROXY_MAX);
		have = h.wanted;
	}
	for (size_t i = 0; i <= have && slow == PROXY_MORE; i++)
		slow = proxy_parse(octets, i, &single);
	check(slow == verdict);
	if (verdict != PROXY_WHOLE)
		return 0;
	check(strcmp(h.address, single.address) == 0);
	check(h.address[0] == '\0' || inet_pton(AF_INET, h.address, numbers) == 1 ||
	      inet_pton(AF_INET6, h.address, numbers) == 1);
	return 0;
}
