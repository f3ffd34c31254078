/*
 * marks: the file of deletion marks. Never touches the mailbox itself. See marks.h.
 */
#include "store/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

static const char magic[8] = "PRMARK1";

enum { FILE_MAX = 1024 * 1024 * 1024 };

struct marks_header {
	char magic[8];
	uint64_t inode; /* the successor, or 0 */
	int64_t birth;
};

struct batch_header {
	uint64_t count;
	uint64_t check;
};

static uint64_t check_of(const struct mark *list, size_t n)
{
	const unsigned char *octet = (const unsigned char *)list;
	uint64_t sum = 0xcbf29ce484222325u ^ n;
	for (size_t i = 0; i < n * sizeof *list; i++)
		sum = (sum ^ octet[i]) * 0x100000001b3u;
	return sum;
}

static int compare(const void *a, const void *b)
{
	const struct mark *x = a;
	const struct mark *y = b;
	int by_hash = memcmp(x->hash, y->hash, DRAFT_HASH);
	if (by_hash != 0)
		return by_hash;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* A file without marks is empty or just a header. */
static bool write_header(int fd, const struct file_look *successor)
{
	struct marks_header head = { .inode = successor ? successor->inode : 0,
		                     .birth = successor ? successor->birth : 0 };
	memcpy(head.magic, magic, sizeof magic);
	return file_write(fd, &head, sizeof head, 0);
}

/* Opens the file. Where it is empty that is made durable first, with its name: marks that were dropped by a sync that failed would count again
 * behind a new header. The header becomes durable with the first batch. */
static int open_for_adding(int dir, const char *name, struct file_look *look)
{
	int fd = file_open(dir, name, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return -1;
	if (!file_look(fd, look) || !S_ISREG(look->mode) || look->links != 1 ||
	    (look->size == 0 && (!file_sync(fd) || !file_sync_directory(dir) || !write_header(fd, NULL)))) {
		file_close(fd);
		return -1;
	}
	if (look->size == 0)
		look->size = sizeof(struct marks_header);
	return fd;
}

static bool write_batch(int fd, uint64_t at, const struct mark *batch, size_t n)
{
	struct batch_header head = { .count = n, .check = check_of(batch, n) };
	struct iovec parts[2] = {
		{ .iov_base = &head, .iov_len = sizeof head },
		{ .iov_base = (void *)batch, .iov_len = n * sizeof *batch },
	};
	return file_write_vector(fd, parts, 2, (off_t)at) && file_sync(fd);
}

bool marks_add(int dir, const char *name, const struct mark *batch, size_t n, struct fault *why)
{
	struct file_look look;
	int fd = open_for_adding(dir, name, &look);
	bool added = fd >= 0 && write_batch(fd, look.size, batch, n);
	if (!added) {
		fault_errno(why, "cannot write the marks of deleted mails");
		if (fd >= 0 && ftruncate(fd, (off_t)look.size) == 0)
			file_sync(fd);
	}
	file_close(fd);
	return added;
}

static bool take_batches(struct marks *m, const char *data, size_t size, size_t *good)
{
	size_t at = sizeof(struct marks_header);
	*good = at;
	while (size - at >= sizeof(struct batch_header)) {
		struct batch_header head;
		memcpy(&head, data + at, sizeof head);
		at += sizeof head;
		if (head.count == 0 || head.count > (size - at) / sizeof(struct mark))
			break;
		size_t n = (size_t)head.count;
		struct mark *list = realloc(m->list, (m->count + n) * sizeof *list);
		if (!list)
			return false;
		m->list = list;
		memcpy(list + m->count, data + at, n * sizeof *list);
		if (check_of(list + m->count, n) != head.check)
			break;
		m->count += n;
		at += n * sizeof *list;
		*good = at;
	}
	return true;
}

static bool empty_file(int fd)
{
	return ftruncate(fd, 0) == 0 && file_sync(fd);
}

/* What a crash left: a torn batch is cut off, a successor that never came is forgotten. Not synced: a power cut brings back what is seen again, and whatever is
 * added is synced with it. */
static bool put_in_order(int fd, const struct marks_file *file)
{
	if (file->good == file->size && !file->successor)
		return true;
	if (file->good == 0)
		return empty_file(fd);
	return ftruncate(fd, (off_t)file->good) == 0 && write_header(fd, NULL);
}

static bool parse(struct marks *m, const struct buf *data, const struct file_look *mail, struct marks_file *file)
{
	struct marks_header head;
	size_t good;
	*file = (struct marks_file){ .size = data->len };
	if (data->len < sizeof head)
		return true;
	memcpy(&head, data->data, sizeof head);
	if (memcmp(head.magic, magic, sizeof magic) != 0)
		return true;
	struct file_look successor = { .inode = head.inode, .birth = head.birth };
	file->is_void = head.inode != 0 && file_same(&successor, mail);
	file->successor = head.inode != 0 && !file->is_void;
	if (file->is_void)
		return true;
	bool taken = take_batches(m, data->data, data->len, &good);
	file->good = good;
	return taken;
}

static bool read_whole(int fd, struct buf *data)
{
	struct file_look look;
	if (!file_look(fd, &look))
		return false;
	if (!buf_reserve(data, (size_t)look.size)) {
		errno = ENOMEM;
		return false;
	}
	ssize_t n = look.size > 0 ? file_read(fd, data->data, (size_t)look.size, 0) : 0;
	buf_grew(data, n > 0 ? (size_t)n : 0);
	return n >= 0;
}

/* Marks in their order, and room to note which are met. */
static bool prepare(struct marks *m)
{
	if (m->count == 0)
		return true;
	m->met = calloc(m->count, sizeof *m->met);
	m->skip = calloc(m->count, sizeof *m->skip);
	qsort(m->list, m->count, sizeof *m->list, compare);
	return m->met && m->skip;
}

static bool load(struct marks *m, struct marks_file *file, int fd, const struct file_look *mail, struct fault *why)
{
	struct buf data;
	buf_init(&data, FILE_MAX);
	bool good = fd >= 0 && read_whole(fd, &data) && parse(m, &data, mail, file) && prepare(m);
	if (!good) {
		fault_errno(why, "cannot read the marks of deleted mails");
		marks_release(m);
	}
	buf_release(&data);
	return good;
}

bool marks_read(struct marks *m, struct marks_file *file, int dir, const char *name, const struct file_look *mail,
                struct fault *why)
{
	*m = (struct marks){ 0 };
	*file = (struct marks_file){ 0 };
	int fd = file_open(dir, name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 && errno == ENOENT)
		return true;
	bool good = load(m, file, fd, mail, why);
	file_close(fd);
	return good;
}

bool marks_load(struct marks *m, int dir, const char *name, const struct file_look *mail, struct fault *why)
{
	struct marks_file file;
	*m = (struct marks){ 0 };
	int fd = file_open(dir, name, O_RDWR, 0);
	if (fd < 0 && errno == ENOENT)
		return true;
	bool good = load(m, &file, fd, mail, why);
	if (good && !put_in_order(fd, &file)) {
		good = fault_errno(why, "cannot put the marks of deleted mails in order");
		marks_release(m);
	}
	file_close(fd);
	return good;
}

void marks_release(struct marks *m)
{
	free(m->list);
	free(m->met);
	free(m->skip);
	*m = (struct marks){ 0 };
}

/* The first mark that is not less than the wanted one. */
static size_t first_from(const struct marks *m, const struct mark *wanted)
{
	size_t low = 0;
	size_t high = m->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&m->list[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool meet(struct marks *m, size_t i)
{
	if (m->met[i])
		return false;
	m->met[i] = true;
	m->met_count++;
	return true;
}

bool marks_hit(struct marks *m, const unsigned char *hash, uint64_t offset)
{
	struct mark wanted = { .offset = offset };
	memcpy(wanted.hash, hash, DRAFT_HASH);
	size_t i = first_from(m, &wanted);
	return i < m->count && compare(&m->list[i], &wanted) == 0 && meet(m, i);
}

bool marks_hit_anywhere(struct marks *m, const unsigned char *hash)
{
	struct mark wanted = { .offset = 0 };
	memcpy(wanted.hash, hash, DRAFT_HASH);
	size_t first = first_from(m, &wanted);
	if (first == m->count)
		return false;
	for (size_t i = first + m->skip[first]; i < m->count; i++) {
		if (memcmp(m->list[i].hash, hash, DRAFT_HASH) != 0)
			return false;
		m->skip[first]++;
		if (meet(m, i))
			return true;
	}
	return false;
}

bool marks_keep_met(struct marks *m, int dir, const char *name, struct fault *why)
{
	size_t kept = 0;
	if (m->met_count == m->count)
		return true;
	for (size_t i = 0; i < m->count; i++) {
		if (m->met[i])
			m->list[kept++] = m->list[i];
	}
	m->count = kept;
	/* Dropped first: a crash in between brings mails back that were marked in a file that somebody has edited since, and
	 * hides none. */
	return marks_drop(dir, name, why) && (kept == 0 || marks_add(dir, name, m->list, kept, why));
}

bool marks_name_successor(int dir, const char *name, const struct file_look *successor, struct fault *why)
{
	struct file_look look;
	int fd = file_open(dir, name, O_RDWR, 0);
	if (fd < 0 && errno == ENOENT)
		return true;
	bool named =
	        fd >= 0 && file_look(fd, &look) && (look.size == 0 || (write_header(fd, successor) && file_sync(fd)));
	if (!named)
		fault_errno(why, "cannot write the marks of deleted mails");
	file_close(fd);
	return named;
}

bool marks_drop(int dir, const char *name, struct fault *why)
{
	int fd = file_open(dir, name, O_RDWR, 0);
	if (fd < 0 && errno == ENOENT)
		return true;
	bool dropped = fd >= 0 && empty_file(fd);
	if (!dropped)
		fault_errno(why, "cannot clear the marks of deleted mails");
	file_close(fd);
	return dropped;
}
