/*
 * transcript: any lines of either side: whole lines come out without control characters but tabs, and of a secret nothing. A line of the input is one of the dialogue; its
 * first octet says what it is: S, C, P (a password behind five octets), s and c (text of a mail), e (its end), N (a note).
 */
#include "protocol/transcript.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

enum { SHOWN_MAX = 16 * 1024 * 1024, INPUT_MAX = 16 * 1024, BEHIND_VERB = 5 };

static const char secret[] = "ThEsEcReTwOrD";

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void say_secret(struct transcript_feed *f, struct slice line)
{
	struct buf whole;
	buf_init(&whole, INPUT_MAX * 2);
	struct slice verb = slice_make(line.ptr, line.len < BEHIND_VERB ? line.len : BEHIND_VERB);
	check(buf_append_slice(&whole, verb) && buf_append_text(&whole, secret) &&
	      buf_append_slice(&whole, slice_skip(line, verb.len)));
	transcript_secret(f, TRANSCRIPT_CLIENT, buf_slice(&whole), verb.len);
	buf_clear(&whole);
	check(buf_append_text(&whole, line.len & 1 ? "PASS " : "auth PLAIN ") && buf_append_text(&whole, secret) &&
	      buf_append_slice(&whole, line));
	transcript_command(f, buf_slice(&whole));
	buf_release(&whole);
}

static void say(struct transcript_feed *f, char what, struct slice line)
{
	if (what == 'P')
		say_secret(f, line);
	else if (what == 'N')
		transcript_note(f, TRANSCRIPT_CLIENT, "<client connects>");
	else if (what == 's' || what == 'c')
		transcript_text(f, what == 's' ? TRANSCRIPT_SERVER : TRANSCRIPT_CLIENT, line.ptr, line.len);
	else if (what == 'e')
		transcript_text_end(f, TRANSCRIPT_CLIENT);
	else if (what == 'S')
		transcript_line(f, TRANSCRIPT_SERVER, line);
	else
		transcript_command(f, line);
}

static void check_shown(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	check(size >= 0 && size < SHOWN_MAX);
	char *text = malloc((size_t)size + 1);
	check(text && pread(fd, text, (size_t)size, 0) == size);
	check(size == 0 || text[size - 1] == '\n');
	for (off_t i = 0; i < size; i++)
		check(((unsigned char)text[i] >= ' ' && text[i] != 0x7f) || text[i] == '\n' || text[i] == '\t');
	check(!memmem(text, (size_t)size, secret, sizeof secret - 1));
	free(text);
	check(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static int fd = -1;
	static struct transcript *t;
	struct transcript_feed feed;
	struct slice rest = slice_make((const char *)octets, n);
	if (n > INPUT_MAX || memmem(octets, n, secret, sizeof secret - 1))
		return 0;
	if (!t) {
		fd = memfd_create("transcript", MFD_CLOEXEC);
		t = transcript_new(fd, NULL);
		check(fd >= 0 && t);
		transcript_explain(t, NULL, 0);
	}
	transcript_feed_init(&feed, t);
	while (!slice_empty(rest)) {
		size_t end = slice_find(rest, '\n');
		say(&feed, rest.ptr[0], slice_make(rest.ptr + (end > 0), end - (end > 0)));
		rest = slice_skip(rest, end + 1);
	}
	transcript_feed_release(&feed);
	transcript_flush(t);
	check_shown(fd);
	return 0;
}
