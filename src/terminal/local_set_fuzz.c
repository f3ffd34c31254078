/*
 * local_set: any octets as typed at a terminal of any set, and any UTF-8 printed there: what was typed becomes UTF-8, and what is printed holds no control but
 * those that the text had in ASCII. The first octet chooses the set.
 */
#include "terminal/local_set.h"

#include <stdlib.h>

#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "ISO-8859-1", "ISO-8859-15", "KOI8-R", "EUC-JP",  "EUC-KR",   "GB18030",
	                             "BIG5",       "SHIFT_JIS",   "CP1252", "TIS-620", "US-ASCII", "ISO-2022-JP" };

enum { SETS = sizeof names / sizeof names[0] };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static size_t count_ascii_controls(struct slice s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += (unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f;
	return n;
}

static void print(struct local_set *set, struct slice utf8)
{
	struct buf out;
	buf_init(&out, 64 + utf8.len * LOCAL_SET_OCTETS_MAX);
	check(local_set_encode(set, utf8, &out));
	check(count_ascii_controls(buf_slice(&out)) <= count_ascii_controls(utf8));
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct local_set *sets[SETS];
	struct buf text;
	if (size == 0)
		return 0;
	size_t which = data[0] % SETS;
	if (!sets[which])
		sets[which] = local_set_new(names[which]);
	check(sets[which] != NULL);
	struct slice typed = slice_make((const char *)data + 1, size - 1);
	buf_init(&text, 64 + size * 8);
	check(buf_append_text(&text, "before") && buf_append_slice(&text, typed));
	check(local_set_decode(sets[which], &text, 6) && text.len >= 6 && memcmp(text.data, "before", 6) == 0);
	check(utf8_valid(buf_slice(&text)));
	print(sets[which], buf_slice(&text));
	if (utf8_valid(typed))
		print(sets[which], typed);
	buf_release(&text);
	return 0;
}
