/*
 * maildrop: a whole POP3 server of a course, whose client says anything: nobody sees or removes a mail who has not said the password; what is left are mails that
 * were there, as they were, in their order; no command changes anything without QUIT.
 *
 * The first octet: the course, whether the peer is on this machine, and whether it vanishes; the second one: the length of the pieces.
 */
#include "server/maildrop.h"

#include "server/fuzz_suite.h"

#include <stdlib.h>

enum { MAILS_MAX = 1024 * 1024, LINE_MAX_OCTETS = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static const char *const mails[] = {
	"Received: by x with ESMTP\nSubject: one\n\nkeep this private\n..\n",
	"From: a@b\nTo: c\nReceived: 1 : 2 : 3\nSubject: two\nkeep this private\n",
	"Received: by x with UTF8SMTP\nSubject: \xc3\xa4\n\nkeep this private\n",
};

enum { MAILS = sizeof mails / sizeof mails[0] };

struct heard {
	bool private;
};

static bool holds(struct slice s, const char *text)
{
	return s.len > 0 && memmem(s.ptr, s.len, text, strlen(text)) != NULL;
}

/* RFC 1939 section 3: lines end in CR LF, and none but a mail's own is longer than 512 octets. */
static void look(void *owner, struct slice said)
{
	struct heard *h = owner;
	h->private |= holds(said, "keep this private");
	while (said.len > 0) {
		size_t end = slice_find(said, '\n');
		fuzz_check(end < said.len && end >= 1 && end < LINE_MAX_OCTETS && said.ptr[end - 1] == '\r');
		said = slice_skip(said, end + 1);
	}
}

static bool know_password(struct slice said)
{
	return holds(said, "secret") || holds(said, "c2VjcmV0") || holds(said, "NlY3Jld") || holds(said, "zZWNyZX");
}

static bool hold_quit(struct slice said)
{
	for (; said.len >= 4; said = slice_skip(said, 1)) {
		if (slice_starts_nocase(said, "QUIT"))
			return true;
	}
	return false;
}

/* Cuts a mail off the front that is the i-th with its full stop; false: it is not this one. */
static bool take_mail(struct slice *rest, size_t i)
{
	size_t len = strlen(mails[i]);
	if (rest->len < len + 2 || memcmp(rest->ptr, mails[i], len) != 0 || memcmp(rest->ptr + len, ".\n", 2) != 0)
		return false;
	*rest = slice_skip(*rest, len + 2);
	return true;
}

static size_t count_left(struct site *site)
{
	struct buf left;
	buf_init(&left, MAILS_MAX);
	size_t count = fuzz_mails(site, "alice", &left), met = 0;
	struct slice rest = buf_slice(&left);
	for (size_t i = 0; i < MAILS; i++)
		met += take_mail(&rest, i);
	fuzz_check(rest.len == 0 && met == count);
	buf_release(&left);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const char *const courses[] = { "standard", "kharagpur", "leuven", "calicut" };
	struct heard heard = { 0 };
	struct fuzz_peer peer = { .look = look, .owner = &heard };
	if (n < 2)
		return 0;
	struct site *site = fuzz_site(courses[octets[0] & 3]);
	struct slice said = slice_make((const char *)octets + 2, n - 2);
	for (size_t i = 0; i < MAILS; i++)
		fuzz_deliver(site, "alice", mails[i]);
	fuzz_connect(&peer, site, maildrop_session_new, 5, octets[0] & 4);
	fuzz_say(&peer, said, octets[1] > 0 ? octets[1] : PUMP_INPUT_MAX);
	fuzz_disconnect(&peer, octets[0] & 8);
	size_t left = count_left(site);
	bool knew = know_password(said);
	fuzz_check(knew || (!heard.private && left == MAILS));
	fuzz_check(left == MAILS || hold_quit(said));
	fuzz_site_empty(site);
	return 0;
}
