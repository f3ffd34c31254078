/*
 * index: reading, checking, adding to and remaking the index file. Never reads the mailbox itself. See index.h.
 */
#include "store/index.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/checksum.h"

static const char magic[8] = "PRINDX2";
static const char boot_file[] = "/proc/sys/kernel/random/boot_id";

enum { RECORDS_AT = 1024, NAME_SIZE = 300 };

static_assert(sizeof(struct index_record) == 64, "the record's layout is a file format");
static_assert(sizeof(struct index_header) <= RECORDS_AT, "the header fits before the records");
static_assert(sizeof(struct index_header) % 8 == 0, "the check goes by eight octets");

static uint32_t record_check(const struct index_record *r)
{
	return (uint32_t)checksum(r, offsetof(struct index_record, check));
}

static uint64_t header_check(const struct index_header *h)
{
	return checksum(h, offsetof(struct index_header, check));
}

static unsigned char this_boot[16];

static void read_boot(void)
{
	char text[40] = "";
	int fd = open(boot_file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : 0;
	file_close(fd);
	/* Any stable digest of the text will do, and without /proc every boot looks alike: then only the mailbox's look counts. */
	uint64_t half[2] = { checksum(text, n > 0 ? (size_t)n : 0), (uint64_t)n };
	memcpy(this_boot, half, sizeof this_boot);
}

const unsigned char *index_boot(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, read_boot);
	return this_boot;
}

static off_t place(uint64_t number)
{
	return RECORDS_AT + (off_t)(number * sizeof(struct index_record));
}

bool index_refresh(struct index *ix)
{
	struct index_header *h = &ix->head;
	struct file_look look;
	/* The file may be anybody's who may write in the directory: its numbers are input. */
	return ix->fd >= 0 && file_look(ix->fd, &look) && look.links > 0 &&
	       file_read(ix->fd, h, sizeof *h, 0) == (ssize_t)sizeof *h && memcmp(h->magic, magic, sizeof magic) == 0 &&
	       h->check == header_check(h) && h->dead <= h->count && h->numbered <= h->count &&
	       h->dead_length <= h->end && h->end <= h->mail.size &&
	       h->count <= look.size / sizeof(struct index_record) &&
	       /* Without a record nothing stands behind the header. */
	       (h->count == 0 || look.size >= (uint64_t)place(h->count));
}

static bool open_as(struct index *ix, int dir, const char *name, int flags)
{
	ix->fd = file_open(dir, name, flags, 0);
	if (index_refresh(ix))
		return true;
	index_close(ix);
	return false;
}

bool index_open(struct index *ix, int dir, const char *name)
{
	return open_as(ix, dir, name, O_RDWR);
}

bool index_open_to_read(struct index *ix, int dir, const char *name)
{
	return open_as(ix, dir, name, O_RDONLY | O_NONBLOCK);
}

void index_close(struct index *ix)
{
	file_close(ix->fd);
	ix->fd = -1;
}

bool index_fits(const struct index *ix, const struct file_look *mail, uint64_t deleted_size)
{
	const struct file_look *known = &ix->head.mail;
	return file_same(known, mail) && known->size == mail->size && known->modified == mail->modified &&
	       known->changed == mail->changed && ix->head.deleted_size == deleted_size;
}

bool index_of_this_boot(const struct index *ix)
{
	return memcmp(ix->head.boot, index_boot(), sizeof ix->head.boot) == 0;
}

void index_count(struct index_header *h, const struct index_record *r)
{
	bool dead = r->flags & INDEX_DEAD;
	if (h->numbered == h->count && r->id.ordinal != UID_UNNUMBERED)
		h->numbered++;
	h->count++;
	h->end = index_end(r);
	h->dead += dead ? 1 : 0;
	h->dead_length += dead ? index_end(r) - r->offset : 0;
	h->live_octets += dead ? 0 : r->octets;
}

bool index_whole(const struct index *ix)
{
	const struct index_header *h = &ix->head;
	struct index_header sum = { 0 };
	struct index_walk walk;
	struct index_record *r;
	bool failed = false;
	index_walk_init(&walk, ix->fd, h->count);
	while ((r = index_walk_next(&walk, &failed)) != NULL) {
		if (r->offset != sum.end)
			return false;
		index_count(&sum, r);
	}
	return !failed && sum.end == h->end && sum.dead == h->dead && sum.dead_length == h->dead_length &&
	       sum.live_octets == h->live_octets && sum.numbered == h->numbered;
}

bool index_read(int fd, uint64_t first, struct index_record *records, size_t n, bool may_block)
{
	size_t size = n * sizeof *records;
	struct iovec vector = { .iov_base = records, .iov_len = size };
	ssize_t got =
	        may_block ? file_read(fd, records, size, place(first)) : file_read_now(fd, &vector, 1, place(first));
	if (got < 0)
		return false;
	if ((size_t)got != size) {
		/* A read that may not block gives what is at hand, and that can be a part. */
		errno = may_block ? EIO : EAGAIN;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (records[i].check != record_check(&records[i])) {
			errno = EIO;
			return false;
		}
	}
	return true;
}

bool index_write(struct index *ix, uint64_t first, struct index_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++)
		records[i].check = record_check(&records[i]);
	return file_write(ix->fd, records, n * sizeof *records, place(first));
}

bool index_add(struct index *ix, struct index_record *records, size_t n)
{
	if (!index_write(ix, ix->head.count, records, n))
		return false;
	for (size_t i = 0; i < n; i++)
		index_count(&ix->head, &records[i]);
	return true;
}

bool index_describe(struct index *ix, const struct file_look *mail, uint64_t deleted_size)
{
	struct index_header *h = &ix->head;
	memcpy(h->magic, magic, sizeof magic);
	memcpy(h->boot, index_boot(), sizeof h->boot);
	h->mail = *mail;
	h->deleted_size = deleted_size;
	h->check = header_check(h);
	return file_write(ix->fd, h, sizeof *h, 0);
}

void index_walk_init(struct index_walk *w, int fd, uint64_t count)
{
	w->fd = fd;
	w->count = count;
	w->next = 0;
	w->used = 0;
	w->have = 0;
}

/* Whether there is a next block, of w->have records; they are not read yet. */
static bool begin_block(struct index_walk *w)
{
	uint64_t left = w->count - w->next;
	w->have = left < sizeof w->block / sizeof w->block[0] ? (size_t)left : sizeof w->block / sizeof w->block[0];
	w->used = 0;
	return w->have > 0;
}

struct index_record *index_walk_next(struct index_walk *w, bool *failed)
{
	if (w->used < w->have)
		return &w->block[w->used++];
	if (!begin_block(w))
		return NULL;
	if (!index_read(w->fd, w->next, w->block, w->have, true)) {
		w->have = 0;
		*failed = true;
		return NULL;
	}
	w->next += w->have;
	return &w->block[w->used++];
}

struct index_record *index_walk_next_any(struct index_walk *w)
{
	if (w->used < w->have)
		return &w->block[w->used++];
	if (!begin_block(w))
		return NULL;
	bool whole = index_read(w->fd, w->next, w->block, w->have, true);
	for (size_t i = 0; !whole && i < w->have; i++) {
		if (!index_read(w->fd, w->next + i, &w->block[i], 1, true))
			w->block[i] = (struct index_record){ .flags = INDEX_DAMAGED };
	}
	w->next += w->have;
	return &w->block[w->used++];
}

static void new_name(const struct index_maker *k, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s.new", k->name);
}

void index_maker_init(struct index_maker *k, int dir, const char *name)
{
	char fresh[NAME_SIZE];
	*k = (struct index_maker){ .dir = dir, .name = name };
	new_name(k, fresh);
	unlinkat(dir, fresh, 0);
	k->index.fd = file_open(dir, fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (k->index.fd < 0) {
		k->index.fd = memfd_create("index", MFD_CLOEXEC);
		k->in_memory = true;
	}
	k->failed = k->index.fd < 0;
}

/* No room on the disk: what was written so far goes to memory, and the rest after it. */
static bool move_to_memory(struct index_maker *k)
{
	char fresh[NAME_SIZE];
	int memory = k->in_memory ? -1 : memfd_create("index", MFD_CLOEXEC);
	if (memory < 0)
		return false;
	bool moved =
	        file_copy(k->index.fd, place(0), memory, place(0), k->index.head.count * sizeof(struct index_record));
	new_name(k, fresh);
	unlinkat(k->dir, fresh, 0);
	file_close(k->index.fd);
	k->index.fd = memory;
	k->in_memory = true;
	return moved;
}

static void flush(struct index_maker *k)
{
	if (k->failed || k->used == 0)
		return;
	if (!index_add(&k->index, k->block, k->used))
		k->failed = !move_to_memory(k) || !index_add(&k->index, k->block, k->used);
	k->used = 0;
}

void index_maker_add(struct index_maker *k, const struct index_record *r)
{
	if (k->used == sizeof k->block / sizeof k->block[0])
		flush(k);
	k->block[k->used++] = *r;
}

bool index_maker_finish(struct index_maker *k, const struct file_look *mail, uint64_t deleted_size, struct index *ix,
                        struct fault *why)
{
	char fresh[NAME_SIZE];
	flush(k);
	if (!k->failed && !index_describe(&k->index, mail, deleted_size))
		k->failed = !move_to_memory(k) || !index_describe(&k->index, mail, deleted_size);
	new_name(k, fresh);
	if (!k->failed && !k->in_memory && renameat(k->dir, fresh, k->dir, k->name) != 0)
		k->failed = true;
	if (k->failed) {
		fault_errno(why, "cannot write the mailbox's index");
		index_maker_abandon(k);
		return false;
	}
	*ix = k->index;
	return true;
}

void index_maker_abandon(struct index_maker *k)
{
	char fresh[NAME_SIZE];
	new_name(k, fresh);
	if (!k->in_memory)
		unlinkat(k->dir, fresh, 0);
	index_close(&k->index);
}
