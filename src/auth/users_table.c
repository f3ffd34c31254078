/*
 * users_table: see users_table.h. The entries are offsets into the file's text, in which each name and password gets a NUL in the place of
 * what separated it; the hash is an array of entry numbers with open addressing, at most half full.
 */
#include "auth/users_table.h"

#include "auth/users_line.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
	uint32_t name; /* offsets into the text */
	uint32_t secret;
	uint32_t line;
	uint16_t secret_len;
	uint8_t name_len;
	uint8_t kind;
};

struct users_table {
	atomic_size_t holders;
	char *text;
	size_t text_size;
	struct entry *entries;
	size_t count, room;
	size_t kinds[PASSWORD_KINDS]; /* entries of each */
	uint32_t *slots;              /* entry number + 1; 0 is empty */
	size_t slot_count;            /* a power of two */
};

/* One reading of the text. */
struct reader {
	struct users_table *table;
	const struct users_form *form;
	const char *file;
	void (*report)(const char *text);
	uint32_t line;
};

enum { FIRST_ENTRIES = 64 };

void users_text_free(char *text, size_t size)
{
	if (text)
		explicit_bzero(text, size);
	free(text);
}

/* The hash */

static struct slice entry_name(const struct users_table *t, const struct entry *e)
{
	return slice_make(t->text + e->name, e->name_len);
}

/* The slot that holds the name, or the empty one where it belongs. Whoever writes the users file may choose colliding names, but slows only the own
 * server down. */
static uint32_t *slot_of(const struct users_table *t, struct slice name)
{
	size_t mask = t->slot_count - 1;
	for (size_t i = slice_hash_nocase(name) & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &t->slots[i];
		if (*slot == 0 || slice_equal_nocase(entry_name(t, &t->entries[*slot - 1]), name))
			return slot;
	}
}

/* Room for one more entry, the slots staying at most half full. */
static bool make_room(struct users_table *t)
{
	if (t->count < t->room)
		return true;
	size_t room = t->room == 0 ? FIRST_ENTRIES : t->room * 2;
	struct entry *entries = realloc(t->entries, room * sizeof *entries);
	if (!entries)
		return false;
	t->entries = entries;
	uint32_t *slots = calloc(room * 2, sizeof *slots);
	if (!slots)
		return false;
	free(t->slots);
	t->room = room;
	t->slots = slots;
	t->slot_count = room * 2;
	for (size_t i = 0; i < t->count; i++)
		*slot_of(t, entry_name(t, &t->entries[i])) = (uint32_t)i + 1;
	return true;
}

/* Lines */

static void report_line(const struct reader *r, const char *what)
{
	char text[256];
	if (!r->report)
		return;
	snprintf(text, sizeof text, "%.60s:%u: %s (line passed over)", r->file, (unsigned)r->line, what);
	r->report(text);
}

static void report_double(const struct reader *r, const struct entry *first)
{
	char what[80];
	snprintf(what, sizeof what, "this name is in line %u already", (unsigned)first->line);
	report_line(r, what);
}

static bool add(struct reader *r, const struct users_line *line)
{
	struct users_table *t = r->table;
	if (!make_room(t))
		return false;
	uint32_t *slot = slot_of(t, line->name);
	if (*slot != 0) {
		report_double(r, &t->entries[*slot - 1]);
		return true;
	}
	struct entry *e = &t->entries[t->count++];
	*e = (struct entry){
		.name = (uint32_t)(line->name.ptr - t->text),
		.name_len = (uint8_t)line->name.len,
		.secret = (uint32_t)(line->secret.ptr - t->text),
		.secret_len = (uint16_t)line->secret.len,
		.line = r->line,
		.kind = (uint8_t)line->kind,
	};
	/* What stood there separated the two and is read no more. */
	t->text[e->name + e->name_len] = '\0';
	*slot = (uint32_t)t->count;
	t->kinds[line->kind]++;
	return true;
}

/* False: out of memory. A bad line is reported and passed over. */
static bool read_line(struct reader *r, struct slice text)
{
	struct users_line line;
	const char *bad = users_line_read(text, r->form, &line);
	if (bad)
		report_line(r, bad);
	return bad || slice_empty(line.name) || add(r, &line);
}

static bool read_lines(struct reader *r, struct slice text)
{
	if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0) /* some editors' byte order mark */
		text = slice_skip(text, 3);
	while (text.len > 0) {
		size_t end = slice_find(text, '\n');
		r->line++;
		if (!read_line(r, slice_make(text.ptr, end)))
			return false;
		text = slice_skip(text, end + 1);
	}
	return true;
}

struct users_table *users_table_new(char *text, size_t size, const struct users_form *form, const char *file,
                                    void (*report)(const char *text))
{
	struct users_table *t = calloc(1, sizeof *t);
	if (!t) {
		users_text_free(text, size);
		return NULL;
	}
	atomic_init(&t->holders, 1);
	t->text = text;
	t->text_size = size;
	struct reader r = { .table = t, .form = form, .file = file, .report = report };
	/* Even an empty table has slots to look into. */
	if (make_room(t) && read_lines(&r, slice_make(text, size)))
		return t;
	users_table_release(t);
	return NULL;
}

struct users_table *users_table_retain(struct users_table *t)
{
	atomic_fetch_add(&t->holders, 1);
	return t;
}

void users_table_release(struct users_table *t)
{
	if (atomic_fetch_sub(&t->holders, 1) > 1)
		return;
	users_text_free(t->text, t->text_size);
	free(t->entries);
	free(t->slots);
	free(t);
}

size_t users_table_count(const struct users_table *t)
{
	return t->count;
}

size_t users_table_count_of(const struct users_table *t, enum password_kind kind)
{
	return t->kinds[kind];
}

struct users_entry users_table_entry(const struct users_table *t, size_t i)
{
	const struct entry *e = &t->entries[i];
	return (struct users_entry){
		.name = entry_name(t, e),
		.secret = slice_make(t->text + e->secret, e->secret_len),
		.kind = (enum password_kind)e->kind,
	};
}

bool users_table_find(const struct users_table *t, struct slice name, struct users_entry *entry)
{
	if (name.len == 0 || name.len > USERS_NAME_MAX)
		return false;
	uint32_t slot = *slot_of(t, name);
	if (slot == 0)
		return false;
	*entry = users_table_entry(t, slot - 1);
	return true;
}

/* Jump consistent hash (Lamping and Veach, 2014), from 0 to count - 1: one more user at the file's end changes the answer for one name in so many, where a
 * remainder would change nearly all, and what changes is no user's. */
static size_t jump(uint64_t pick, size_t count)
{
	double next = 0;
	size_t found = 0;
	while (next < (double)count) {
		found = (size_t)next;
		pick = pick * 2862933555777941757u + 1;
		next = ((double)found + 1) * ((double)(1u << 31) / (double)((pick >> 33) + 1));
	}
	return found;
}

bool users_table_find_or_borrow(const struct users_table *t, struct slice name, uint32_t pick,
                                struct users_entry *entry)
{
	if (users_table_find(t, name, entry))
		return true;
	if (t->count > 0)
		*entry = users_table_entry(t, jump(pick, t->count));
	else
		*entry = (struct users_entry){ .secret = slice_str("nobody"), .kind = PASSWORD_PLAIN };
	return false;
}
