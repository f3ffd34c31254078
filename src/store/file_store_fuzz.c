/*
 * file_store_fuzz: any bytes as a mailbox file, and any bytes as its index and its marks. Whatever they are, a session opens or fails cleanly, a second
 * scan finds the same mails, and a delivery after it is there whole.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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
	/* Two octets say how the rest is shared out; an even first one leaves index and marks away. */
	size_t text = (size - 2) * data[1] / 255;
	bool sidecars = data[0] & 1;
	unlinkat(root, "u/.lock", 0);
	unlinkat(root, "u/.m.index", 0);
	unlinkat(root, "u/.m.deleted", 0);
	unlinkat(root, "u/.m.torn", 0);
	put("u/m", data + 2, sidecars ? text : size - 2);
	if (sidecars)
		put(data[0] & 2 ? "u/.m.index" : "u/.m.deleted", data + 2 + text, size - 2 - text);

	struct store *s = file_store_new(root, "m", &why);
	uint64_t sum;
	uint64_t again;
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
