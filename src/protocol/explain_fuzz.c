/*
 * explain: any lines of either side, in any order: what is said of them are whole sentences of our own, and nothing of the peers'. A line of the input is one of the
 * dialogue; its first octet says whose.
 */
#include "protocol/explain.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n);

static struct slice explain_any(struct explain *e, char who, struct slice line)
{
	if (who == 'N')
		return explain_note(e);
	if (who == 'S')
		return explain_server(e, line);
	return explain_client(e, line, who == 'P');
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t n)
{
	static const struct course_verb spellings[] = { { "MAIL_FROM:", "MAIL FROM:" }, { "HI", "HELO" } };
	struct slice rest = slice_make((const char *)octets, n);
	struct explain e;

	explain_init(&e, spellings, sizeof spellings / sizeof spellings[0]);
	while (!slice_empty(rest)) {
		struct slice line = slice_make(rest.ptr, slice_find(rest, '\n'));
		char who = line.len > 0 ? line.ptr[0] : 'C';
		struct slice said = explain_any(&e, who, slice_skip(line, 1));
		/* Whole sentences of our own, nothing of the peers'. */
		for (size_t i = 0; i < said.len; i++)
			assert(said.ptr[i] >= ' ' && said.ptr[i] <= '~');
		assert(said.len == 0 || said.ptr[said.len - 1] == ')');
		rest = slice_skip(rest, line.len + 1);
	}
	explain_release(&e);
	return 0;
}
