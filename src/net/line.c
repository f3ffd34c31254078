/*
 * line: finds line ends. See line.h.
 */
#include "net/line.h"

/* The place of the LF that ends the line, or input.len. */
static size_t find_end(struct slice input, enum line_ends ends)
{
	size_t at = 0;
	while (at < input.len) {
		at += slice_find(slice_skip(input, at), '\n');
		/* RFC 5321 section 2.3.8: a bare LF ends nothing where CR LF is asked for. */
		if (at == input.len || ends == LINE_ENDS_EITHER || (at > 0 && input.ptr[at - 1] == '\r'))
			return at;
		at++;
	}
	return input.len;
}

size_t line_find(struct slice input, enum line_ends ends, struct line *line)
{
	size_t end = find_end(input, ends);
	if (end == input.len)
		return 0;
	bool cr = end > 0 && input.ptr[end - 1] == '\r';
	*line = (struct line){ .text = slice_make(input.ptr, cr ? end - 1 : end), .bare_lf = !cr };
	return end + 1;
}
