/*
 * proxy: whose connection it is, and that nothing is wanted beyond the header.
 */
#include "net/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(rest)  SIGNATURE rest, sizeof(SIGNATURE rest) - 1

static struct proxy_header h;

/* As a connection reads it: what is wanted, and no more; and the same octet by octet. */
static enum proxy_verdict parse(const char *octets, size_t n)
{
	struct proxy_header single;
	enum proxy_verdict verdict, slow = PROXY_MORE;
	size_t have = 0;
	while ((verdict = proxy_parse(octets, have, &h)) == PROXY_MORE && h.wanted <= n) {
		assert_true(h.wanted > have && h.wanted <= PROXY_MAX);
		have = h.wanted;
	}
	for (size_t i = 0; i <= n && slow == PROXY_MORE; i++)
		slow = proxy_parse(octets, i, &single);
	assert_int_equal(slow, verdict);
	if (verdict == PROXY_WHOLE) {
		assert_int_equal(have, n);
		assert_string_equal(single.address, h.address);
	}
	return verdict;
}

static void expect(const char *octets, size_t n, const char *address)
{
	assert_int_equal(parse(octets, n), PROXY_WHOLE);
	assert_string_equal(h.address, address);
}

static void expect_line(const char *line, const char *address)
{
	expect(line, strlen(line), address);
}

static void a_line_names_the_client(void **state)
{
	(void)state;
	expect_line("PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", "192.0.2.7");
	expect_line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255");
	expect_line("PROXY TCP6 2001:DB8:0::7 ::1 1 2\r\n", "2001:db8::7");
	expect_line("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n", "192.0.2.7");
	expect_line("PROXY UNKNOWN\r\n", "");
	expect_line("PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n", "");
}

static void a_line_of_another_form_is_wrong(void **state)
{
	static const char *const wrong[] = {
		"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
		"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25 1\r\n",
		"PROXY TCP4  192.0.2.7 198.51.100.1 56324 25\r\n",
		"PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
		"PROXY TCP4 192.0.2.7 198.51.100.1 -1 25\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n",
		"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
		"PROXY TCP4 192.0.2.7 localhost 1 2\r\n",
		"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
		"PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\n",
		"PROXY UNKNOWN\n\r\n",
		"proxy UNKNOWN\r\n",
		"EHLO client.example\r\n",
		"PROXY UNKNOWN "
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
		"\r\n\r\nQUIT\r\n\r\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (parse(wrong[i], strlen(wrong[i])) != PROXY_WRONG)
			fail_msg("%s", wrong[i]);
	}
}

static void octets_name_the_client(void **state)
{
	(void)state;
	expect(V2("\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00\x19"), "192.0.2.7");
	expect(V2("\x21\x11\x00\x10\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00\x19\x04\x00\x01x"), "192.0.2.7");
	expect(V2("\x21\x21\x00\x24 \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\1\0\2"),
	       "2001:db8::7");
	expect(V2("\x21\x21\x00\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\1\0"
	          "\2"),
	       "192.0.2.7");
	expect(V2("\x20\x00\x00\x00"), "");
	expect(V2("\x20\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00\x19"), "");
	expect(V2("\x21\x00\x00\x02xy"), "");
}

static void octets_of_another_form_are_wrong(void **state)
{
	(void)state;
	assert_int_equal(parse(V2("\x11\x11\x00\x00")), PROXY_WRONG);
	assert_int_equal(parse(V2("\x22\x11\x00\x00")), PROXY_WRONG);
	assert_int_equal(parse(V2("\x21\x12\x00\x00")), PROXY_WRONG); /* datagrams */
	assert_int_equal(parse(V2("\x21\x11\x00\x0b\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00")), PROXY_WRONG);
	assert_int_equal(parse(V2("\x21\x21\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00\x19")), PROXY_WRONG);
	assert_int_equal(parse(V2("\x21\x11\xff\xff")), PROXY_WRONG); /* longer than anybody needs */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_the_client),
		cmocka_unit_test(a_line_of_another_form_is_wrong),
		cmocka_unit_test(octets_name_the_client),
		cmocka_unit_test(octets_of_another_form_are_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
