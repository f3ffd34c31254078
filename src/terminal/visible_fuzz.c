/*
 * visible: any octets, whole and in pieces, in UTF-8 and in a terminal's own set: the same comes out, within the room that was promised, nothing in it drives a
 * terminal, and as many columns of it fit as are there.
 *
 * The first octet: the mode and the set; the second one: the length of the pieces and the columns.
 */
#include "terminal/visible.h"

#include <locale.h>
#include <stdlib.h>

#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SETS = 4, SEQUENCE_MAX = 16 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static struct local_set *set_of(unsigned which)
{
	static const char *const names[SETS] = { NULL, "ISO-8859-1", "KOI8-R", "EUC-JP" };
	static struct local_set *sets[SETS];
	if (names[which] && !sets[which])
		sets[which] = local_set_new(names[which]);
	return sets[which];
}

static void run(struct slice text, enum visible_mode mode, struct local_set *set, size_t step, struct buf *out)
{
	struct visible v;
	buf_init(out, (text.len + SEQUENCE_MAX) * VISIBLE_GROWTH * 2);
	visible_init(&v, mode, set);
	for (; text.len > 0; text = slice_skip(text, step))
		check(visible_push(&v, slice_make(text.ptr, text.len < step ? text.len : step), out));
	check(visible_finish(&v, out));
}

static void check_harmless(struct slice out, enum visible_mode mode, bool utf8)
{
	check(!utf8 || utf8_valid(out));
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.ptr[i];
		check((c >= 0x20 && c != 0x7f) || (mode == VISIBLE_TEXT && (c == '\n' || c == '\t')));
		check(!utf8 || c != 0xC2 || (unsigned char)out.ptr[i + 1] >= 0xA0);
	}
}

static void check_columns(struct slice line, size_t columns)
{
	size_t fit = visible_fit(line, columns);
	check(fit <= line.len && visible_width(slice_make(line.ptr, fit)) <= columns);
	check(utf8_valid(slice_make(line.ptr, fit)));
	check(fit == line.len || visible_width(line) > columns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces;
	if (size < 2)
		return 0;
	setlocale(LC_CTYPE, "C.UTF-8");
	struct slice text = slice_make((const char *)data + 2, size - 2);
	enum visible_mode mode = data[0] & 1 ? VISIBLE_LINE : VISIBLE_TEXT;
	struct local_set *set = set_of(data[0] >> 1 & 3);
	run(text, mode, set, size, &whole);
	run(text, mode, set, (size_t)(data[1] & 15) + 1, &pieces);
	check(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	check(set || whole.len <= text.len * VISIBLE_GROWTH * 2);
	check_harmless(buf_slice(&whole), mode, !set);
	if (!set && mode == VISIBLE_LINE)
		check_columns(buf_slice(&whole), data[1]);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
