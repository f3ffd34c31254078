/*
 * draft: a mail on its way in. Owns its bytes, in memory or in an unnamed file; never touches a mailbox. See draft.h.
 */
#include "store/draft.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "store/measure.h"

enum {
	/* What is written between two looks at draft_full(): one read of input, every octet of it a doubled full stop. */
	WRITE_SLACK = 256 * 1024,
	/* When the process holds DRAFT_MEMORY_ALL, a draft goes to its file from this size on. */
	CROWDED_MAX = 16 * 1024,
	/* Once in a file, memory holds this much between two writes. */
	BLOCK_MAX = 256 * 1024,
};

struct draft {
	int spill_dir;
	int file; /* -1 while in memory */
	uint64_t in_file;
	struct buf memory;
	size_t counted; /* octets of memory that are in memory_held */
	struct measure measure;
	EVP_MD_CTX *digest;
	unsigned char hash[DRAFT_HASH];
};

/* Octets that all drafts of this process hold in memory. */
static atomic_size_t memory_held;

static const EVP_MD *sha256(void)
{
	/* Fetched once: EVP_sha256() would look its provider up anew for every mail. */
	static _Atomic(EVP_MD *) fetched;
	EVP_MD *md = atomic_load(&fetched);
	if (md)
		return md;
	EVP_MD *none = NULL;
	md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (md && !atomic_compare_exchange_strong(&fetched, &none, md)) {
		EVP_MD_free(md);
		md = none;
	}
	return md;
}

struct draft *draft_new(int spill_dir)
{
	struct draft *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->spill_dir = spill_dir;
	d->file = -1;
	buf_init(&d->memory, DRAFT_MEMORY_MAX + WRITE_SLACK);
	measure_init(&d->measure);
	d->digest = EVP_MD_CTX_new();
	if (!d->digest || !EVP_DigestInit_ex2(d->digest, sha256(), NULL)) {
		draft_free(d);
		return NULL;
	}
	return d;
}

/* Keeps the process's sum in step with what this draft holds. */
static void count_memory(struct draft *d, size_t held)
{
	atomic_fetch_add(&memory_held, held - d->counted);
	d->counted = held;
}

void draft_free(struct draft *d)
{
	if (!d)
		return;
	count_memory(d, 0);
	buf_release(&d->memory);
	EVP_MD_CTX_free(d->digest);
	file_close(d->file);
	free(d);
}

bool draft_write(struct draft *d, const char *octets, size_t n)
{
	if (!buf_append(&d->memory, octets, n))
		return false;
	count_memory(d, d->memory.cap);
	measure_push(&d->measure, octets, n);
	return n == 0 || EVP_DigestUpdate(d->digest, octets, n);
}

static bool crowded(void)
{
	return atomic_load(&memory_held) >= DRAFT_MEMORY_ALL;
}

bool draft_full(const struct draft *d)
{
	size_t bound = d->file >= 0 ? BLOCK_MAX : DRAFT_MEMORY_MAX;
	return d->memory.len >= bound || (d->memory.len >= CROWDED_MAX && crowded());
}

static bool open_file(struct draft *d, struct fault *why)
{
	if (d->spill_dir < 0)
		return fault_set(why, FAULT_FULL, "the mail is larger than memory allows (%d octets)",
		                 DRAFT_MEMORY_MAX);
	d->file = openat(d->spill_dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return d->file >= 0 || fault_errno(why, "cannot make a temporary file for a large mail");
}

bool draft_spill(struct draft *d, struct fault *why)
{
	if (d->file < 0 && !open_file(d, why))
		return false;
	if (!file_write(d->file, d->memory.data, d->memory.len, (off_t)d->in_file))
		return fault_errno(why, "cannot write a large mail's temporary file");
	d->in_file += d->memory.len;
	buf_clear(&d->memory);
	if (d->memory.cap > BLOCK_MAX + WRITE_SLACK || crowded())
		buf_release(&d->memory);
	count_memory(d, d->memory.cap);
	return true;
}

bool draft_finish(struct draft *d, struct fault *why)
{
	unsigned char whole[EVP_MAX_MD_SIZE];
	if (measure_in_line(&d->measure) && !draft_write(d, "\n", 1))
		return fault_set(why, FAULT_TEMPORARY, "out of memory");
	if (d->file >= 0) {
		if (!draft_spill(d, why))
			return false;
		buf_release(&d->memory);
	}
	if (!EVP_DigestFinal_ex(d->digest, whole, NULL))
		return fault_set(why, FAULT_TEMPORARY, "cannot hash a mail");
	memcpy(d->hash, whole, DRAFT_HASH);
	return true;
}

bool draft_in_file(const struct draft *d)
{
	return d->file >= 0;
}

uint64_t draft_size(const struct draft *d)
{
	return d->in_file + d->memory.len;
}

uint64_t draft_octets(const struct draft *d)
{
	return d->measure.octets;
}

const unsigned char *draft_hash(const struct draft *d)
{
	return d->hash;
}

struct slice draft_text(const struct draft *d)
{
	return buf_slice(&d->memory);
}

int draft_file(const struct draft *d)
{
	return d->file;
}
