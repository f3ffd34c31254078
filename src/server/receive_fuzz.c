/*
 * receive: a whole SMTP server of a course with users, and a client that says anything: what is answered with an acceptance is in the mailboxes and nothing else
 * is, no mail can be taken for two, and nobody is let in without the password.
 *
 * The first octet: the course, whether the peer is on this machine, whether MAIL needs a login, and whether the peer vanishes; the second one: the length of
 * the pieces.
 */
#include "server/receive.h"

#include "server/fuzz_suite.h"

#include <stdlib.h>

enum { MAILS_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

struct heard {
	size_t accepted;
	bool let_in;
};

static bool begins(struct slice line, const char *text)
{
	return line.len >= strlen(text) && memcmp(line.ptr, text, strlen(text)) == 0;
}

static void look(void *owner, struct slice said)
{
	struct heard *h = owner;
	fuzz_look_at_smtp(said);
	while (said.len > 0) {
		size_t end = slice_find(said, '\n') + 1;
		struct slice line = slice_make(said.ptr, end);
		h->accepted += begins(line, "250 2.0.0 OK Message accepted") || begins(line, "250 OK Message accepted");
		h->let_in |= begins(line, "235");
		said = slice_skip(said, end);
	}
}

static bool holds(struct slice s, const char *text)
{
	return s.len > 0 && memmem(s.ptr, s.len, text, strlen(text)) != NULL;
}

/* Whether they hold the password, or the middle of what it is in BASE64, wherever it begins there. */
static bool know_password(struct slice said)
{
	return holds(said, "secret") || holds(said, "c2VjcmV0") || holds(said, "NlY3Jld") || holds(said, "zZWNyZX");
}

/* A line that is a full stop alone ends a mail in the file, so none has it; and each ends with a line end. */
static void check_mails(struct slice mails, size_t count)
{
	size_t ends = 0;
	while (mails.len > 0) {
		size_t end = slice_find(mails, '\n');
		fuzz_check(end < mails.len);
		struct slice line = slice_make(mails.ptr, end);
		ends += slice_equal_text(line, ".");
		fuzz_check(line.len < 2 || line.ptr[0] != '.' || line.ptr[1] == '.');
		mails = slice_skip(mails, end + 1);
	}
	fuzz_check(ends == count);
}

static void check_boxes(struct site *site, const struct heard *h)
{
	struct buf mails;
	size_t alices = 0, bobs = 0;
	buf_init(&mails, MAILS_MAX);
	alices = fuzz_mails(site, "alice", &mails);
	bobs = fuzz_mails(site, "bob", &mails);
	check_mails(buf_slice(&mails), alices + bobs);
	fuzz_check(alices <= h->accepted && bobs <= h->accepted && alices + bobs >= h->accepted);
	buf_release(&mails);
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
	site->smtp.auth_required = octets[0] & 8;
	fuzz_connect(&peer, site, receive_session_new, 5, octets[0] & 4);
	fuzz_say(&peer, said, octets[1] > 0 ? octets[1] : PUMP_INPUT_MAX);
	fuzz_disconnect(&peer, octets[0] & 16);
	fuzz_check(!heard.let_in || know_password(said));
	fuzz_check(heard.accepted == 0 || heard.let_in || !site->smtp.auth_required);
	check_boxes(site, &heard);
	fuzz_site_empty(site);
	return 0;
}
