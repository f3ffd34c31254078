/*
 * html_text: any text as HTML: its words come out in no more room than a few times its length, and scripts, styles and comments before it change nothing.
 */
#include "mime/html_text.h"

#include <stdlib.h>

#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void take(const char *before, struct slice html, struct buf *out)
{
	struct buf page;
	buf_init(&page, html.len + strlen(before));
	buf_init(out, 1024 + html.len * 16);
	check(buf_append_text(&page, before) && buf_append_slice(&page, html));
	check(html_text(buf_slice(&page), out));
	check(!utf8_valid(html) || utf8_valid(buf_slice(out)));
	buf_release(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hidden[] = "<script>if (a < b) hidden</script><!-- hidden --><style>hidden</style>";
	struct slice html = slice_make((const char *)data, size);
	struct buf plain, behind;
	take("", html, &plain);
	take(hidden, html, &behind);
	check(slice_equal(buf_slice(&plain), buf_slice(&behind)));
	buf_release(&plain);
	buf_release(&behind);
	return 0;
}
