/*
 * recipients: from an address to users. See recipients.h.
 */
#include "server/recipients.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/aliases.h"
#include "base/log.h"
#include "server/inboxes.h"

static const char postmaster[] = "postmaster";

/* ---- the list ---- */

/* Its place on the list, or the list's end. */
static size_t place_of(const struct recipients *r, const char *user)
{
	size_t i = 0;
	while (i < r->count && strcmp(r->users[i], user) != 0)
		i++;
	return i;
}

/* REPLY_RECIPIENT_OK, or why not. */
static enum reply_id remember(struct recipients *r, size_t place)
{
	if (!r->remembers)
		return REPLY_RECIPIENT_OK;
	if (r->behind_count == RECIPIENTS_BEHIND_MAX)
		return REPLY_TOO_MANY_RECIPIENTS;
	if (!r->behind)
		r->behind = malloc(RECIPIENTS_BEHIND_MAX * sizeof *r->behind);
	if (!r->ends)
		r->ends = malloc(SMTP_RECIPIENTS_MAX * sizeof *r->ends);
	if (!r->behind || !r->ends)
		return REPLY_TRY_LATER;
	r->behind[r->behind_count++] = (uint16_t)place;
	return REPLY_RECIPIENT_OK;
}

const uint16_t *recipients_behind(const struct recipients *r, size_t i, size_t *count)
{
	size_t begin = i > 0 ? r->ends[i - 1] : 0;
	*count = r->ends[i] - begin;
	return r->behind + begin;
}

static bool make_room(struct recipients *r)
{
	if (r->count < r->room)
		return true;
	size_t room = r->room > 0 ? 2 * r->room : 1;
	void *more = realloc(r->users, room * sizeof *r->users);
	if (!more)
		return false;
	r->users = more;
	r->room = room;
	return true;
}

void recipients_clear(struct recipients *r)
{
	for (size_t i = 0; r->held && i < r->count; i++)
		inboxes_release(r->held, r->users[i]);
	free(r->users);
	free(r->only);
	free(r->behind);
	free(r->ends);
	*r = (struct recipients){ .users = NULL };
}

/* ---- one question ---- */

struct asking {
	struct recipients *list;
	struct site *site;
	const struct recipients_question *question;
	enum reply_id verdict; /* REPLY_RECIPIENT_OK as long as nothing speaks against it */
};

static bool has_room(struct asking *a, const char *user)
{
	struct fault why;
	if (a->site->options->quota == 0 || a->site->store->ops->room(a->site->store, user, a->question->size, &why))
		return true;
	log_info("recipient %s is refused: %s", user, why.text);
	a->verdict = why.kind == FAULT_QUOTA ? REPLY_MAILBOX_FULL : REPLY_TRY_LATER;
	return false;
}

static void add_user(void *owner, const char *user)
{
	struct asking *a = owner;
	struct recipients *r = a->list;
	if (a->verdict != REPLY_RECIPIENT_OK)
		return;
	size_t place = place_of(r, user);
	if (place < r->count) {
		a->verdict = remember(r, place);
		return;
	}
	if (!has_room(a, user))
		return;
	if (r->count == SMTP_RECIPIENTS_MAX)
		a->verdict = REPLY_TOO_MANY_RECIPIENTS; /* RFC 5321 section 4.5.3.1.10 */
	else if (!make_room(r))
		a->verdict = REPLY_TRY_LATER;
	else
		a->verdict = remember(r, place);
	if (a->verdict == REPLY_RECIPIENT_OK)
		memcpy(r->users[r->count++], user, strlen(user) + 1);
}

static bool add_postmaster(struct asking *a)
{
	char user[USERS_NAME_MAX + 1];
	const char *named = a->site->options->postmaster;
	bool found = named ? users_find(a->site->users, slice_str(named), user) : users_first(a->site->users, user);
	if (found)
		add_user(a, user);
	return found;
}

static bool add_named(struct asking *a, struct slice name)
{
	char user[USERS_NAME_MAX + 1];
	if (users_find(a->site->users, name, user)) {
		add_user(a, user);
		return true;
	}
	size_t behind = a->site->aliases ? aliases_resolve(a->site->aliases, name, add_user, a) : 0;
	if (behind == ALIASES_TOO_MANY)
		a->verdict =
		        REPLY_TRY_LATER; /* until the operator has mended it: to take it for some of them would lose the others' */
	if (behind > 0)
		return true;
	return slice_equal_text_nocase(name, postmaster) && add_postmaster(a);
}

/* A user whose very name has a + comes first. */
static bool add_local(struct asking *a, struct slice local)
{
	if (add_named(a, local))
		return true;
	size_t plus = slice_find(local, '+');
	return a->site->course->standard && plus > 0 && plus < local.len && add_named(a, slice_make(local.ptr, plus));
}

/* ---- anybody ---- */

/* The inbox of the whole address; it stays until the list is cleared. */
static void add_inbox(struct asking *a)
{
	const struct address *address = a->question->address;
	char whole[ADDRESS_PATH_MAX + 1 + ADDRESS_DOMAIN_MAX + 1], name[USERS_NAME_MAX + 1];
	struct fault why;
	size_t len = address->local_len, before = a->list->count;
	memcpy(whole, address->local, len);
	if (address->domain[0])
		len += (size_t)snprintf(whole + len, sizeof whole - len, "@%s", address->domain);
	if (!users_find(a->site->users, slice_make(whole, len), name)) {
		a->verdict = REPLY_NO_SUCH_USER;
		return;
	}
	add_user(a, name);
	if (a->list->count == before)
		return;
	a->list->held = a->site->inboxes;
	if (inboxes_hold(a->site->inboxes, name, &why))
		return;
	log_warning("recipient %s is refused for now: %s", name, why.text);
	a->list->count--;
	a->verdict = REPLY_TRY_LATER;
}

/* ---- domains ---- */

/* Numeric addresses are the same however they are written. */
static bool same_host(const char *a, const char *b)
{
	struct in6_addr x, y;
	int family = strchr(a, ':') ? AF_INET6 : AF_INET;
	return inet_pton(family, a, &x) == 1 && inet_pton(family, b, &y) == 1 &&
	       memcmp(&x, &y, family == AF_INET6 ? sizeof x : sizeof(struct in_addr)) == 0;
}

/* Section 4.1.3: mail for the machine itself, by its address. */
static bool is_this_host(const char *literal, const char *here)
{
	static const char six[] = "IPv6:";
	char inside[ADDRESS_DOMAIN_MAX + 1];
	if (!here)
		return false;
	struct slice text = slice_str(literal + 1);
	text.len--; /* the closing bracket */
	if (slice_starts_nocase(text, six))
		text = slice_skip(text, strlen(six));
	snprintf(inside, sizeof inside, "%.*s", SLICE_FMT(text));
	return same_host(inside, here);
}

/* Domains are the same in any case (section 2.4). Where none was named, mail for the host's name and for localhost is ours. */
static bool is_ours(const struct site *site, const char *domain, const char *here)
{
	const struct options *o = site->options;
	struct slice wanted = slice_str(domain);
	if (domain[0] == '[')
		return is_this_host(domain, here);
	for (size_t i = 0; i < o->domains_count; i++) {
		if (slice_equal_text_nocase(wanted, o->domains[i]))
			return true;
	}
	return o->domains_count == 0 &&
	       (slice_equal_text_nocase(wanted, site->smtp.domain) || slice_equal_text_nocase(wanted, "localhost"));
}

static enum reply_id judge_domain(const struct site *site, const struct recipients_question *q)
{
	const struct address *a = q->address;
	if (!site->course->standard || site->inboxes)
		return REPLY_RECIPIENT_OK;
	if (a->domain[0] != '\0')
		return is_ours(site, a->domain, q->here) ? REPLY_RECIPIENT_OK : REPLY_NO_RELAY;
	bool is_postmaster = slice_equal_text_nocase(slice_make(a->local, a->local_len), postmaster);
	return is_postmaster ? REPLY_RECIPIENT_OK : REPLY_NO_DOMAIN;
}

/* ---- */

bool recipients_need_job(const struct site *site)
{
	return users_changed(site->users) || (site->aliases && aliases_changed(site->aliases)) ||
	       site->options->quota > 0 || site->inboxes;
}

enum reply_id recipients_take(struct recipients *r, struct site *site, const struct recipients_question *question)
{
	struct asking a = { .list = r, .site = site, .question = question };
	const struct address *address = question->address;
	size_t before = r->count, behind_before = r->behind_count;
	a.verdict = judge_domain(site, question);
	if (site->inboxes)
		add_inbox(&a);
	else if (a.verdict == REPLY_RECIPIENT_OK && !add_local(&a, slice_make(address->local, address->local_len)))
		a.verdict = question->outdated ? REPLY_TRY_LATER : REPLY_NO_SUCH_USER;
	if (a.verdict != REPLY_RECIPIENT_OK) {
		r->count = before;
		r->behind_count = behind_before;
		return a.verdict;
	}
	if (r->remembers)
		r->ends[r->taken] = r->behind_count;
	if (r->taken++ == 0)
		r->only = strdup(address->text);
	return a.verdict;
}
