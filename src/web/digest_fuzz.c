/*
 * Any mail, as the web process takes it apart: list, texts, HTML, links and codes, all of it UTF-8.
 */
#include "web/digest.h"

#include <stdlib.h>

#include "mail/utf8.h"
#include "web/extract.h"
#include "web/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void found(void *owner, struct slice s)
{
	(void)owner;
	check(s.len > 0 && s.len <= EXTRACT_LINK_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice mail = slice_make((const char *)data, size);
	struct digest d;
	struct parts parts;
	struct buf text;
	digest_init(&d);
	if (digest_make(&d, mail)) {
		check(utf8_valid(buf_slice(&d.from)) && utf8_valid(buf_slice(&d.subject)) &&
		      utf8_valid(buf_slice(&d.words)));
		check(!slice_has(buf_slice(&d.subject), '\n') && !slice_has(buf_slice(&d.from), '\n'));
	}
	digest_release(&d);
	buf_init(&text, 1 << 20);
	if (parts_make(&parts, mail)) {
		parts_text(&parts, &text);
		parts_html(&parts, &text);
		check(utf8_valid(buf_slice(&text)));
		extract_links(buf_slice(&text), found, NULL);
		extract_html_links(buf_slice(&text), found, NULL);
		extract_codes(buf_slice(&text), found, NULL);
	}
	parts_release(&parts);
	buf_release(&text);
	return 0;
}
