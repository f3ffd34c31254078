/*
 * users_table: see users_table.h. The entries are offsets into the file's text, in which each name and password gets a NUL in the place of
 * what separated it; the hash is an array of entry numbers with open addressing, at most half full.
 */
#include "auth/users_table.h"

#include "auth/users.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
	uint32_t name; /* offsets into the text */
	uint32_t password;
	uint32_t line;
	uint16_t password_len;
	uint16_t name_len;
};

struct users_table {
	atomic_size_t holders;
	char *text;
	size_t text_size;
	struct entry *entries;
	size_t count, room;
	uint32_t *slots;   /* entry number + 1; 0 is empty */
	size_t slot_count; /* a power of two */
};

/* One reading of the text. */
struct reader {
	struct users_table *table;
	char separator;
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

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* FNV-1a. Whoever writes the users file may choose colliding names, but slows only the own server down. */
static uint32_t hash(struct slice name)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)lower(name.ptr[i])) * 16777619u;
	return h;
}

static struct slice entry_name(const struct users_table *t, const struct entry *e)
{
	return slice_make(t->text + e->name, e->name_len);
}

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *slot_of(const struct users_table *t, struct slice name)
{
	size_t mask = t->slot_count - 1;
	for (size_t i = hash(name) & mask;; i = (i + 1) & mask) {
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

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_control(s.ptr[i]))
			return true;
	}
	return false;
}

static bool has_blank(struct slice s)
{
	return slice_has(s, ' ') || slice_has(s, '\t');
}

/* Names become directories' names; NULL says that this one may. UTF-8 beyond ASCII is taken as it is. */
static const char *fault_of_name(struct slice name)
{
	if (slice_empty(name))
		return "no name before the comma";
	if (name.len > USERS_NAME_MAX)
		return "the name is longer than 64 octets";
	if (name.ptr[0] == '.')
		return "a name may not begin with a full stop";
	if (slice_has(name, '/'))
		return "a name may not hold a slash";
	if (has_control(name))
		return "a name may not hold control characters";
	if (has_blank(name))
		return "a name may not hold blanks";
	return NULL;
}

static const char *fault_of_password(struct slice password, char separator)
{
	if (slice_empty(password))
		return separator == ',' ? "no password: expected name,password"
		                        : "no password: expected name and password, blanks between";
	if (has_blank(password))
		return separator == ',' ? "a password may not hold blanks"
		                        : "more than two words: expected name and password";
	if (has_control(password))
		return "a password may not hold control characters";
	return NULL;
}

static void split(struct slice line, char separator, struct slice *name, struct slice *password)
{
	if (separator == ',') {
		size_t comma = slice_find(line, ',');
		*name = slice_trim(slice_make(line.ptr, comma));
		*password = slice_trim(slice_skip(line, comma + 1));
	} else {
		*password = line;
		*name = slice_word(password);
	}
}

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

static bool add(struct reader *r, struct slice name, struct slice password)
{
	struct users_table *t = r->table;
	if (!make_room(t))
		return false;
	uint32_t *slot = slot_of(t, name);
	if (*slot != 0) {
		report_double(r, &t->entries[*slot - 1]);
		return true;
	}
	struct entry *e = &t->entries[t->count++];
	*e = (struct entry){
		.name = (uint32_t)(name.ptr - t->text),
		.name_len = (uint16_t)name.len,
		.password = (uint32_t)(password.ptr - t->text),
		.password_len = (uint16_t)password.len,
		.line = r->line,
	};
	/* What stood there separated the two and is read no more. */
	t->text[e->name + e->name_len] = '\0';
	*slot = (uint32_t)t->count;
	return true;
}

/* False: out of memory. A bad line is reported and passed over. */
static bool read_line(struct reader *r, struct slice line)
{
	struct slice name, password;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	bool long_line = line.len > USERS_LINE_MAX;
	line = slice_trim(line);
	if (slice_empty(line) || line.ptr[0] == '#')
		return true;
	if (long_line) {
		report_line(r, "longer than 1024 octets");
		return true;
	}
	split(line, r->separator, &name, &password);
	const char *bad = fault_of_name(name);
	if (!bad)
		bad = fault_of_password(password, r->separator);
	if (!bad)
		return add(r, name, password);
	report_line(r, bad);
	return true;
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

struct users_table *users_table_new(char *text, size_t size, char separator, const char *file,
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
	struct reader r = { .table = t, .separator = separator, .file = file, .report = report };
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

struct users_entry users_table_entry(const struct users_table *t, size_t i)
{
	const struct entry *e = &t->entries[i];
	return (struct users_entry){
		.name = entry_name(t, e),
		.password = slice_make(t->text + e->password, e->password_len),
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
