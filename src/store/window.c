/*
 * window: what is at hand of a mail, and when to read anew. Owns no memory. See window.h.
 *
 * A mail's last octet is given out only beside its dividing line, its first one only behind what divides it from the mail before: so whoever
 * has got all of a mail has got it from where it stands.
 */
#include "store/window.h"

#include <errno.h>

enum { BEFORE = 2, BEHIND_MAX = 4 };

/* Of a mail, from the view's offset on. */
struct piece {
	uint64_t at;   /* in the file */
	uint64_t left; /* octets of the mail */
	size_t before; /* octets in front of it to be looked at */
	size_t behind; /* … of its dividing line */
};

static struct piece piece_of(const struct index_record *r, uint64_t offset)
{
	return (struct piece){
		.at = r->offset + offset,
		.left = r->length > offset ? r->length - offset : 0,
		.before = offset == 0 && r->offset > 0 ? BEFORE : 0,
		.behind = r->divider < BEHIND_MAX ? r->divider : BEHIND_MAX,
	};
}

/* How many octets can be given out; *whole: all that is left, which may be none. */
static size_t at_hand(const struct store_window *w, const struct piece *p, size_t most, bool *whole)
{
	uint64_t end = w->at + w->got;
	uint64_t have = p->at - p->before >= w->at && end > p->at ? end - p->at : 0;
	*whole = have >= p->left + p->behind && p->left <= most;
	if (*whole)
		return (size_t)p->left;
	uint64_t but_last = p->left > 0 ? p->left - 1 : 0;
	uint64_t n = have < but_last ? have : but_last;
	return n < most ? (size_t)n : most;
}

static bool stands(const char *octets, const struct piece *p, bool whole)
{
	if (p->before > 0 && (octets[-1] != '\n' || (octets[-2] != '.' && octets[-2] != '\r')))
		return false;
	if (!whole)
		return true;
	const char *behind = octets + p->left;
	return (p->left == 0 || behind[-1] == '\n') && behind[0] == '.' && behind[p->behind - 1] == '\n';
}

static ssize_t read_some(const struct window_source *from, struct iovec *vector, uint64_t at, size_t enough,
                         bool may_block)
{
	ssize_t n = file_read_now(from->fd, vector, 1, (off_t)at);
	bool wait = may_block && (n < 0 ? errno == EAGAIN : (size_t)n < enough);
	return wait ? file_read(from->fd, vector->iov_base, vector->iov_len, (off_t)at) : n;
}

static enum store_got fill(const struct store_view *view, const struct window_source *from, const struct piece *p,
                           bool may_block)
{
	struct store_window *w = view->window;
	uint64_t wanted = p->before + (p->left <= view->most ? p->left + p->behind : view->most);
	size_t enough = wanted < w->size ? (size_t)wanted : w->size;
	struct iovec vector = { .iov_base = w->octets, .iov_len = from->ahead ? w->size : enough };
	w->serial = 0;
	ssize_t n = read_some(from, &vector, p->at - p->before, enough, may_block);
	if (n < 0)
		return errno == EAGAIN && !may_block ? STORE_WOULD_BLOCK : STORE_FAULT;
	w->serial = from->serial;
	w->at = p->at - p->before;
	w->got = (size_t)n;
	return STORE_GOT;
}

/* What is at hand of the piece, after another read where it is nothing. */
static enum store_got find(const struct window_source *from, const struct piece *p, struct store_view *view,
                           bool may_block, bool *whole)
{
	const struct store_window *w = view->window;
	size_t n = w->serial == from->serial ? at_hand(w, p, view->most, whole) : 0;
	if (n == 0 && !*whole) {
		enum store_got got = fill(view, from, p, may_block);
		if (got != STORE_GOT)
			return got;
		n = at_hand(w, p, view->most, whole);
		if (n == 0 && !*whole)
			return may_block ? STORE_FAULT : STORE_WOULD_BLOCK;
	}
	view->octets = slice_make(w->octets + (p->at - w->at), n);
	return STORE_GOT;
}

enum store_got window_view(const struct window_source *from, const struct index_record *r, struct store_view *view,
                           bool may_block)
{
	const struct piece p = piece_of(r, view->offset);
	bool whole = false;
	view->octets = slice_make("", 0);
	if (p.left == 0 && r->length > 0)
		return STORE_GOT;
	enum store_got got = find(from, &p, view, may_block, &whole);
	return got == STORE_GOT && !stands(view->octets.ptr, &p, whole) ? STORE_FAULT : got;
}
