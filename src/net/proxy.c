/*
 * proxy: see proxy.h. Section numbers are those of HAProxy's proxy-protocol.txt.
 */
#include "net/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/slice.h"

enum {
	BEGINNING = 12, /* octets that tell the versions apart */
	LINE_MAX_OCTETS = 107,
	FIXED = 16, /* octets of version 2 before the addresses */
	AT_COMMAND = 12,
	AT_FAMILY = 13,
	AT_LENGTH = 14,
	COMMAND_LOCAL = 0x20,
	COMMAND_PROXY = 0x21,
	FAMILY_UNKNOWN = 0x00,
	FAMILY_TCP4 = 0x11,
	FAMILY_TCP6 = 0x21,
	FAMILY_UNIX = 0x31,
	LENGTH_TCP4 = 12,
	LENGTH_TCP6 = 36,
};

static const char line_begin[] = "PROXY ";
static const char signature[BEGINNING + 1] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_verdict want(struct proxy_header *h, size_t octets)
{
	h->wanted = octets;
	return PROXY_MORE;
}

/* In the family's usual form; an IPv4 address in its IPv6 form (RFC 4291 section 2.5.5.2) is the IPv4 address. */
static void show(int family, const void *octets, char address[PROXY_ADDRESS_MAX])
{
	const struct in6_addr *six = octets;
	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six))
		inet_ntop(AF_INET, &six->s6_addr[12], address, PROXY_ADDRESS_MAX);
	else
		inet_ntop(family, octets, address, PROXY_ADDRESS_MAX);
}

/* ---- version 1 (section 2.1) ---- */

/* Words have one blank between them. */
static struct slice next_word(struct slice *rest)
{
	size_t len = slice_find(*rest, ' ');
	struct slice word = slice_make(rest->ptr, len);
	*rest = slice_skip(*rest, len + 1);
	return word;
}

static bool read_address(struct slice word, int family, struct in6_addr *octets)
{
	char text[PROXY_ADDRESS_MAX];
	if (word.len >= sizeof text || memchr(word.ptr, '\0', word.len))
		return false;
	memcpy(text, word.ptr, word.len);
	text[word.len] = '\0';
	return inet_pton(family, text, octets) == 1;
}

static enum proxy_verdict take_line(struct slice line, struct proxy_header *h)
{
	struct in6_addr client, server;
	uint64_t port;
	next_word(&line);
	struct slice kind = next_word(&line);
	if (slice_equal_text(kind, "UNKNOWN")) /* what else it says is of no interest */
		return PROXY_WHOLE;
	int family = slice_equal_text(kind, "TCP6") ? AF_INET6 : AF_INET;
	if (family == AF_INET && !slice_equal_text(kind, "TCP4"))
		return PROXY_WRONG;
	if (!read_address(next_word(&line), family, &client) || !read_address(next_word(&line), family, &server) ||
	    !slice_number(next_word(&line), UINT16_MAX, &port) || !slice_number(line, UINT16_MAX, &port))
		return PROXY_WRONG;
	show(family, &client, h->address);
	return PROXY_WHOLE;
}

/* Its end is not known before it is there: octet by octet. */
static enum proxy_verdict parse_line(const char *octets, size_t n, struct proxy_header *h)
{
	if (octets[n - 1] == '\n' && octets[n - 2] == '\r')
		return take_line(slice_make(octets, n - 2), h);
	return n < LINE_MAX_OCTETS && octets[n - 1] != '\n' ? want(h, n + 1) : PROXY_WRONG;
}

/* ---- version 2 (section 2.2) ---- */

static enum proxy_verdict take_addresses(int family, const char *octets, size_t length, struct proxy_header *h)
{
	switch (family) {
	case FAMILY_TCP4:
		if (length < LENGTH_TCP4)
			return PROXY_WRONG;
		show(AF_INET, octets, h->address);
		return PROXY_WHOLE;
	case FAMILY_TCP6: {
		struct in6_addr client;
		if (length < LENGTH_TCP6)
			return PROXY_WRONG;
		memcpy(&client, octets, sizeof client);
		show(AF_INET6, &client, h->address);
		return PROXY_WHOLE;
	}
	case FAMILY_UNKNOWN:
	case FAMILY_UNIX:
		return PROXY_WHOLE;
	default:
		return PROXY_WRONG;
	}
}

static enum proxy_verdict parse_octets(const char *octets, size_t n, struct proxy_header *h)
{
	if (n < FIXED)
		return want(h, FIXED);
	size_t length = (size_t)(unsigned char)octets[AT_LENGTH] << 8 | (unsigned char)octets[AT_LENGTH + 1];
	int command = (unsigned char)octets[AT_COMMAND];
	if (FIXED + length > PROXY_MAX || (command != COMMAND_LOCAL && command != COMMAND_PROXY))
		return PROXY_WRONG;
	if (n < FIXED + length)
		return want(h, FIXED + length);
	if (command == COMMAND_LOCAL) /* a look whether we live */
		return PROXY_WHOLE;
	return take_addresses((unsigned char)octets[AT_FAMILY], octets + FIXED, length, h);
}

/* ---- */

static bool begins(const char *octets, size_t n, const char *with, size_t len)
{
	return memcmp(octets, with, n < len ? n : len) == 0;
}

enum proxy_verdict proxy_parse(const char *octets, size_t n, struct proxy_header *h)
{
	*h = (struct proxy_header){ .wanted = BEGINNING };
	bool line = n == 0 || begins(octets, n, line_begin, strlen(line_begin));
	if (!line && !begins(octets, n, signature, BEGINNING))
		return PROXY_WRONG;
	if (n < BEGINNING)
		return PROXY_MORE;
	return line ? parse_line(octets, n, h) : parse_octets(octets, n, h);
}
