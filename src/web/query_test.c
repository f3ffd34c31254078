/*
 * query_test: what a person types becomes FTS5's language, and nothing a person types is it.
 */
#include "web/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sqlite3.h>

static void expect(const char *typed, const char *match, const char *without)
{
	struct buf a, b;
	buf_init(&a, QUERY_MATCH_MAX);
	buf_init(&b, QUERY_MATCH_MAX);
	assert_true(query_match(slice_str(typed), &a, &b));
	assert_true(slice_equal_text(buf_slice(&a), match));
	assert_true(slice_equal_text(buf_slice(&b), without));
	buf_release(&a);
	buf_release(&b);
}

static void words_match_from_their_beginnings_and_all_of_them(void **state)
{
	(void)state;
	expect("apple pears", "\"apple\" * AND \"pears\" *", "");
	expect("  ", "", "");
}

static void phrases_columns_and_minus_are_known(void **state)
{
	(void)state;
	expect("\"two words\"", "\"two words\"", "");
	expect("from:ann subject:\"a b\" -to:bob -x", "sender : \"ann\" * AND subject : \"a b\"",
	       "sent_to : \"bob\" * OR \"x\" *");
}

static void signs_alone_are_passed_over(void **state)
{
	(void)state;
	expect("- * \"\" ( ^ from:", "", "");
	expect("a* OR (b", "\"a*\" * AND \"OR\" * AND \"(b\" *", "");
}

/* Whatever is typed, FTS5 takes what comes of it. */
static void fts5_never_chokes(void **state)
{
	(void)state;
	static const char letters[] = "a\"*-:()^ {}+'\\\xc3\xbc~.@/,NEAROT";
	sqlite3 *db;
	sqlite3_stmt *s;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE VIRTUAL TABLE words USING fts5(subject, sender, sent_to, body)", NULL,
	                              NULL, NULL),
	                 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT rowid FROM words WHERE words MATCH ?", -1, &s, NULL),
	                 SQLITE_OK);
	srand(1);
	for (int round = 0; round < 20000; round++) {
		char typed[24];
		struct buf parts[2];
		for (size_t i = 0; i < sizeof typed; i++)
			typed[i] = letters[(size_t)rand() % (sizeof letters - 1)];
		for (int i = 0; i < 2; i++)
			buf_init(&parts[i], QUERY_MATCH_MAX);
		assert_true(query_match(slice_make(typed, (size_t)rand() % sizeof typed), &parts[0], &parts[1]));
		for (int i = 0; i < 2; i++) {
			sqlite3_bind_text(s, 1, parts[i].len ? parts[i].data : "\"x\"",
			                  parts[i].len ? (int)parts[i].len : 3, SQLITE_STATIC);
			assert_int_equal(sqlite3_step(s), SQLITE_DONE);
			sqlite3_reset(s);
			buf_release(&parts[i]);
		}
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_match_from_their_beginnings_and_all_of_them),
		cmocka_unit_test(phrases_columns_and_minus_are_known),
		cmocka_unit_test(signs_alone_are_passed_over),
		cmocka_unit_test(fts5_never_chokes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
