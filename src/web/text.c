/*
 * text: see text.h.
 */
#include "web/text.h"

#include <stdio.h>
#include <time.h>

#include "mail/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

bool text_utf8(struct slice text, struct buf *out)
{
	bool ok = true;
	while (ok && text.len > 0) {
		size_t len = utf8_character(text);
		if (len == 0 || text.ptr[0] == '\0') {
			ok = buf_append_text(out, REPLACEMENT);
			len = 1;
		} else {
			ok = buf_append(out, text.ptr, len);
		}
		text = slice_skip(text, len);
	}
	return ok;
}

bool text_line(struct slice text, size_t max, struct buf *out)
{
	size_t start = out->len;
	bool ok = true, gap = false;
	while (ok && text.len > 0 && out->len - start + 5 <= max) {
		size_t len = utf8_character(text);
		bool blank = len == 1 && ((unsigned char)text.ptr[0] <= ' ' || text.ptr[0] == 0x7f);
		if (!blank && gap && out->len > start)
			ok = buf_append_char(out, ' ');
		gap = blank;
		if (ok && !blank)
			ok = len > 0 ? buf_append(out, text.ptr, len) : buf_append_text(out, REPLACEMENT);
		text = slice_skip(text, len > 0 ? len : 1);
	}
	return ok;
}

bool text_contains(struct slice whole, struct slice part)
{
	for (; whole.len >= part.len; whole = slice_skip(whole, 1)) {
		if (slice_equal_nocase(slice_make(whole.ptr, part.len), part))
			return true;
		if (whole.len == 0)
			break;
	}
	return false;
}

const char *text_time(int64_t ms, char out[TEXT_TIME_SIZE])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	if (ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 8000) {
		snprintf(out, TEXT_TIME_SIZE, "1970-01-01T00:00:00.000Z");
		return out;
	}
	size_t n = strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, TEXT_TIME_SIZE - n, ".%03dZ", (int)(ms % 1000));
	return out;
}

bool text_read_time(struct slice text, int64_t *ms)
{
	uint64_t seconds;
	struct tm tm = { 0 };
	char copy[64];
	if (slice_equal_text_nocase(text, "now")) {
		*ms = text_now();
		return true;
	}
	if (slice_number(text, (uint64_t)1 << 40, &seconds)) {
		*ms = (int64_t)seconds * 1000;
		return true;
	}
	snprintf(copy, sizeof copy, "%.*s", (int)(text.len < 60 ? text.len : 60), text.ptr);
	const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return false;
	*ms = (int64_t)timegm(&tm) * 1000;
	return true;
}

int64_t text_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
