/*
 * draft_test: a mail on its way in takes bounded memory, keeps every byte, and its hash and measure are those that a scan finds.
 */
#include "store/draft.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/uid.h"

static struct fault why;

static void small_mail_stays_in_memory(void **state)
{
	(void)state;
	struct draft *d = draft_new(-1);
	assert_true(draft_write(d, "a\n..b", 5));
	assert_false(draft_full(d));
	assert_true(draft_finish(d, &why));
	assert_false(draft_in_file(d));
	assert_int_equal(draft_size(d), 6);
	assert_int_equal(draft_octets(d), 3 + 4);
	assert_true(slice_equal_text(draft_text(d), "a\n..b\n"));
	/* The first half of what sha256sum says of these six octets. */
	static const unsigned char hash[DRAFT_HASH] = { 0x45, 0xf5, 0x67, 0x26, 0x0e, 0xa8, 0xd4, 0x1d,
		                                        0xde, 0xa7, 0xee, 0xe5, 0xee, 0x2b, 0xde, 0x8a };
	assert_memory_equal(draft_hash(d), hash, DRAFT_HASH);
	draft_free(d);
}

static void big_mail_goes_to_a_file_without_a_name(void **state)
{
	(void)state;
	char dir_name[] = "/tmp/draft-test-XXXXXX";
	assert_non_null(mkdtemp(dir_name));
	int dir = open(dir_name, O_RDONLY | O_DIRECTORY);
	static char block[65536];
	memset(block, 'b', sizeof block);
	block[sizeof block - 1] = '\n';
	struct draft *d = draft_new(dir);
	for (int i = 0; i < 100; i++) {
		assert_true(draft_write(d, block, sizeof block));
		if (draft_full(d))
			assert_true(draft_spill(d, &why));
		assert_true(draft_text(d).len <= DRAFT_MEMORY_MAX + 65536);
	}
	assert_true(draft_finish(d, &why));
	assert_true(draft_in_file(d));
	assert_int_equal(draft_size(d), 100 * sizeof block);
	assert_int_equal(draft_octets(d), 100 * (sizeof block + 1));
	assert_int_equal(lseek(draft_file(d), 0, SEEK_END), 100 * sizeof block);
	assert_int_equal(rmdir(dir_name), 0); /* nothing is in it */
	draft_free(d);
	close(dir);
}

static void mail_that_may_not_leave_memory_is_refused_beyond_its_bound(void **state)
{
	(void)state;
	static char block[65536];
	struct draft *d = draft_new(-1);
	while (!draft_full(d))
		assert_true(draft_write(d, block, sizeof block));
	assert_false(draft_spill(d, &why));
	assert_int_equal(why.kind, FAULT_FULL);
	draft_free(d);
}

static void memory_of_all_drafts_is_bounded(void **state)
{
	(void)state;
	enum { COUNT = 40 };
	static char block[65536];
	struct draft *drafts[COUNT];
	size_t full = 0;
	for (int i = 0; i < COUNT; i++) {
		drafts[i] = draft_new(-1);
		for (int k = 0; k < 8; k++)
			assert_true(draft_write(drafts[i], block, sizeof block));
		full += draft_full(drafts[i]);
	}
	/* 40 times half a MiB: below each one's own bound, above that of all. */
	assert_true(full > 0);
	for (int i = 0; i < COUNT; i++)
		draft_free(drafts[i]);
	struct draft *d = draft_new(-1);
	for (int k = 0; k < 8; k++)
		assert_true(draft_write(d, block, sizeof block));
	assert_false(draft_full(d));
	draft_free(d);
}

static void many_equal_mails_get_different_ids(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	static struct uid ids[COUNT];
	struct uid_gone gone = { 0 };
	for (int i = 0; i < COUNT; i++) {
		memset(ids[i].hash, i % 3, DRAFT_HASH);
		ids[i].ordinal = UID_UNNUMBERED;
	}
	ids[9].ordinal = 5; /* of hash 0, told to somebody already */
	assert_true(uid_number(ids, COUNT, &gone));
	assert_int_equal(ids[9].ordinal, 5);
	assert_int_equal(ids[0].ordinal, 6);
	assert_int_equal(ids[1].ordinal, 0);
	assert_int_equal(ids[4].ordinal, 1);
	for (int i = 0; i < COUNT; i++) {
		for (int k = 0; k < i; k++)
			assert_true(ids[i].ordinal != ids[k].ordinal || i % 3 != k % 3);
	}
	char text[STORE_UID_MAX];
	uid_format(&ids[0], text);
	assert_string_equal(text, "00000000000000000000000000000000-6");
}

static void removed_ids_are_remembered(void **state)
{
	(void)state;
	struct uid_gone gone = { 0 };
	struct uid id = { .ordinal = 3 };
	for (int i = 0; i < 100; i++) {
		memset(id.hash, i, DRAFT_HASH);
		uid_gone_add(&gone, &id);
	}
	struct uid fresh = { .ordinal = UID_UNNUMBERED };
	memset(fresh.hash, 99, DRAFT_HASH);
	assert_true(uid_number(&fresh, 1, &gone));
	assert_int_equal(fresh.ordinal, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_mail_stays_in_memory),
		cmocka_unit_test(big_mail_goes_to_a_file_without_a_name),
		cmocka_unit_test(mail_that_may_not_leave_memory_is_refused_beyond_its_bound),
		cmocka_unit_test(memory_of_all_drafts_is_bounded),
		cmocka_unit_test(many_equal_mails_get_different_ids),
		cmocka_unit_test(removed_ids_are_remembered),
	};
	return cmocka_run_group_tests_name("draft and uid", tests, NULL, NULL);
}
