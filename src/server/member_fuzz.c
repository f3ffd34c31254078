/*
 * member: a whole server of a course with registration, and three clients who say anything to it in turn, and come and go: what they hear are lines, and in
 * the end no mail takes memory.
 *
 * The first octet is the length of the pieces. Further on one of 0xFE changes to the next client; one of 0xFF makes this one vanish, and the next with its number
 * comes.
 */
#include "server/member.h"

#include "server/fuzz_suite.h"

#include <stdlib.h>

enum { CLIENTS = 3, FIRST = 4, NEXT_CLIENT = 0xFE, VANISHES = 0xFF };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

/* The mails of an answer to RETRIEVE are any text; lines in CR LF they are. */
static void look(void *owner, struct slice said)
{
	(void)owner;
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		fuzz_check(end < said.len && end >= 1 && said.ptr[end - 1] == '\r');
		said = slice_skip(said, end + 1);
	}
}

static void connect_client(struct fuzz_peer *peers, struct site *site, int i)
{
	peers[i].look = look;
	fuzz_connect(&peers[i], site, member_session_new, FIRST + i, true);
}

/* What it says up to the octet that changes something. */
static size_t turn_length(struct slice rest)
{
	size_t next = slice_find(rest, (char)NEXT_CLIENT), gone = slice_find(rest, (char)VANISHES);
	return next < gone ? next : gone;
}

static void talk(struct fuzz_peer *peers, struct site *site, struct slice rest, size_t step)
{
	int now = 0;
	while (rest.len > 0) {
		size_t end = turn_length(rest);
		fuzz_say(&peers[now], slice_make(rest.ptr, end), step);
		if (end < rest.len && (unsigned char)rest.ptr[end] == VANISHES) {
			fuzz_disconnect(&peers[now], true);
			connect_client(peers, site, now);
		} else {
			now = (now + 1) % CLIENTS;
		}
		rest = slice_skip(rest, end + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	struct fuzz_peer peers[CLIENTS];
	if (n == 0)
		return 0;
	struct site *site = fuzz_site("mymailserver");
	for (int i = 0; i < CLIENTS; i++)
		connect_client(peers, site, i);
	talk(peers, site, slice_make((const char *)octets + 1, n - 1), octets[0] > 0 ? octets[0] : PUMP_INPUT_MAX);
	for (int i = 0; i < CLIENTS; i++)
		fuzz_disconnect(&peers[i], false);
	fuzz_site_empty(site);
	return 0;
}
