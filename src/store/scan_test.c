/*
 * scan_test: what divides mails, what they measure, and how a file can end; the same for every size of block and push.
 */
#include "store/scan.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/measure.h"

enum { MAILS_MAX = 16 };

struct seen {
	size_t count;
	struct scan_mail mails[MAILS_MAX];
};

static bool see(void *owner, const struct scan_mail *mail)
{
	struct seen *s = owner;
	s->mails[s->count++] = *mail;
	return true;
}

static struct scan scan_text(const char *text, size_t n, struct seen *seen)
{
	struct fault why;
	int fd = memfd_create("scan", 0);
	assert_int_equal(write(fd, text, n), n);
	*seen = (struct seen){ 0 };
	struct scan s = { .fd = fd, .size = n, .mail = see, .owner = seen };
	assert_true(scan_file(&s, &why));
	close(fd);
	return s;
}

static void lines_with_a_full_stop_divide(void **state)
{
	(void)state;
	struct seen seen;
	static const char text[] = "one\n.\ntwo\n..\n.x\nx.\n. \n.\n.\n";
	struct scan s = scan_text(text, sizeof text - 1, &seen);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.mails[0].offset, 0);
	assert_int_equal(seen.mails[0].length, 4);
	assert_int_equal(seen.mails[0].end, 6);
	assert_int_equal(seen.mails[1].length, 4 + 3 + 3 + 3 + 3);
	/* two, ".", ".x" (somebody else's: whole), "x.", ". " */
	assert_int_equal(seen.mails[1].octets, 5 + 3 + 4 + 4 + 4);
	assert_int_equal(seen.mails[2].length, 0);
	assert_int_equal(s.whole, sizeof text - 1);
}

static void carriage_returns_count_once(void **state)
{
	(void)state;
	struct seen seen;
	static const char text[] = "a\r\n..b\r\n.\r\n";
	scan_text(text, sizeof text - 1, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.mails[0].octets, 3 + 4);
	assert_int_equal(seen.mails[0].length, 8);
	assert_int_equal(seen.mails[0].end, 11);
}

static void the_end_is_described(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t whole;
		bool blank, dot, cut;
	} ends[] = {
		{ "a\n.\n", 4, true, false, false },     { "a\n.\nb", 4, false, false, true },
		{ "a\n.\nb\n", 4, false, false, false }, { "a\n.\n\n \n", 4, true, false, false },
		{ "a\n.\nb\n.", 4, false, true, true },  { "a\n.\n.\r", 4, false, true, true },
		{ "", 0, true, false, false },
	};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct seen seen;
		struct scan s = scan_text(ends[i].text, strlen(ends[i].text), &seen);
		assert_int_equal(s.whole, ends[i].whole);
		assert_int_equal(s.blank_tail, ends[i].blank);
		assert_int_equal(s.dot_tail, ends[i].dot);
		assert_int_equal(s.cut_line, ends[i].cut);
	}
}

/* A dividing line may lie across two blocks in any way. */
static void blocks_make_no_difference(void **state)
{
	(void)state;
	enum { BLOCK = 1024 * 1024 };
	char *text = malloc(BLOCK + 64);
	for (int shift = -6; shift <= 2; shift++) {
		struct seen seen;
		size_t at = (size_t)(BLOCK + shift);
		memset(text, 'x', BLOCK + 64);
		memcpy(text + at, "\n.\r\nnext\n.\n", 11);
		struct scan s = scan_text(text, at + 11, &seen);
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.mails[0].length, at + 1);
		assert_int_equal(seen.mails[0].octets, at + 2);
		assert_int_equal(seen.mails[1].offset, at + 4);
		assert_int_equal(seen.mails[1].length, 5);
		assert_int_equal(s.whole, at + 11);
	}
	free(text);
}

static void a_line_that_only_begins_with_a_full_stop_divides_nothing(void **state)
{
	(void)state;
	enum { BLOCK = 1024 * 1024 };
	char *text = malloc(BLOCK + 8);
	struct seen seen;
	memset(text, 'x', BLOCK + 8);
	memcpy(text + BLOCK - 2, "\n.", 2);
	memcpy(text + BLOCK + 2, ".\n", 2);
	scan_text(text, BLOCK + 4, &seen); /* … LF . x x . LF */
	assert_int_equal(seen.count, 0);
	free(text);
}

static void measure_is_the_same_for_every_cut(void **state)
{
	(void)state;
	static const char text[] = "a\r\n..b\n.\n..\n\n\r\nlast\r\r\n.x\n";
	struct measure whole;
	measure_init(&whole);
	measure_push(&whole, text, sizeof text - 1);
	assert_int_equal(whole.octets, 3 + 4 + 3 + 3 + 2 + 2 + 7 + 4);
	for (size_t cut = 0; cut < sizeof text; cut++) {
		struct measure m;
		measure_init(&m);
		measure_push(&m, text, cut);
		measure_push(&m, text + cut, sizeof text - 1 - cut);
		assert_int_equal(m.octets, whole.octets);
		assert_int_equal(m.column, whole.column);
	}
	struct measure m;
	measure_init(&m);
	for (size_t i = 0; i < sizeof text - 1; i++)
		measure_push(&m, text + i, 1);
	assert_int_equal(m.octets, whole.octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_with_a_full_stop_divide),
		cmocka_unit_test(carriage_returns_count_once),
		cmocka_unit_test(the_end_is_described),
		cmocka_unit_test(blocks_make_no_difference),
		cmocka_unit_test(a_line_that_only_begins_with_a_full_stop_divides_nothing),
		cmocka_unit_test(measure_is_the_same_for_every_cut),
	};
	return cmocka_run_group_tests_name("scan and measure", tests, NULL, NULL);
}
