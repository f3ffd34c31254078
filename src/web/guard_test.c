/*
 * guard_test: who is let in, and by what name.
 */
#include "web/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct guard guard;

static unsigned judge(const struct guard_facts *f)
{
	unsigned status;
	return guard_judge(&guard, f, &status) ? status : 200;
}

static void only_known_names_are_answered(void **state)
{
	(void)state;
	const char *const known[] = { "localhost:8025", "127.0.0.1:8025", "[::1]:8025",
		                      "LOCALHOST:8025", "inbox.example",  "inbox.example:443" };
	const char *const unknown[] = { "localhost",
		                        "localhost:80",
		                        "evil.example:8025",
		                        "inbox.example.evil.example",
		                        "xinbox.example",
		                        "127.0.0.1:8025.evil.example",
		                        "",
		                        ":8025",
		                        "[::1]",
		                        "inbox.example:" };
	guard_init(&guard, 8025);
	assert_true(guard_add(&guard, "inbox.example"));
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		assert_true(guard_knows(&guard, known[i]));
	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
		assert_false(guard_knows(&guard, unknown[i]));
	assert_int_equal(judge(&(struct guard_facts){ .method = "GET", .host = "evil.example" }), 421);
	assert_int_equal(judge(&(struct guard_facts){ .method = "GET" }), 421);
	assert_int_equal(judge(&(struct guard_facts){ .method = "GET", .flags = HTTP_EVERYONE }), 200);
}

static void other_sites_are_refused_and_links_to_pages_are_not(void **state)
{
	(void)state;
	struct guard_facts f = { .method = "GET", .host = "localhost:8025", .site = "cross-site", .mode = "navigate" };
	guard_init(&guard, 8025);
	assert_int_equal(judge(&f), 403);
	f.flags = HTTP_PAGE;
	assert_int_equal(judge(&f), 200);
	f.method = "POST";
	assert_int_equal(judge(&f), 403);
	f = (struct guard_facts){ .method = "DELETE", .host = "localhost:8025", .origin = "http://localhost:8026" };
	assert_int_equal(judge(&f), 403);
	f.origin = "null";
	assert_int_equal(judge(&f), 403);
	f.origin = "https://localhost:8025";
	assert_int_equal(judge(&f), 200);
	f.origin = NULL;
	assert_int_equal(judge(&f), 200);
}

static void what_a_form_could_send_is_refused(void **state)
{
	(void)state;
	struct guard_facts f = { .method = "POST", .host = "localhost:8025" };
	const char *const forms[] = { NULL, "text/plain", "application/x-www-form-urlencoded",
		                      "multipart/form-data; boundary=x" };
	guard_init(&guard, 8025);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		f.type = forms[i];
		assert_int_equal(judge(&f), 415);
	}
	f.own_header = true;
	assert_int_equal(judge(&f), 200);
	f = (struct guard_facts){ .method = "POST",
		                  .host = "localhost:8025",
		                  .type = "application/json; charset=utf-8" };
	assert_int_equal(judge(&f), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_known_names_are_answered),
		cmocka_unit_test(other_sites_are_refused_and_links_to_pages_are_not),
		cmocka_unit_test(what_a_form_could_send_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
