/*
 * extract: see extract.h. Linear in the text's length but for the short list of what was found.
 */
#include "web/extract.h"

#include "web/text.h"

enum {
	CODE_MIN = 4,
	CODE_MAX = 8,
	NEAR = 60, /* octets before a code in which its word may stand */
	/* What looks like a code, and whose surroundings are looked at. A mail with more is a list, and looking would take long. */
	CANDIDATES_MAX = 2000,
};

/* What was found already. */
struct found {
	struct slice list[EXTRACT_LINKS_MAX];
	size_t count;
	size_t max;
	void (*tell)(void *owner, struct slice s);
	void *owner;
};

static void tell(struct found *f, struct slice s)
{
	for (size_t i = 0; i < f->count; i++) {
		if (slice_equal(f->list[i], s))
			return;
	}
	if (f->count == f->max)
		return;
	f->list[f->count++] = s;
	f->tell(f->owner, s);
}

/* ---- links ---- */

static bool is_link_character(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && !strchr("<>\"`{}|\\^", c);
}

static bool begins_link(struct slice s)
{
	return slice_starts_nocase(s, "http://") || slice_starts_nocase(s, "https://");
}

static size_t count_of(struct slice s, char c)
{
	size_t count = 0;
	for (size_t i = 0; i < s.len; i++)
		count += s.ptr[i] == c;
	return count;
}

/* A sentence's full stop is not the link's, nor is the bracket that closes what it did not open. */
static struct slice trim_link(struct slice link)
{
	size_t opened = count_of(link, '('), closed = count_of(link, ')');
	for (; link.len > 0; link.len--) {
		char last = link.ptr[link.len - 1];
		if (last == ')' && closed > opened)
			closed--;
		else if (!strchr(".,;:!?'*_", last))
			break;
	}
	return link;
}

void extract_links(struct slice text, void (*found)(void *owner, struct slice link), void *owner)
{
	struct found f = { .max = EXTRACT_LINKS_MAX, .tell = found, .owner = owner };
	while (text.len > 0) {
		size_t n = 0;
		if ((text.ptr[0] | 0x20) == 'h' && begins_link(text)) {
			while (n < text.len && is_link_character(text.ptr[n]))
				n++;
			struct slice link = trim_link(slice_make(text.ptr, n));
			if (link.len <= EXTRACT_LINK_MAX && link.len > 8)
				tell(&f, link);
		}
		text = slice_skip(text, n > 0 ? n : 1);
	}
}

/* "&amp;" alone matters in addresses. */
static struct slice undo_references(struct slice s, char room[EXTRACT_LINK_MAX])
{
	size_t n = 0;
	while (s.len > 0) {
		room[n++] = s.ptr[0];
		s = slice_skip(s, slice_starts_nocase(s, "&amp;") ? 5 : 1);
	}
	return slice_make(room, n);
}

void extract_html_links(struct slice html, void (*found)(void *owner, struct slice link), void *owner)
{
	struct found f = { .max = EXTRACT_LINKS_MAX, .tell = found, .owner = owner };
	char room[EXTRACT_LINK_MAX];
	for (; html.len > 6; html = slice_skip(html, 1)) {
		if ((html.ptr[0] | 0x20) != 'h' || !slice_starts_nocase(html, "href="))
			continue;
		struct slice value = slice_skip(html, 5);
		char quote = value.ptr[0];
		if (quote != '"' && quote != '\'')
			continue;
		value = slice_skip(value, 1);
		struct slice link = slice_make(value.ptr, slice_find(value, quote));
		if (link.len < value.len && link.len <= EXTRACT_LINK_MAX && begins_link(link) && f.count < f.max) {
			bool known = false;
			for (size_t i = 0; i < f.count; i++)
				known = known || slice_equal(f.list[i], link);
			if (known)
				continue;
			f.list[f.count++] = link;
			found(owner, undo_references(link, room));
		}
	}
}

/* ---- codes ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (unsigned char)c >= 0x80;
}

/* Of letters only capitals count: a code's. */
static bool is_code_character(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool near_a_word(struct slice text, size_t at)
{
	static const char *const words[] = { "code",  "pin",   "otp",      "password", "passcode",
		                             "token", "verif", "one-time", "kod",      "c\303\263digo" };
	size_t from = at > NEAR ? at - NEAR : 0;
	struct slice before = slice_make(text.ptr + from, at - from);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (text_contains(before, slice_str(words[i])))
			return true;
	}
	return false;
}

static bool alone_on_its_line(struct slice text, size_t at, size_t end)
{
	while (at > 0 && slice_is_blank(text.ptr[at - 1]))
		at--;
	while (end < text.len && (slice_is_blank(text.ptr[end]) || text.ptr[end] == '\r'))
		end++;
	return (at == 0 || text.ptr[at - 1] == '\n') && (end == text.len || text.ptr[end] == '\n');
}

static bool looks_like_a_year(struct slice word)
{
	return word.len == 4 && (word.ptr[0] == '1' || word.ptr[0] == '2') &&
	       (word.ptr[1] == '9' || word.ptr[1] == '0');
}

/* A word of text by itself: what stands around it does not make it a part of an address, an amount or a date. */
static bool stands_free(struct slice text, size_t at, size_t end)
{
	static const char before[] = "@/.,:-_=&#%+$?", behind[] = "@/-_=&%";
	if (at > 0 && text.ptr[at - 1] != '\0' && strchr(before, text.ptr[at - 1]) &&
	    !(text.ptr[at - 1] == ':' || text.ptr[at - 1] == '#'))
		return false;
	if (end < text.len && text.ptr[end] != '\0' && strchr(behind, text.ptr[end]))
		return false;
	bool fraction =
	        end + 1 < text.len && strchr(".,:", text.ptr[end]) && text.ptr[end] && is_word(text.ptr[end + 1]);
	return !fraction;
}

/* 0: its characters are no code's. */
static size_t digits_of(struct slice word)
{
	size_t digits = 0;
	for (size_t i = 0; i < word.len; i++) {
		if (!is_code_character(word.ptr[i]))
			return 0;
		digits += is_digit(word.ptr[i]);
	}
	return digits;
}

static bool may_be_code(struct slice text, size_t at, size_t end)
{
	size_t len = end - at;
	return len >= CODE_MIN && len <= CODE_MAX && digits_of(slice_make(text.ptr + at, len)) > 0 &&
	       stands_free(text, at, end);
}

/* How much a candidate looks like a code: 2 surely, 1 perhaps, 0 not. */
static int judge(struct slice text, size_t at, size_t end)
{
	struct slice word = slice_make(text.ptr + at, end - at);
	bool year = looks_like_a_year(word);
	if (near_a_word(text, at) || (alone_on_its_line(text, at, end) && !year))
		return 2;
	return digits_of(word) == word.len && !year ? 1 : 0;
}

static void find_codes(struct slice text, int wanted, struct found *f)
{
	size_t candidates = 0;
	for (size_t at = 0; at < text.len && candidates < CANDIDATES_MAX && f->count < f->max;) {
		size_t end = at;
		while (end < text.len && is_word(text.ptr[end]))
			end++;
		bool candidate = may_be_code(text, at, end);
		candidates += candidate;
		if (candidate && judge(text, at, end) == wanted)
			tell(f, slice_make(text.ptr + at, end - at));
		at = end + 1;
	}
}

void extract_codes(struct slice text, void (*found)(void *owner, struct slice code), void *owner)
{
	struct found f = { .max = EXTRACT_CODES_MAX, .tell = found, .owner = owner };
	find_codes(text, 2, &f);
	find_codes(text, 1, &f);
}
