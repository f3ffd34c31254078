/*
 * address: a parser for the paths of MAIL and RCPT (RFC 5321 section 4.1.2), and for what a person types.
 *
 * It goes through the octets once, from left to right, part by part as the grammar has them. ASCII and valid UTF-8 alone are taken: no
 * NUL, no control characters, C1's neither, so that what comes out may stand in replies, headers and logs. Two things are wider than the
 * grammar, as labs and home networks need them: a path may stand without brackets, and an underscore in a domain; one is
 * narrower: the empty quoted local part `""`, which no mailbox can have, is refused.
 */
#include "mail/address.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "mail/utf8.h"

enum { LABEL_MAX = 63 }; /* RFC 1035 section 2.3.4 */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* RFC 5322 section 3.2.3 */
static bool is_atext(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool next_is(struct slice s, char c)
{
	return s.len > 0 && s.ptr[0] == c;
}

static bool take_char(struct slice *rest, char c)
{
	if (!next_is(*rest, c))
		return false;
	*rest = slice_skip(*rest, 1);
	return true;
}

/* Octets of the character beyond ASCII that s begins with (RFC 6531 section 3.3); 0: there is none. */
static size_t beyond_ascii(struct slice s)
{
	size_t len = utf8_character(s);
	bool c1 = len == 2 && (unsigned char)s.ptr[0] == 0xc2 && (unsigned char)s.ptr[1] < 0xa0;
	return len < 2 || c1 ? 0 : len;
}

/* The next `len` octets belong to the local part. */
static bool take_local_octets(struct slice *rest, size_t len, struct address *a)
{
	if (len == 0 || a->local_len + len >= sizeof a->local)
		return false;
	memcpy(a->local + a->local_len, rest->ptr, len);
	a->local_len += len;
	*rest = slice_skip(*rest, len);
	return true;
}

/* Dot-string: atoms with single full stops between them. */
static bool take_dot_string(struct slice *rest, struct address *a)
{
	bool atom = false;
	while (rest->len > 0) {
		char c = rest->ptr[0];
		size_t len = is_atext(c) || c == '.' ? 1 : beyond_ascii(*rest);
		if (c == '.' && !atom)
			return false;
		if (len == 0)
			break;
		atom = c != '.';
		if (!take_local_octets(rest, len, a))
			return false;
	}
	return atom;
}

/* Quoted-string, behind its first quote. */
static bool take_quoted_string(struct slice *rest, struct address *a)
{
	while (rest->len > 0) {
		if (take_char(rest, '"'))
			return a->local_len > 0;
		take_char(rest, '\\'); /* what follows it stands for itself */
		if (rest->len == 0)
			return false;
		size_t len = rest->ptr[0] >= ' ' && rest->ptr[0] <= '~' ? 1 : beyond_ascii(*rest);
		if (!take_local_octets(rest, len, a))
			return false;
	}
	return false;
}

static bool take_local(struct slice *rest, struct address *a)
{
	return take_char(rest, '"') ? take_quoted_string(rest, a) : take_dot_string(rest, a);
}

static bool is_domain_char(char c)
{
	return is_alnum(c) || c == '_';
}

/* A label's length at the front of s; 0 where there is none. Characters beyond ASCII are letters, as in a U-label (RFC 5890 section 2.3.2.1). */
static size_t label_length(struct slice s)
{
	size_t len = 0, characters = 0, next = 1;
	for (; len < s.len && next > 0; characters += next > 0) {
		next = is_domain_char(s.ptr[len]) || s.ptr[len] == '-' ? 1 : beyond_ascii(slice_skip(s, len));
		len += next;
	}
	if (len == 0 || characters > LABEL_MAX || s.ptr[0] == '-' || s.ptr[len - 1] == '-')
		return 0;
	return len;
}

static bool take_name(struct slice *rest)
{
	do {
		size_t len = label_length(*rest);
		if (len == 0)
			return false;
		*rest = slice_skip(*rest, len);
	} while (take_char(rest, '.'));
	return true;
}

/* Section 4.1.3: [127.0.0.1] and [IPv6:::1]; no other kind is registered. */
static bool is_literal(struct slice inside)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	int family = AF_INET;
	if (slice_starts_nocase(inside, "IPv6:")) {
		family = AF_INET6;
		inside = slice_skip(inside, strlen("IPv6:"));
	}
	if (inside.len >= sizeof text || slice_has(inside, '\0'))
		return false;
	snprintf(text, sizeof text, "%.*s", SLICE_FMT(inside));
	return inet_pton(family, text, &address) == 1;
}

static bool take_literal(struct slice *rest)
{
	size_t end = slice_find(*rest, ']');
	if (end == rest->len || !is_literal(slice_make(rest->ptr + 1, end - 1)))
		return false;
	*rest = slice_skip(*rest, end + 1);
	return true;
}

static bool take_domain(struct slice *rest, struct address *a)
{
	struct slice domain = *rest;
	if (!(next_is(*rest, '[') ? take_literal(rest) : take_name(rest)))
		return false;
	domain.len -= rest->len;
	if (domain.len > ADDRESS_DOMAIN_MAX)
		return false;
	memcpy(a->domain, domain.ptr, domain.len);
	return true;
}

/* local, or local@domain. */
static bool take_mailbox(struct slice *rest, struct address *a)
{
	struct slice text = *rest;
	if (!take_local(rest, a) || (take_char(rest, '@') && !take_domain(rest, a)))
		return false;
	text.len -= rest->len;
	if (text.len >= sizeof a->text)
		return false;
	memcpy(a->text, text.ptr, text.len);
	a->utf8 = !slice_is_ascii(text);
	return true;
}

/* A source route is read and ignored (appendix C, section 4.1.1.3): @one,@two: */
static bool take_route(struct slice *rest)
{
	if (!next_is(*rest, '@'))
		return true;
	while (take_char(rest, '@')) {
		if (!take_name(rest))
			return false;
		if (take_char(rest, ':'))
			return true;
		if (!take_char(rest, ','))
			return false;
	}
	return false;
}

static bool take_path(struct slice *rest, struct address *a)
{
	if (!take_char(rest, '<'))
		return take_mailbox(rest, a);
	if (take_char(rest, '>'))
		return true;
	return take_route(rest) && take_mailbox(rest, a) && take_char(rest, '>');
}

bool address_parse_path(struct slice *rest, struct address *out)
{
	struct address a = { .local_len = 0 };
	struct slice s = slice_trim(*rest);
	if (!take_path(&s, &a) || (s.len > 0 && !slice_is_blank(s.ptr[0])))
		return false;
	*out = a;
	*rest = slice_trim(s);
	return true;
}

/* One of the two words around the @. Octets beyond ASCII are left to the server to judge. */
static bool is_word(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c == 0x7f || strchr(",<>@", c))
			return false;
	}
	return s.len > 0;
}

bool address_parse_typed(struct slice typed, struct buf *out)
{
	struct slice s = slice_trim(typed);
	if (s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>')
		s = slice_make(s.ptr + 1, s.len - 2);
	size_t at = slice_find(s, '@');
	if (at == s.len)
		return false;
	struct slice local = slice_trim(slice_make(s.ptr, at));
	struct slice domain = slice_trim(slice_skip(s, at + 1));
	if (!is_word(local) || !is_word(domain))
		return false;
	return buf_reserve(out, local.len + 1 + domain.len) && buf_append_slice(out, local) &&
	       buf_append_char(out, '@') && buf_append_slice(out, domain);
}
