/*
 * network: see network.h. All are handled as IPv6 addresses, in which the IPv4 ones have a place.
 */
#include "server/network.h"

#include <arpa/inet.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/clock.h"
#include "net/listen.h"

enum { PREFIX = 8 }; /* octets of a /64 */

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff }; /* ::ffff:0:0/96 */

static bool is_v4(const unsigned char octets[NETWORK_KEY])
{
	return memcmp(octets, mapped, sizeof mapped) == 0;
}

/* IPv4 in its IPv6 form. False: no address. */
static bool parse(const char *address, unsigned char octets[NETWORK_KEY])
{
	char plain[INET6_ADDRSTRLEN];
	size_t len = strcspn(address, "%");
	if (len >= sizeof plain)
		return false;
	memcpy(plain, address, len);
	plain[len] = '\0';
	if (inet_pton(AF_INET6, plain, octets) == 1)
		return true;
	memcpy(octets, mapped, sizeof mapped);
	return inet_pton(AF_INET, plain, octets + sizeof mapped) == 1;
}

bool network_key(const char *address, unsigned char key[NETWORK_KEY])
{
	if (!parse(address, key))
		return false;
	if (!is_v4(key))
		memset(key + PREFIX, 0, NETWORK_KEY - PREFIX);
	return true;
}

bool network_same(const char *a, const char *b)
{
	unsigned char x[NETWORK_KEY], y[NETWORK_KEY];
	return parse(a, x) && parse(b, y) && memcmp(x, y, NETWORK_KEY) == 0;
}

bool network_is_loopback(const char *address)
{
	static const unsigned char one[NETWORK_KEY] = { [NETWORK_KEY - 1] = 1 };
	unsigned char octets[NETWORK_KEY];
	if (!parse(address, octets))
		return strcmp(address, LISTEN_UNIX_PEER) == 0;
	return is_v4(octets) ? octets[sizeof mapped] == 127 : memcmp(octets, one, sizeof one) == 0;
}

uint32_t network_hash(const unsigned char key[NETWORK_KEY], uint32_t seed)
{
	uint32_t h = 2166136261u ^ seed; /* FNV-1a */
	for (size_t i = 0; i < NETWORK_KEY; i++)
		h = (h ^ key[i]) * 16777619u;
	return h ^ h >> 16;
}

uint32_t network_seed(void)
{
	uint32_t seed;
	return RAND_bytes((unsigned char *)&seed, sizeof seed) == 1 ? seed : (uint32_t)clock_ms();
}
