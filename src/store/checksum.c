/*
 * checksum: see checksum.h.
 */
#include "store/checksum.h"

#include <string.h>

uint64_t checksum(const void *data, size_t n)
{
	uint64_t sum = 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = 0;
		memcpy(&word, (const char *)data + i, n - i < 8 ? n - i : 8);
		sum = (sum ^ word) * 0xff51afd7ed558ccdu;
		sum ^= sum >> 32;
	}
	return sum;
}
