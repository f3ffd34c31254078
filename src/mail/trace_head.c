/*
 * trace_head: see trace_head.h. Folds before every clause, so that lines stay short where what is in them is.
 */
#include "mail/trace_head.h"

#include "mail/utf8.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	CLIENT_MAX = 255,     /* octets of the client's name that are shown */
	PATH_MAX_SHOWN = 900, /* … and of an address: a line has at most 998 octets (RFC 5322 section 2.1.1) */
};

struct head {
	char *text;
	size_t len;
};

static void add(struct head *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct head *h, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(h->text + h->len, TRACE_HEAD_MAX - h->len, format, args);
	va_end(args);
	if (n > 0)
		h->len += (size_t)n < TRACE_HEAD_MAX - h->len ? (size_t)n : TRACE_HEAD_MAX - h->len - 1;
}

/* Whether s begins with what may stand in a domain or an address literal, which every reader of traces takes as it is; its octets, or 0. */
static size_t domain_character(struct slice s, bool utf8)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
	size_t len = utf8_character(s);
	if (len == 1)
		return s.ptr[0] && strchr(letters, s.ptr[0]) ? 1 : 0;
	bool c1 = len == 2 && (unsigned char)s.ptr[0] == 0xc2 && (unsigned char)s.ptr[1] < 0xa0;
	return utf8 && !c1 ? len : 0;
}

static bool is_domain_like(struct slice name, bool utf8)
{
	if (name.len == 0 || name.len > CLIENT_MAX)
		return false;
	for (size_t len; name.len > 0; name = slice_skip(name, len)) {
		len = domain_character(name, utf8);
		if (len == 0)
			return false;
	}
	return true;
}

/* Any other name stands in a comment, what is special there behind a backslash. */
static void add_comment(struct head *h, struct slice name)
{
	size_t len = name.len < CLIENT_MAX ? name.len : CLIENT_MAX;
	add(h, "unknown (HELO ");
	for (size_t i = 0; i < len; i++) {
		char c = name.ptr[i];
		if (c < ' ' || c > '~')
			c = '?';
		add(h, strchr("()\\", c) ? "\\%c" : "%c", c);
	}
	add(h, ")");
}

static void add_peer(struct head *h, const char *peer)
{
	static const char mapped[] = "::ffff:";
	if (!strpbrk(peer, ".:")) /* it has no address: it came over a UNIX socket */
		return;
	if (slice_starts_nocase(slice_str(peer), mapped) && strchr(peer, '.'))
		peer += strlen(mapped);
	add(h, " ([%s%s])", strchr(peer, ':') ? "IPv6:" : "", peer);
}

static void add_date(struct head *h, time_t when)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm t;
	localtime_r(&when, &t);
	long minutes = t.tm_gmtoff / 60;
	char sign = minutes < 0 ? '-' : '+';
	minutes = minutes < 0 ? -minutes : minutes;
	add(h, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
	    t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec, sign, minutes / 60, minutes % 60);
}

size_t trace_head(const struct trace_facts *f, char text[TRACE_HEAD_MAX])
{
	struct head h = { .text = text };
	add(&h, "Return-Path: <%.*s>\nReceived: from ",
	    (int)(f->sender.len < PATH_MAX_SHOWN ? f->sender.len : PATH_MAX_SHOWN), f->sender.ptr ? f->sender.ptr : "");
	if (is_domain_like(f->client, f->utf8))
		add(&h, "%.*s", SLICE_FMT(f->client));
	else
		add_comment(&h, f->client);
	add_peer(&h, f->peer);
	add(&h, "\n\tby %s with %s id %s", f->domain, f->protocol, f->id);
	if (f->tls_version)
		add(&h, "\n\t(%s %s)", f->tls_version, f->tls_cipher);
	if (!slice_empty(f->recipient) && f->recipient.len <= PATH_MAX_SHOWN)
		add(&h, "\n\tfor <%.*s>", SLICE_FMT(f->recipient));
	add(&h, ";\n\t");
	add_date(&h, f->when);
	add(&h, "\n");
	return h.len;
}

const char *trace_protocol(bool extended, bool tls, bool authenticated, bool utf8)
{
	static const char *const plain[] = { "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA" };
	static const char *const beyond_ascii[] = { "UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA" };
	size_t kind = (size_t)tls + 2 * (size_t)authenticated;
	if (!extended)
		return "SMTP";
	return utf8 ? beyond_ascii[kind] : plain[kind];
}

const char *trace_protocol_lmtp(bool tls, bool authenticated, bool utf8)
{
	static const char *const plain[] = { "LMTP", "LMTPS", "LMTPA", "LMTPSA" };
	static const char *const beyond_ascii[] = { "UTF8LMTP", "UTF8LMTPS", "UTF8LMTPA", "UTF8LMTPSA" };
	size_t kind = (size_t)tls + 2 * (size_t)authenticated;
	return utf8 ? beyond_ascii[kind] : plain[kind];
}
