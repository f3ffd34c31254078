/*
 * command_mailbox: list, show and delete, each one POP3 session. See command.h.
 */
#include "client/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "client/attachment.h"
#include "client/command_status.h"
#include "client/inbox.h"
#include "terminal/screen.h"
#include "client/shown_mail.h"

enum { LINE_OCTETS_MAX = 64 * 1024 };

/* A command under way, with its session. */
struct visit {
	const struct command_options *options;
	struct account account;
	struct inbox inbox;
	struct screen screen;
};

static int tell(const struct visit *s, enum inbox_result result, int permanent)
{
	struct slice words = buf_slice(&s->inbox.words);

	if (result == INBOX_LOST)
		return command_fail(s->options, command_status_of_trouble(s->inbox.trouble, s->inbox.nonsense), "%.*s",
		                    SLICE_FMT(words));
	return command_fail(s->options, command_status_of_error(words, permanent), "the server said %.*s",
	                    SLICE_FMT(words));
}

/* Logs in, lets the command work, and leaves with QUIT, without which nothing is deleted. */
static int on_a_visit(const struct command_options *o, enum inbox_result (*enter)(struct inbox *m),
                      int (*work)(struct visit *s))
{
	struct visit s = { .options = o };

	int status = command_account(o, &s.account);
	if (status == EX_OK) {
		screen_init(&s.screen, stdout);
		inbox_init(&s.inbox, &s.account);
		enum inbox_result result = enter(&s.inbox);
		status = result == INBOX_OK ? work(&s) : tell(&s, result, EX_NOPERM);
		inbox_close(&s.inbox);
		inbox_release(&s.inbox);
		screen_release(&s.screen);
	}
	command_account_release(&s.account);
	if (fflush(stdout) != 0 && status == EX_OK)
		status = command_fail(o, EX_IOERR, "cannot write: %s", strerror(errno));
	return status;
}

/* The mail's place in the list. */
static int find(const struct visit *s, const char *typed, size_t *index)
{
	uint64_t number;

	if (!slice_number(slice_str(typed), UINT32_MAX, &number) || number == 0)
		return command_fail(s->options, EX_USAGE, "a mail's number is 1 or more, not %s", typed);
	for (size_t i = 0; i < s->inbox.count; i++) {
		if (s->inbox.mails[i].number == number) {
			*index = i;
			return EX_OK;
		}
	}
	return command_fail(s->options, EX_NOINPUT, "there is no mail %s", typed);
}

/* ---- list ---- */

/* A field of a line: no tab, no line end, nothing that a terminal obeys. */
static void put_field(const struct visit *s, const char *text, struct buf *line)
{
	struct visible v;

	visible_init(&v, VISIBLE_LINE, s->screen.set);
	buf_append_char(line, '\t');
	visible_push(&v, slice_str(text), line);
	visible_finish(&v, line);
}

static int list(struct visit *s)
{
	struct buf line;

	buf_init(&line, LINE_OCTETS_MAX);
	for (size_t i = 0; i < s->inbox.count; i++) {
		const struct inbox_mail *mail = &s->inbox.mails[i];
		buf_clear(&line);
		buf_printf(&line, "%" PRIu32 "\t%" PRIu64, mail->number, mail->octets);
		put_field(s, mail->received, &line);
		put_field(s, mail->from, &line);
		put_field(s, mail->subject, &line);
		screen_sayf(&s->screen, "%.*s\n", SLICE_FMT(buf_slice(&line)));
	}
	buf_release(&line);
	return EX_OK;
}

int command_list(const struct command_options *o)
{
	if (o->operand_count > 0)
		return command_fail(o, EX_USAGE, "there is an operand too many: %s", o->operands[0]);
	return on_a_visit(o, inbox_open, list);
}

/* ---- show ---- */

static void print_octets(void *owner, const char *octets, size_t n)
{
	fwrite(octets, 1, n, owner);
}

static void take_text(void *owner, const char *octets, size_t n)
{
	shown_mail_take(owner, slice_make(octets, n));
}

/* As it came; a terminal gets it through terminal/visible all the same. */
static int show_raw(struct visit *s, size_t index)
{
	const struct pop3_client_sink out = { .text = print_octets, .owner = stdout };

	enum inbox_result result = inbox_read(&s->inbox, index, &out);
	return result == INBOX_OK ? EX_OK : tell(s, result, EX_UNAVAILABLE);
}

static int save_all(struct visit *s, const struct mime_view *view)
{
	char name[ATTACHMENT_NAME_MAX + 1];
	struct fault why;
	int status = EX_OK;

	int dir = open(s->options->save, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return command_fail(s->options, EX_CANTCREAT, "cannot save in %s: %s", s->options->save,
		                    strerror(errno));
	for (size_t i = 0; i < view->count; i++) {
		if (attachment_save(view, i, dir, name, &why))
			screen_sayf(&s->screen, "%s/%s\n", s->options->save, name);
		else
			status = command_fail(s->options, EX_CANTCREAT, "%s", why.text);
	}
	file_close(dir);
	return status;
}

/* A mail for its attachments: nothing of it is printed. */
struct kept {
	struct buf text;
	bool too_large;
};

static void keep_text(void *owner, const char *octets, size_t n)
{
	struct kept *k = owner;

	k->too_large = k->too_large || !buf_append(&k->text, octets, n);
}

static int save_read(struct visit *s, size_t index)
{
	struct kept mail = { .too_large = false };
	const struct pop3_client_sink keeper = { .text = keep_text, .owner = &mail };
	struct mime_view view;
	int status;

	mime_view_init(&view);
	buf_init(&mail.text, MIME_TREE_MAX);
	enum inbox_result result = inbox_read(&s->inbox, index, &keeper);
	if (result != INBOX_OK)
		status = tell(s, result, EX_UNAVAILABLE);
	else if (mail.too_large || !mime_view_make(&view, buf_slice(&mail.text)))
		status = command_fail(s->options, EX_DATAERR, "this mail is not MIME, or beyond what is read of MIME");
	else
		status = save_all(s, &view);
	mime_view_release(&view);
	buf_release(&mail.text);
	return status;
}

static int show_read(struct visit *s, size_t index)
{
	struct shown_mail mail;
	const struct pop3_client_sink reader = { .text = take_text, .owner = &mail };
	int status = EX_OK;

	shown_mail_begin(&mail, &s->screen, &s->inbox.progress);
	mail.may_be_mime = !s->options->raw;
	enum inbox_result result = inbox_read(&s->inbox, index, &reader);
	if (result != INBOX_OK)
		status = tell(s, result, EX_UNAVAILABLE);
	shown_mail_end(&mail, result == INBOX_OK);
	shown_mail_release(&mail);
	return status;
}

static int show(struct visit *s)
{
	const struct command_options *o = s->options;
	size_t index;

	int status = find(s, o->operands[0], &index);
	if (status != EX_OK)
		return status;
	if (o->save)
		return save_read(s, index);
	return o->raw && !s->screen.terminal ? show_raw(s, index) : show_read(s, index);
}

int command_show(const struct command_options *o)
{
	if (o->operand_count != 1)
		return command_fail(o, EX_USAGE, "the number of one mail is needed");
	if (o->raw && o->save)
		return command_fail(o, EX_USAGE, "--raw shows and --save saves: give one of them");
	return on_a_visit(o, inbox_open_brief, show);
}

/* ---- delete ---- */

/* All numbers are looked at before the first mail is marked. */
static int delete_all(struct visit *s)
{
	const struct command_options *o = s->options;
	size_t index = 0;
	int status = EX_OK;

	for (size_t i = 0; i < o->operand_count && status == EX_OK; i++)
		status = find(s, o->operands[i], &index);
	for (size_t i = 0; i < o->operand_count && status == EX_OK; i++) {
		find(s, o->operands[i], &index);
		enum inbox_result result = s->inbox.mails[index].marked ? INBOX_OK : inbox_mark(&s->inbox, index);
		if (result != INBOX_OK)
			status = tell(s, result, EX_UNAVAILABLE);
	}
	/* What was marked must not go where one could not be: QUIT deletes (RFC 1939 section 6). */
	if (status != EX_OK) {
		if (inbox_is_open(&s->inbox) && inbox_unmark(&s->inbox) != INBOX_OK)
			inbox_abandon(&s->inbox);
		return status;
	}
	enum inbox_result result = inbox_quit(&s->inbox);
	return result == INBOX_OK ? EX_OK : tell(s, result, EX_UNAVAILABLE);
}

int command_delete(const struct command_options *o)
{
	if (o->operand_count == 0)
		return command_fail(o, EX_USAGE, "the number of at least one mail is needed");
	return on_a_visit(o, inbox_open_brief, delete_all);
}
