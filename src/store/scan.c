/*
 * scan: finding the mails in a mailbox file. Owns a block of memory while it runs; see scan.h.
 */
#include "store/scan.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/file.h"
#include "store/measure.h"

/* The smaller one where there is no memory for the other: a mailbox that cannot be read takes no mail. */
enum { BLOCK = 1024 * 1024, SMALL_BLOCK = 16 * 1024 };

/* The mail under way, and the place in the block. */
struct progress {
	struct scan *scan;
	EVP_MD_CTX *digest;
	struct measure measure;
	uint64_t mail_at;  /* file offset of the mail's first octet */
	uint64_t block_at; /* file offset of block[0] */
	char *block;
	size_t size;     /* that are read at once; the block has 2 more, for what may stay of the last one */
	size_t used;     /* octets in the block */
	size_t run;      /* what of the block is hashed already */
	size_t line;     /* the current line's start in the block */
	bool known_text; /* the current line began in an earlier block, and divides nothing */
	bool seen_text;  /* something other than blanks since the last dividing line */
};

static bool divides(const char *line, size_t n)
{
	return line[0] == '.' && (n == 1 || (n == 2 && line[1] == '\r'));
}

static bool all_blank(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!slice_is_blank(text[i]) && text[i] != '\r' && text[i] != '\n')
			return false;
	}
	return true;
}

/* Takes the block's text up to `end` into the mail. */
static bool take(struct progress *p, size_t end)
{
	const char *text = p->block + p->run;
	size_t n = end - p->run;
	if (n == 0)
		return true;
	p->run = end;
	p->seen_text = p->seen_text || !all_blank(text, n);
	return EVP_DigestUpdate(p->digest, text, n);
}

static bool begin_mail(struct progress *p, uint64_t at)
{
	p->mail_at = at;
	p->seen_text = false;
	measure_init(&p->measure);
	return EVP_DigestInit_ex2(p->digest, NULL, NULL);
}

/* The line from p->line to `end` (its LF) divides: a mail is complete. */
static bool end_mail(struct progress *p, size_t end)
{
	unsigned char whole[EVP_MAX_MD_SIZE];
	if (!take(p, p->line) || !EVP_DigestFinal_ex(p->digest, whole, NULL))
		return false;
	struct scan_mail mail = {
		.offset = p->mail_at,
		.length = p->block_at + p->line - p->mail_at,
		.octets = p->measure.octets,
		.end = p->block_at + end + 1,
	};
	memcpy(mail.hash, whole, DRAFT_HASH);
	p->run = end + 1;
	p->scan->whole = mail.end;
	return p->scan->mail(p->scan->owner, &mail) && begin_mail(p, mail.end);
}

static bool take_lines(struct progress *p)
{
	const char *lf;
	while ((lf = memchr(p->block + p->line, '\n', p->used - p->line)) != NULL) {
		size_t end = (size_t)(lf - p->block);
		bool divider = !p->known_text && end > p->line && divides(p->block + p->line, end - p->line);
		if (!divider)
			measure_line(&p->measure, p->block + p->line, end - p->line);
		else if (!end_mail(p, end))
			return false;
		p->line = end + 1;
		p->known_text = false;
	}
	return true;
}

/* An unfinished line that may yet divide (it is "." or ".\r" so far) stays for the next block; anything else is text. */
static bool keep_rest(struct progress *p)
{
	size_t rest = p->used - p->line;
	bool undecided = !p->known_text && (rest == 0 || divides(p->block + p->line, rest));
	size_t kept = undecided ? rest : 0;
	if (!take(p, p->used - kept))
		return false;
	measure_push(&p->measure, p->block + p->line, rest - kept);
	p->known_text = !undecided;
	memmove(p->block, p->block + p->used - kept, kept);
	p->block_at += p->used - kept;
	p->used = kept;
	p->run = 0;
	p->line = 0;
	return true;
}

static bool read_block(struct progress *p, uint64_t at, struct fault *why)
{
	uint64_t left = p->scan->size - at;
	size_t want = left < p->size ? (size_t)left : p->size;
	ssize_t n = file_read(p->scan->fd, p->block + p->used, want, (off_t)at);
	if (n < 0)
		return fault_errno(why, "cannot read the mailbox");
	if (n == 0)
		return fault_set(why, FAULT_TEMPORARY, "the mailbox became shorter while it was read");
	p->used += (size_t)n;
	return true;
}

static bool scan_blocks(struct progress *p, struct fault *why)
{
	struct scan *s = p->scan;
	bool good = begin_mail(p, s->from);
	for (uint64_t at = s->from; good && at < s->size;) {
		if (!read_block(p, at, why))
			return false;
		at = p->block_at + p->used;
		good = take_lines(p) && keep_rest(p);
	}
	if (!good)
		return fault_set(why, FAULT_TEMPORARY, "out of memory while reading the mailbox");
	s->dot_tail = p->used > 0;
	s->cut_line = s->dot_tail || p->known_text;
	s->blank_tail = !p->seen_text && !s->dot_tail;
	return true;
}

static void get_block(struct progress *p)
{
	p->size = BLOCK;
	p->block = malloc(p->size + 2);
	if (p->block)
		return;
	p->size = SMALL_BLOCK;
	p->block = malloc(p->size + 2);
}

bool scan_file(struct scan *s, struct fault *why)
{
	struct progress p = { .scan = s, .block_at = s->from, .digest = EVP_MD_CTX_new() };
	get_block(&p);
	EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	s->whole = s->from;
	bool good = p.block && p.digest && sha256 && EVP_DigestInit_ex2(p.digest, sha256, NULL);
	good = good ? scan_blocks(&p, why) : fault_set(why, FAULT_TEMPORARY, "out of memory while reading the mailbox");
	EVP_MD_free(sha256);
	EVP_MD_CTX_free(p.digest);
	free(p.block);
	return good;
}
