/*
 * What of HTML a terminal shows: the words, and where a link leads.
 */
#include "mime/html_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void shows(const char *html, const char *expected)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_true(html_text(slice_str(html), &out));
	assert_true(buf_append_char(&out, '\0'));
	assert_string_equal(out.data, expected);
	buf_release(&out);
}

static void tags_are_off_and_blanks_are_folded(void **state)
{
	(void)state;
	shows("", "");
	shows("<html><body>\n  <b>One</b>\t two\n\nthree</body></html>\n", "One two three\n");
	shows("a<br>b<br/>c<p>d</p><p>e</p>", "a\nb\nc\n\nd\n\ne\n");
	shows("<ul><li>x<li>y</ul>z", "- x\n- y\n\nz\n");
	shows("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n");
	shows("<pre>a  b\n c</pre>", "a  b\n c\n");
}

static void scripts_styles_and_comments_are_left_out(void **state)
{
	(void)state;
	shows("a<script>alert('<b>')</script>b<STYLE>x{}</style >c", "abc\n");
	shows("a<!-- <p>x</p> -->b<!DOCTYPE html>c", "abc\n");
	shows("a<script>no end", "a\n");
	shows("a<!-- no end", "a\n");
	shows("<head><title>t</title></head>a", "a\n");
}

static void entities_are_decoded_and_what_is_none_stays(void **state)
{
	(void)state;
	shows("&lt;b&gt; &amp;amp; &quot;&#65;&#x42;&euro;&uuml;", "<b> &amp; \"AB\xE2\x82\xAC\xC3\xBC\n");
	shows("a&nbsp;&nbsp;b", "a b\n");
	shows("&nobody; & &; &#; &#x; &#xD800; &#1114112; &#0; &amp",
	      "&nobody; & &; &#; &#x; &#xD800; &#1114112; &#0; &amp\n");
	shows("&#27;[2J", "\x1B[2J\n");
	shows("a&#10;b&shy;c", "a bc\n");
}

static void a_link_shows_where_it_leads(void **state)
{
	(void)state;
	shows("<a class=x href=\"https://x.test/?a\">here</a>!", "here <https://x.test/?a>!\n");
	shows("<a href='mailto:a@b'>write</a>", "write <mailto:a@b>\n");
	shows("<a href=http://y.test id=b>there</a>", "there <http://y.test>\n");
	shows("<a href=\"javascript:x\">no</a></a><a name=b>b</a>", "nob\n");
}

static void signs_that_begin_no_tag_are_text(void **state)
{
	(void)state;
	shows("1 < 2 > 1 <3 <", "1 < 2 > 1 <3 <\n");
	shows("<b no end", "<b no end\n");
}

static void a_text_of_tag_beginnings_takes_no_longer_than_its_length(void **state)
{
	(void)state;
	static const char *const pieces[] = { "<a", "<!--", "&", "<script>", "<a href=", "&#", "</a>", "<pre>\n" };
	for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
		struct buf in, out;
		buf_init(&in, 1 << 24);
		buf_init(&out, 1 << 25);
		while (in.len < 4 * 1024 * 1024)
			assert_true(buf_append_text(&in, pieces[i]));
		assert_true(html_text(buf_slice(&in), &out));
		buf_release(&in);
		buf_release(&out);
	}
}

static void too_little_room_is_told(void **state)
{
	(void)state;
	struct buf out;

	buf_init(&out, 8);
	assert_false(html_text(slice_str("more than eight octets"), &out));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_are_off_and_blanks_are_folded),
		cmocka_unit_test(scripts_styles_and_comments_are_left_out),
		cmocka_unit_test(entities_are_decoded_and_what_is_none_stays),
		cmocka_unit_test(a_link_shows_where_it_leads),
		cmocka_unit_test(signs_that_begin_no_tag_are_text),
		cmocka_unit_test(a_text_of_tag_beginnings_takes_no_longer_than_its_length),
		cmocka_unit_test(too_little_room_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
