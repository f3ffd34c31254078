/*
 * address: a parser for the paths of MAIL and RCPT (RFC 5321 section 4.1.2), and for what a person types.
 *
 * It goes through the octets once, from left to right, part by part as the grammar has them. ASCII alone is taken: no control
 * characters, no NUL, nothing beyond 126, so that what comes out may stand in replies, headers and logs. Two things are wider than the
 * grammar, as labs and home networks need them: a path may stand without brackets, and an underscore in a domain; one is
 * narrower: the empty quoted local part `""`, which no mailbox can have, is refused.
 */
#include "mail/address.h"

#include <arpa/inet.h>
#include <stdio.h>

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

static bool add_local(struct address *a, char c)
{
	if (a->local_len + 1 >= sizeof a->local)
		return false;
	a->local[a->local_len++] = c;
	return true;
}

/* Dot-string: atoms with single full stops between them. */
static bool take_dot_string(struct slice *rest, struct address *a)
{
	bool atom = false;
	for (; rest->len > 0; *rest = slice_skip(*rest, 1)) {
		char c = rest->ptr[0];
		if (c == '.' && !atom)
			return false;
		if (c != '.' && !is_atext(c))
			break;
		atom = c != '.';
		if (!add_local(a, c))
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
		if (rest->len == 0 || rest->ptr[0] < ' ' || rest->ptr[0] > '~' || !add_local(a, rest->ptr[0]))
			return false;
		*rest = slice_skip(*rest, 1);
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

/* A label's length at the front of s; 0 where there is none. */
static size_t label_length(struct slice s)
{
	size_t len = 0;
	while (len < s.len && (is_domain_char(s.ptr[len]) || s.ptr[len] == '-'))
		len++;
	if (len == 0 || len > LABEL_MAX || s.ptr[0] == '-' || s.ptr[len - 1] == '-')
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
