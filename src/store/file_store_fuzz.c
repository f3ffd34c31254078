/*
 * file_store_fuzz: any bytes as a mailbox file, and any bytes as its index and its marks, or real ones with some octets changed: whatever they are, a
 * session opens or fails cleanly, a second scan finds the same mails, and a delivery after it is there whole; an inspection ends, and finds nothing after a repair.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inspect.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int root = -1;
static struct fault why;

static void put(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(root, name, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static size_t read_all(struct store *s, uint64_t *sum)
{
	struct maildrop *m = s->ops->open(s, "u", "fuzzer", &why);
	size_t count = m ? m->ops->count(m) : 0;
	bool numbered = m && m->ops->number(m, &why);
	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		struct mail_info info;
		char octets[64];
		struct store_span span = { .octets = octets, .size = sizeof octets };
		if (m->ops->info(m, i, true, &info, &why) != STORE_GOT)
			continue;
		assert(!numbered || info.uid[0]);
		while (m->ops->read(m, i, &span, true, &why) == STORE_GOT && span.got > 0)
			span.offset += span.got;
		*sum += span.offset;
	}
	if (m)
		m->ops->close(m);
	return count;
}

/* Changes octets of a file in place, as a bad disk might: two octets say where, the third what. */
static void damage(const char *name, const uint8_t *data, size_t size)
{
	int fd = openat(root, name, O_RDWR);
	struct stat st;
	if (fd < 0)
		return;
	assert(fstat(fd, &st) == 0);
	for (; size >= 3 && st.st_size > 0; data += 3, size -= 3) {
		off_t at = (data[0] << 8 | data[1]) % st.st_size;
		uint8_t octet;
		assert(pread(fd, &octet, 1, at) == 1);
		octet ^= data[2];
		assert(pwrite(fd, &octet, 1, at) == 1);
	}
	close(fd);
}

/* A session with an index or marks of its own, damaged behind its back: what it reads may be wrong, but it ends. */
static void read_damaged(struct store *s, const uint8_t *data, size_t size, bool marks)
{
	uint64_t sum;
	unsigned char first[1 + 4096 / 8] = { 1 };
	struct maildrop *m = marks ? s->ops->open(s, "u", "fuzzer", &why) : NULL;
	size_t count = m ? m->ops->count(m) : 0;
	if (count > 0 && count < 4096)
		m->ops->remove(m, first, &why);
	if (m)
		m->ops->close(m);
	read_all(s, &sum);
	damage(marks ? "u/.m.deleted" : "u/.m.index", data, size);
	read_all(s, &sum);
	unlinkat(root, "u/.m.index", 0);
}

static void count_finding(void *owner, const struct inspect_finding *finding)
{
	assert(finding->kind < INSPECT_KINDS);
	++*(size_t *)owner;
}

/* Whatever lies there is told twice alike, and after a repair nothing of it is left. */
static void inspect_all(struct store *s)
{
	struct mailbox m;
	struct inspect_sums sums;
	size_t findings = 0;
	size_t again = 0;
	size_t left = 0;
	assert(mailbox_open(&m, file_store_place(s), "u", &why));
	assert(inspect_mailbox(&m, count_finding, &findings, &sums, &why));
	assert(inspect_mailbox(&m, count_finding, &again, &sums, &why) && again == findings);
	assert(inspect_repair(&m, &why));
	assert(inspect_mailbox(&m, count_finding, &left, &sums, &why) && left == 0);
	mailbox_close(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "/dev/shm/store-fuzz-XXXXXX";
	if (root < 0) {
		assert(mkdtemp(name));
		root = open(name, O_RDONLY | O_DIRECTORY);
		assert(root >= 0 && mkdirat(root, "u", 0700) == 0);
	}
	if (size < 2)
		return 0;
	/* Two octets say how the rest is shared out: an odd first one gives some of it to the index (2: the marks), or (4) to the damage done to it. */
	size_t text = (size - 2) * data[1] / 255;
	bool sidecars = data[0] & 1;
	unlinkat(root, "u/.lock", 0);
	unlinkat(root, "u/.m.index", 0);
	unlinkat(root, "u/.m.deleted", 0);
	unlinkat(root, "u/.m.torn", 0);
	put("u/m", data + 2, sidecars ? text : size - 2);
	if (sidecars && !(data[0] & 4))
		put(data[0] & 2 ? "u/.m.index" : "u/.m.deleted", data + 2 + text, size - 2 - text);

	struct store *s = file_store_new(root, "m", &why);
	uint64_t sum;
	uint64_t again;
	if (sidecars && data[0] & 4)
		read_damaged(s, data + 2 + text, size - 2 - text, data[0] & 2);
	if (data[0] & 8)
		inspect_all(s);
	size_t count = read_all(s, &sum);
	unlinkat(root, "u/.m.index", 0);
	assert(read_all(s, &again) == count && sum == again);
	struct draft *d = s->ops->draft(s);
	assert(draft_write(d, "after\n", 6) && draft_finish(d, &why));
	assert(s->ops->append(s, "u", &d, 1, &why));
	draft_free(d);
	assert(read_all(s, &again) == count + 1 && again == sum + 6);
	s->ops->free(s);
	return 0;
}
