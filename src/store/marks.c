/*
 * marks: the file of deletion marks. Never touches the mailbox itself. See marks.h.
 */
#include "store/marks.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

static const char magic[8] = "PRMARK2";
static const char old_magic[8] = "PRMARK1";

enum { FILE_MAX = 1024 * 1024 * 1024, NAME_SIZE = 300 };

struct file_name {
	uint64_t inode; /* 0: none is named */
	int64_t birth;
};

struct marks_header {
	char magic[8];
	struct file_name successor;
	struct file_name of; /* whose marks these are, where a rewrite has made them; not in the first version */
};

enum { OLD_HEAD = offsetof(struct marks_header, of) };

enum kind { REMOVED, TAKEN_BACK };

struct batch_header {
	uint32_t count;
	uint32_t kind;
	int64_t until;
	uint64_t check;
};

struct old_batch_header {
	uint64_t count;
	uint64_t check;
};

/* As it stands in the file. */
struct entry {
	uint64_t offset;
	unsigned char hash[DRAFT_HASH];
};

static_assert(sizeof(struct marks_header) == MARKS_HEAD, "the header is a file format");
static_assert(sizeof(struct batch_header) == 24 && sizeof(struct entry) == 24, "batches are a file format");

static uint64_t add_octets(uint64_t sum, const void *data, size_t n)
{
	const unsigned char *octet = data;
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ octet[i]) * 0x100000001b3u;
	return sum;
}

/* Over n entries, behind their header; the first version had their number alone. */
static uint64_t check_of(const struct batch_header *head, const void *entries, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325u ^ n;
	if (head)
		sum = add_octets(sum, head, offsetof(struct batch_header, check));
	return add_octets(sum, entries, n * sizeof(struct entry));
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

static int compare_order(const void *a, const void *b)
{
	const struct mark *x = a;
	const struct mark *y = b;
	int by_place = compare(a, b);
	return by_place != 0 ? by_place : (x->order > y->order) - (x->order < y->order);
}

static int compare_time(const void *a, const void *b)
{
	const struct mark *x = a;
	const struct mark *y = b;
	return (x->until > y->until) - (x->until < y->until);
}

/* ---- writing ---- */

/* A file without marks is empty or just a header. */
static struct marks_header header_of(const struct file_look *of)
{
	struct marks_header head = { .of = { .inode = of ? of->inode : 0, .birth = of ? of->birth : 0 } };
	memcpy(head.magic, magic, sizeof magic);
	return head;
}

static bool add_batch(struct buf *to, enum kind kind, const struct mark *marks, size_t n)
{
	struct batch_header head = { .count = (uint32_t)n, .kind = kind, .until = marks[0].until };
	struct entry *entries = calloc(n, sizeof *entries);
	if (!entries)
		return false;
	for (size_t i = 0; i < n; i++) {
		entries[i].offset = marks[i].offset;
		memcpy(entries[i].hash, marks[i].hash, DRAFT_HASH);
	}
	head.check = check_of(&head, entries, n);
	bool added = buf_append(to, (const char *)&head, sizeof head) &&
	             buf_append(to, (const char *)entries, n * sizeof *entries);
	free(entries);
	return added;
}

static bool out_of_memory(void)
{
	errno = ENOMEM;
	return false;
}

/* Opens the file. Where it is empty that is made durable first, with its name: marks that were dropped by a sync that failed would count again
 * behind a new header. The header becomes durable with the first batch. */
static int open_for_adding(int dir, const char *name, struct file_look *look)
{
	const struct marks_header head = header_of(NULL);
	int fd = file_open(dir, name, O_RDWR | O_CREAT, 0600);
	if (fd < 0)
		return -1;
	if (!file_look(fd, look) || !S_ISREG(look->mode) || look->links != 1 ||
	    (look->size == 0 &&
	     (!file_sync(fd) || !file_sync_directory(dir) || !file_write(fd, &head, sizeof head, 0)))) {
		file_close(fd);
		return -1;
	}
	if (look->size == 0)
		look->size = sizeof head;
	return fd;
}

/* False: it cannot be read. */
static bool ask_version(int fd, bool *old)
{
	char found[sizeof old_magic] = "";
	ssize_t n = file_read(fd, found, sizeof found, 0);
	*old = n >= 0 && memcmp(found, old_magic, sizeof found) == 0;
	return n >= 0;
}

static bool write_at_end(int fd, const struct buf *data, const struct file_look *look)
{
	if (file_write(fd, data->data, data->len, (off_t)look->size) && file_sync(fd))
		return true;
	int error = errno;
	if (ftruncate(fd, (off_t)look->size) == 0)
		file_sync(fd);
	errno = error;
	return false;
}

static bool renew(int dir, const char *name, enum kind kind, const struct mark *batch, size_t n);

static bool add(int dir, const char *name, enum kind kind, const struct mark *batch, size_t n, struct fault *why)
{
	struct file_look look;
	struct buf data;
	buf_init(&data, FILE_MAX);
	int fd = open_for_adding(dir, name, &look);
	bool old;
	bool added = fd >= 0 && ask_version(fd, &old);
	if (added && old)
		added = renew(dir, name, kind, batch, n);
	else if (added)
		added = (add_batch(&data, kind, batch, n) || out_of_memory()) && write_at_end(fd, &data, &look);
	if (!added)
		fault_errno(why, "cannot write the marks of deleted mails");
	file_close(fd);
	buf_release(&data);
	return added;
}

bool marks_add(int dir, const char *name, const struct mark *batch, size_t n, struct fault *why)
{
	return add(dir, name, REMOVED, batch, n, why);
}

bool marks_take_back(int dir, const char *name, const struct mark *batch, size_t n, struct fault *why)
{
	return add(dir, name, TAKEN_BACK, batch, n, why);
}

/* ---- a file that takes the old one's place ---- */

static void new_name(const char *name, char fresh[NAME_SIZE])
{
	snprintf(fresh, NAME_SIZE, "%s.new", name);
}

/* A batch for each time. */
static bool add_batches(struct buf *to, struct mark *marks, size_t n)
{
	if (n > 0)
		qsort(marks, n, sizeof *marks, compare_time);
	for (size_t i = 0; i < n;) {
		size_t next = i + 1;
		while (next < n && marks[next].until == marks[i].until)
			next++;
		if (!add_batch(to, REMOVED, &marks[i], next - i))
			return out_of_memory();
		i = next;
	}
	return true;
}

static bool write_new(int dir, const char *name, const struct buf *data)
{
	char fresh[NAME_SIZE];
	new_name(name, fresh);
	unlinkat(dir, fresh, 0);
	int fd = file_open(dir, fresh, O_RDWR | O_CREAT | O_EXCL, 0600);
	bool written = fd >= 0 && file_write(fd, data->data, data->len, 0) && file_sync(fd) && file_sync_directory(dir);
	if (fd >= 0 && !written)
		unlinkat(dir, fresh, 0);
	file_close(fd);
	return written;
}

static bool put_new_in_place(int dir, const char *name)
{
	char fresh[NAME_SIZE];
	new_name(name, fresh);
	return renameat(dir, fresh, dir, name) == 0 && file_sync_directory(dir);
}

/* `of`: the marks hold for this mailbox alone, and for it even before they are in their place. */
static bool prepare_new(int dir, const char *name, const struct file_look *of, const struct mark *marks, size_t n)
{
	const struct marks_header head = header_of(of);
	struct mark *sorted = malloc((n + 1) * sizeof *sorted);
	struct buf data;
	buf_init(&data, FILE_MAX);
	if (sorted && n > 0)
		memcpy(sorted, marks, n * sizeof *sorted);
	bool good = sorted && buf_append(&data, (const char *)&head, sizeof head);
	good = (good || out_of_memory()) && add_batches(&data, sorted, n) && write_new(dir, name, &data);
	free(sorted);
	buf_release(&data);
	return good;
}

static void forget_new(int dir, const char *name)
{
	char fresh[NAME_SIZE];
	new_name(name, fresh);
	unlinkat(dir, fresh, 0);
}

/* ---- reading ---- */

static bool grow(struct marks *m, size_t n)
{
	struct mark *list = realloc(m->list, (m->count + n) * sizeof *list);
	if (list)
		m->list = list;
	return list != NULL;
}

static bool take_entries(struct marks *m, const char *data, const struct batch_header *head)
{
	if (!grow(m, head->count))
		return false;
	for (size_t i = 0; i < head->count; i++, data += sizeof(struct entry)) {
		struct entry e;
		memcpy(&e, data, sizeof e);
		struct mark *mark = &m->list[m->count];
		*mark = (struct mark){ .offset = e.offset,
			               .until = head->until,
			               .order = (uint32_t)m->count,
			               .back = head->kind == TAKEN_BACK };
		memcpy(mark->hash, e.hash, DRAFT_HASH);
		m->count++;
	}
	return true;
}

/* The header of a batch of either version; its size, or 0: there is none that could be whole. */
static size_t read_head(struct batch_header *head, const char *data, size_t size, bool old)
{
	struct old_batch_header o;
	size_t len = old ? sizeof o : sizeof *head;
	if (size < len)
		return 0;
	if (old) {
		memcpy(&o, data, len);
		*head = (struct batch_header){ .count = o.count <= UINT32_MAX ? (uint32_t)o.count : 0,
			                       .check = o.check };
	} else {
		memcpy(head, data, len);
	}
	bool possible =
	        head->count > 0 && head->kind <= TAKEN_BACK && head->count <= (size - len) / sizeof(struct entry);
	return possible ? len : 0;
}

/* False: memory is out. */
static bool take_batches(struct marks *m, const char *data, size_t size, struct marks_file *file)
{
	size_t at = file->old ? OLD_HEAD : sizeof(struct marks_header);
	struct batch_header head;
	size_t len;
	file->good = at;
	while ((len = read_head(&head, data + at, size - at, file->old)) > 0) {
		at += len;
		if (check_of(file->old ? NULL : &head, data + at, head.count) != head.check)
			break;
		if (!take_entries(m, data + at, &head))
			return out_of_memory();
		at += head.count * sizeof(struct entry);
		file->good = at;
	}
	return true;
}

/* Of marks at the same place, as many of the earlier ones go as were taken back. */
static void cancel(struct marks *m)
{
	size_t kept = 0;
	if (m->count > 0)
		qsort(m->list, m->count, sizeof *m->list, compare_order);
	for (size_t i = 0; i < m->count;) {
		size_t end = i, back = 0;
		for (; end < m->count && compare(&m->list[end], &m->list[i]) == 0; end++)
			back += m->list[end].back;
		for (; i < end; i++) {
			if (m->list[i].back)
				continue;
			if (back > 0)
				back--;
			else
				m->list[kept++] = m->list[i];
		}
	}
	m->count = kept;
}

static bool names(const struct file_name *name, const struct file_look *look)
{
	return name->inode != 0 && name->inode == look->inode && name->birth == look->birth;
}

static bool parse(struct marks *m, const struct buf *data, const struct file_look *mail, struct marks_file *file)
{
	struct marks_header head = { .of.inode = 0 };
	*file = (struct marks_file){ .size = data->len };
	if (data->len < OLD_HEAD)
		return true;
	memcpy(&head, data->data, data->len < sizeof head ? OLD_HEAD : sizeof head);
	file->old = memcmp(head.magic, old_magic, sizeof old_magic) == 0;
	if (!file->old && (memcmp(head.magic, magic, sizeof magic) != 0 || data->len < sizeof head))
		return true;
	file->is_void = names(&head.successor, mail);
	file->successor = head.successor.inode != 0 && !file->is_void;
	if (file->is_void)
		return true;
	bool taken = take_batches(m, data->data, data->len, file);
	cancel(m);
	return taken;
}

static bool read_whole(int fd, struct buf *data)
{
	struct file_look look;
	if (!file_look(fd, &look))
		return false;
	if (!buf_reserve(data, (size_t)look.size))
		return out_of_memory();
	ssize_t n = look.size > 0 ? file_read(fd, data->data, (size_t)look.size, 0) : 0;
	buf_grew(data, n > 0 ? (size_t)n : 0);
	return n >= 0;
}

/* Room to note which are met. */
static bool prepare(struct marks *m)
{
	if (m->count == 0)
		return true;
	m->met = calloc(m->count, sizeof *m->met);
	m->skip = calloc(m->count, sizeof *m->skip);
	return (m->met && m->skip) || out_of_memory();
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

/* Whether the marks that a rewrite brought with it wait for their place: the mailbox is theirs. False: that cannot be told. */
static bool ask_new(int dir, const char *name, const struct file_look *mail, bool *holds)
{
	char fresh[NAME_SIZE];
	struct marks_header head = { .of.inode = 0 };
	new_name(name, fresh);
	*holds = false;
	int fd = file_open(dir, fresh, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP;
	ssize_t n = file_read(fd, &head, sizeof head, 0);
	file_close(fd);
	*holds = n == (ssize_t)sizeof head && memcmp(head.magic, magic, sizeof magic) == 0 && names(&head.of, mail);
	return n >= 0;
}

bool marks_read(struct marks *m, struct marks_file *file, int dir, const char *name, const struct file_look *mail,
                struct fault *why)
{
	char fresh[NAME_SIZE];
	bool holds;
	*m = (struct marks){ 0 };
	*file = (struct marks_file){ 0 };
	new_name(name, fresh);
	if (!ask_new(dir, name, mail, &holds))
		return fault_errno(why, "cannot read the marks of deleted mails");
	int fd = file_open(dir, holds ? fresh : name, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0 && errno == ENOENT)
		return true;
	bool good = load(m, file, fd, mail, why);
	file_close(fd);
	return good;
}

/* ---- putting in order ---- */

static bool empty_file(int fd)
{
	return ftruncate(fd, 0) == 0 && file_sync(fd);
}

static bool write_successor(int fd, const struct file_name *successor)
{
	return file_write(fd, successor, sizeof *successor, offsetof(struct marks_header, successor)) && file_sync(fd);
}

/* What a crash left: a torn batch is cut off, a successor that never came is forgotten. Not synced: a power cut brings back what is seen again, and whatever is
 * added is synced with it. */
static bool put_in_order(int fd, const struct marks_file *file)
{
	const struct file_name none = { .inode = 0 };
	if (file->good == file->size && !file->successor)
		return true;
	if (file->good == 0)
		return empty_file(fd);
	return ftruncate(fd, (off_t)file->good) == 0 &&
	       file_write(fd, &none, sizeof none, offsetof(struct marks_header, successor));
}

static bool settle_new(int dir, const char *name, const struct file_look *mail, struct fault *why)
{
	bool holds;
	if (!ask_new(dir, name, mail, &holds))
		return fault_errno(why, "cannot read the marks of deleted mails");
	if (!holds) {
		forget_new(dir, name);
		return true;
	}
	return put_new_in_place(dir, name) || fault_errno(why, "cannot put the marks of deleted mails in their place");
}

bool marks_load(struct marks *m, int dir, const char *name, const struct file_look *mail, struct fault *why)
{
	struct marks_file file;
	*m = (struct marks){ 0 };
	if (!settle_new(dir, name, mail, why))
		return false;
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

/* A file of the first version is written anew, with what is added. */
static bool renew(int dir, const char *name, enum kind kind, const struct mark *batch, size_t n)
{
	const struct file_look any = { .inode = 0 };
	struct marks m;
	struct marks_file file;
	struct fault ignored;
	if (!marks_read(&m, &file, dir, name, &any, &ignored))
		return false;
	if (!grow(&m, n)) {
		marks_release(&m);
		return out_of_memory();
	}
	for (size_t i = 0; i < n; i++) {
		m.list[m.count] = batch[i];
		m.list[m.count].order = (uint32_t)m.count;
		m.list[m.count++].back = kind == TAKEN_BACK;
	}
	cancel(&m);
	bool good = prepare_new(dir, name, NULL, m.list, m.count) && put_new_in_place(dir, name);
	marks_release(&m);
	return good;
}

/* ---- which mails ---- */

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

static const struct mark *meet(struct marks *m, size_t i)
{
	if (m->met[i])
		return NULL;
	m->met[i] = true;
	m->met_count++;
	return &m->list[i];
}

const struct mark *marks_hit(struct marks *m, const unsigned char *hash, uint64_t offset)
{
	struct mark wanted = { .offset = offset };
	memcpy(wanted.hash, hash, DRAFT_HASH);
	size_t i = first_from(m, &wanted);
	return i < m->count && compare(&m->list[i], &wanted) == 0 ? meet(m, i) : NULL;
}

const struct mark *marks_hit_anywhere(struct marks *m, const unsigned char *hash)
{
	struct mark wanted = { .offset = 0 };
	memcpy(wanted.hash, hash, DRAFT_HASH);
	size_t first = first_from(m, &wanted);
	if (first == m->count)
		return NULL;
	for (size_t i = first + m->skip[first]; i < m->count; i++) {
		if (memcmp(m->list[i].hash, hash, DRAFT_HASH) != 0)
			return NULL;
		m->skip[first]++;
		const struct mark *hit = meet(m, i);
		if (hit)
			return hit;
	}
	return NULL;
}

bool marks_keep_met(struct marks *m, int dir, const char *name, const struct file_look *mail, struct fault *why)
{
	size_t kept = 0;
	if (m->met_count == m->count)
		return true;
	for (size_t i = 0; i < m->count; i++) {
		if (m->met[i])
			m->list[kept++] = m->list[i];
	}
	m->count = kept;
	if (kept == 0)
		return marks_drop(dir, name, why);
	return (prepare_new(dir, name, mail, m->list, kept) && put_new_in_place(dir, name)) ||
	       fault_errno(why, "cannot write the marks of deleted mails");
}

/* ---- a rewrite ---- */

static bool name_it(int dir, const char *name, const struct file_look *successor)
{
	const struct file_name named = { .inode = successor->inode, .birth = successor->birth };
	struct file_look look;
	int fd = file_open(dir, name, O_RDWR, 0);
	if (fd < 0)
		return errno == ENOENT;
	bool good = file_look(fd, &look) && (look.size == 0 || write_successor(fd, &named));
	file_close(fd);
	return good;
}

bool marks_name_successor(int dir, const char *name, const struct file_look *successor, const struct mark *marks,
                          size_t n, struct fault *why)
{
	if ((n == 0 || prepare_new(dir, name, successor, marks, n)) && name_it(dir, name, successor))
		return true;
	fault_errno(why, "cannot write the marks of deleted mails");
	forget_new(dir, name);
	return false;
}

bool marks_succeed(int dir, const char *name, size_t n, struct fault *why)
{
	if (n == 0)
		return marks_drop(dir, name, why);
	return put_new_in_place(dir, name) || fault_errno(why, "cannot put the marks of deleted mails in their place");
}

bool marks_drop(int dir, const char *name, struct fault *why)
{
	forget_new(dir, name);
	int fd = file_open(dir, name, O_RDWR, 0);
	if (fd < 0 && errno == ENOENT)
		return true;
	bool dropped = fd >= 0 && empty_file(fd);
	if (!dropped)
		fault_errno(why, "cannot clear the marks of deleted mails");
	file_close(fd);
	return dropped;
}
