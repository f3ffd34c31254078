/*
 * Paths of any octets: nothing breaks, and what is taken can stand in a reply and be read back.
 */
#include "mail/address.h"

#include <stdlib.h>

#include "mail/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_taken(const struct address *a)
{
	struct slice text = slice_str(a->text);
	struct address again;
	check(strlen(a->local) == a->local_len);
	for (size_t i = 0; i < text.len; i++)
		check((unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 0x7f &&
		      (a->utf8 || (unsigned char)text.ptr[i] < 0x80));
	check(utf8_valid(text));
	if (address_is_null(a))
		return;
	check(address_parse_path(&text, &again) && text.len == 0);
	check(strcmp(again.text, a->text) == 0 && strcmp(again.local, a->local) == 0 &&
	      strcmp(again.domain, a->domain) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_make((const char *)data, size), rest = all;
	struct address a;
	struct buf typed;
	if (address_parse_path(&rest, &a))
		check_taken(&a);
	else
		check(rest.ptr == all.ptr && rest.len == all.len);
	buf_init(&typed, 4096);
	if (address_parse_typed(all, &typed)) {
		size_t at = slice_find(buf_slice(&typed), '@');
		check(at > 0 && at + 1 < typed.len);
		check(!slice_has(slice_skip(buf_slice(&typed), at + 1), '@') && !slice_has(buf_slice(&typed), '\n'));
	} else {
		check(typed.len == 0);
	}
	buf_release(&typed);
	return 0;
}
