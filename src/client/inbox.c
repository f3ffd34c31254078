/*
 * inbox: a POP3 session and the list made from it. See inbox.h.
 */
#include "client/inbox.h"

#include <stdlib.h>

enum { GOODBYE_MS = 10 * 1000 }; /* nothing hangs on this QUIT */

void inbox_init(struct inbox *m, struct account *account)
{
	*m = (struct inbox){ .account = account };
	buf_init(&m->words, TALK_WORDS_MAX);
	link_init(&m->link);
	pop3_client_init(&m->pop3, &m->link.feed);
}

static void forget_list(struct inbox *m)
{
	for (size_t i = 0; i < m->count; i++)
		free((char *)m->mails[i].from);
	free(m->mails);
	m->mails = NULL;
	m->count = 0;
}

/* The session is over, in whichever way; the client is ready for the next. */
static void hang_up(struct inbox *m)
{
	bool bare = m->pop3.bare, no_offer = m->pop3.no_offer;

	link_close(&m->link);
	pop3_client_release(&m->pop3);
	pop3_client_init(&m->pop3, &m->link.feed);
	sasl_release(&m->sasl);
	m->pop3.bare = bare;
	m->pop3.no_offer = no_offer;
}

void inbox_release(struct inbox *m)
{
	hang_up(m);
	pop3_client_release(&m->pop3);
	forget_list(m);
	buf_release(&m->words);
}

bool inbox_is_open(const struct inbox *m)
{
	return link_is_open(&m->link);
}

static enum inbox_result lost(struct inbox *m, const struct fault *why)
{
	m->trouble = why->kind;
	buf_clear(&m->words);
	buf_append_text(&m->words, why->text);
	hang_up(m);
	return INBOX_LOST;
}

static enum inbox_result lost_memory(struct inbox *m)
{
	const struct fault why = { .kind = FAULT_FULL, .text = "memory is out" };

	return lost(m, &why);
}

static void tick(void *owner)
{
	progress_tick(owner);
}

/* What the server said before it hung up, where that was no; else empty. A refused login is followed by a QUIT of ours, which may find nobody. */
static struct slice last_words(const struct inbox *m)
{
	const struct talk *t = &m->pop3.talk;

	if (t->broken || t->positive || m->probing)
		return slice_make("", 0);
	return buf_slice(m->pop3.refused ? &m->pop3.refusal : &t->words);
}

static enum inbox_result drive_failed(struct inbox *m, const struct fault *why)
{
	m->nonsense = m->pop3.talk.misread;
	m->probing = pop3_client_is_probing(&m->pop3);
	m->no_offer = m->probing && m->pop3.state == POP3_CLIENT_OFFER;
	struct slice words = last_words(m);
	if (words.len == 0)
		return lost(m, why);
	buf_clear(&m->words);
	buf_append_slice(&m->words, words);
	hang_up(m);
	return INBOX_REFUSED;
}

/* Drives what was asked of pop3 to its end. */
static enum inbox_result drive(struct inbox *m)
{
	struct fault why;

	m->link.tick = tick;
	m->link.owner = &m->progress;
	if (!link_run(&m->link, &m->pop3.talk, &why))
		return drive_failed(m, &why);
	buf_clear(&m->words);
	buf_append_slice(&m->words, buf_slice(m->pop3.refused ? &m->pop3.refusal : &m->pop3.talk.words));
	return m->pop3.refused ? INBOX_REFUSED : INBOX_OK;
}

/* ---- the list ---- */

static void scan_text(void *owner, const char *octets, size_t n)
{
	struct inbox *m = owner;

	summary_push(&m->summary, octets, n);
}

static bool keep_summary(struct inbox_mail *mail, const struct summary *s)
{
	size_t from = strlen(s->from) + 1, received = strlen(s->received) + 1, subject = strlen(s->subject) + 1;
	char *block = malloc(from + received + subject);

	if (!block)
		return false;
	memcpy(block, s->from, from);
	memcpy(block + from, s->received, received);
	memcpy(block + from + received, s->subject, subject);
	mail->from = block;
	mail->received = block + from;
	mail->subject = block + from + received;
	return true;
}

/* A mail that the server lists and does not give stands in the list with "-" for everything. */
static void scan_end(void *owner, size_t index, bool given)
{
	struct inbox *m = owner;

	(void)given;
	summary_finish(&m->summary);
	m->mails[index].number = m->pop3.mails[index].number;
	m->mails[index].octets = m->pop3.mails[index].octets;
	if (!keep_summary(&m->mails[index], &m->summary))
		m->out_of_memory = true;
	m->count = index + 1;
	m->progress.done = m->count;
	summary_release(&m->summary);
	summary_init(&m->summary);
}

static enum inbox_result make_list(struct inbox *m)
{
	forget_list(m);
	m->mails = calloc(m->pop3.count + 1, sizeof *m->mails);
	if (!m->mails)
		return lost_memory(m);
	for (m->count = 0; m->count < m->pop3.count; m->count++) {
		m->mails[m->count].number = m->pop3.mails[m->count].number;
		m->mails[m->count].octets = m->pop3.mails[m->count].octets;
	}
	return INBOX_OK;
}

static enum inbox_result read_list(struct inbox *m)
{
	const struct pop3_client_sink sink = { scan_text, scan_end, m };

	forget_list(m);
	if (m->pop3.count == 0)
		return INBOX_OK;
	m->mails = calloc(m->pop3.count, sizeof *m->mails);
	if (!m->mails)
		return lost_memory(m);
	m->progress.total = m->pop3.count;
	summary_init(&m->summary);
	pop3_client_scan(&m->pop3, &sink);
	enum inbox_result result = drive(m);
	summary_release(&m->summary);
	if (result == INBOX_OK && m->out_of_memory)
		return lost_memory(m);
	return result;
}

static enum inbox_result log_in(struct inbox *m)
{
	const struct link_options options = account_link(m->account, ACCOUNT_POP3);
	struct fault why;

	if (!link_open(&m->link, &options, &why))
		return lost(m, &why);
	sasl_init(&m->sasl, m->account->name, m->account->password, &m->link.tls);
	const struct pop3_client_manner manner = {
		.extended = account_is_extended(m->account, ACCOUNT_POP3),
		.secured = link_is_secure(&m->link),
		.clear_login = m->link.is_local || m->account->plaintext,
		.login = &m->sasl.login,
	};
	if (!manner.extended && !manner.clear_login)
		account_warn_clear(m->account);
	pop3_client_login(&m->pop3, &manner);
	enum inbox_result result = drive(m);
	if (result == INBOX_REFUSED)
		hang_up(m);
	return result;
}

static enum inbox_result open_once(struct inbox *m, enum inbox_result (*list)(struct inbox *m))
{
	enum inbox_result result = log_in(m);

	return result == INBOX_OK ? list(m) : result;
}

static enum inbox_result open_with(struct inbox *m, enum inbox_result (*list)(struct inbox *m))
{
	m->probing = m->out_of_memory = m->nonsense = false;
	progress_begin(&m->progress, "Reading the list", m->account->transcript);
	enum inbox_result result = open_once(m, list);
	/* A simple server may hang up on a command it does not know. */
	if (result == INBOX_LOST && m->probing && !m->pop3.bare) {
		m->pop3.bare = true;
		m->pop3.no_offer = m->no_offer;
		result = open_once(m, list);
	}
	progress_end(&m->progress);
	return result;
}

enum inbox_result inbox_open(struct inbox *m)
{
	return open_with(m, read_list);
}

enum inbox_result inbox_open_brief(struct inbox *m)
{
	return open_with(m, make_list);
}

/* ---- one mail ---- */

static void read_text(void *owner, const char *octets, size_t n)
{
	struct inbox *m = owner;

	m->progress.done += n;
	m->reader->text(m->reader->owner, octets, n);
}

/* The server may have ended the session meanwhile; a command would then be answered by its farewell. */
static bool still_there(struct inbox *m)
{
	if (link_is_alive(&m->link))
		return true;
	const struct fault why = { .kind = FAULT_TEMPORARY, .text = "the server had ended the session" };
	lost(m, &why);
	return false;
}

enum inbox_result inbox_read(struct inbox *m, size_t index, const struct pop3_client_sink *reader)
{
	const struct pop3_client_sink sink = { .text = read_text, .owner = m };

	if (!still_there(m))
		return INBOX_LOST;
	m->reader = reader;
	progress_begin(&m->progress, "Reading the mail", m->account->transcript);
	m->progress.total = m->mails[index].octets;
	pop3_client_retrieve(&m->pop3, m->mails[index].number, &sink);
	enum inbox_result result = drive(m);
	progress_end(&m->progress);
	return result;
}

enum inbox_result inbox_delete(struct inbox *m, size_t index)
{
	if (!still_there(m))
		return INBOX_LOST;
	progress_begin(&m->progress, "Deleting the mail", m->account->transcript);
	pop3_client_delete(&m->pop3, m->mails[index].number);
	enum inbox_result result = drive(m);
	if (result == INBOX_OK)
		result = inbox_quit(m);
	progress_end(&m->progress);
	return result;
}

/* ---- a session of commands ---- */

struct slice inbox_greeting(const struct inbox *m)
{
	return buf_slice(&m->pop3.greeting);
}

enum inbox_result inbox_count(struct inbox *m, uint64_t *mails)
{
	if (!still_there(m))
		return INBOX_LOST;
	pop3_client_stat(&m->pop3);
	enum inbox_result result = drive(m);
	*mails = m->pop3.stat_mails;
	if (result != INBOX_OK || m->pop3.counted)
		return result;
	*mails = 0;
	for (size_t i = 0; i < m->count; i++)
		*mails += !m->mails[i].marked;
	return result;
}

/* The new list is the old one with gaps. */
static void mark_unlisted(struct inbox *m)
{
	size_t at = 0;

	for (size_t i = 0; i < m->count; i++) {
		m->mails[i].marked = at == m->pop3.count || m->pop3.mails[at].number != m->mails[i].number;
		at += !m->mails[i].marked;
	}
}

enum inbox_result inbox_list(struct inbox *m)
{
	if (!still_there(m))
		return INBOX_LOST;
	pop3_client_list(&m->pop3);
	enum inbox_result result = drive(m);
	if (result == INBOX_OK)
		mark_unlisted(m);
	return result;
}

enum inbox_result inbox_mark(struct inbox *m, size_t index)
{
	if (!still_there(m))
		return INBOX_LOST;
	pop3_client_delete(&m->pop3, m->mails[index].number);
	enum inbox_result result = drive(m);
	m->mails[index].marked = m->mails[index].marked || result == INBOX_OK;
	return result;
}

enum inbox_result inbox_unmark(struct inbox *m)
{
	if (!still_there(m))
		return INBOX_LOST;
	pop3_client_reset(&m->pop3);
	enum inbox_result result = drive(m);
	for (size_t i = 0; result == INBOX_OK && i < m->count; i++)
		m->mails[i].marked = false;
	return result;
}

enum inbox_result inbox_quit(struct inbox *m)
{
	if (!still_there(m))
		return INBOX_LOST;
	pop3_client_quit(&m->pop3);
	enum inbox_result result = drive(m);
	hang_up(m);
	return result;
}

void inbox_close(struct inbox *m)
{
	if (!inbox_is_open(m))
		return;
	if (link_is_alive(&m->link)) {
		pop3_client_quit(&m->pop3);
		m->pop3.talk.limit_ms = GOODBYE_MS;
		drive(m);
	}
	hang_up(m);
}

void inbox_abandon(struct inbox *m)
{
	if (inbox_is_open(m))
		hang_up(m);
}
