/*
 * command_send: a mail from standard input to a server, with its attachments. See command.h and mime_compose.h.
 */
#include "client/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "client/command_input.h"
#include "client/command_status.h"
#include "client/mime_compose.h"
#include "terminal/progress.h"
#include "client/smtp_link.h"

/* Every recipient once, be it named twice. */
struct envelope {
	struct slice to[3 * PEOPLE_MAX];
	size_t count;
};

/* A mail under way. */
struct sending {
	const struct command_options *options;
	const struct envelope *envelope;
	int status; /* of the last recipient that was refused */
	struct progress progress;
	struct smtp_link smtp;
};

static void add_people(struct envelope *e, const struct people *people)
{
	for (size_t i = 0; i < people->count; i++) {
		size_t k = 0;
		while (k < e->count && !slice_equal(e->to[k], people->list[i].address))
			k++;
		if (k == e->count)
			e->to[e->count++] = people->list[i].address;
	}
}

/* ---- sending ---- */

static void tell_refused(void *owner, size_t index, struct slice words)
{
	struct sending *s = owner;

	s->status = command_status_of_reply(words, EX_NOUSER);
	command_fail(s->options, s->status, "%.*s: %.*s", SLICE_FMT(s->envelope->to[index]), SLICE_FMT(words));
}

static void tick(void *owner)
{
	struct sending *s = owner;

	s->progress.done = s->smtp.client.text_given;
	progress_tick(&s->progress);
}

static int outcome(const struct sending *s)
{
	const struct smtp_client *client = &s->smtp.client;

	switch (client->outcome) {
	case SMTP_CLIENT_DONE:
	case SMTP_CLIENT_NOBODY:
		return s->status;
	case SMTP_CLIENT_REFUSED:
		return command_fail(s->options,
		                    command_status_of_reply(buf_slice(&client->words),
		                                            client->login_refused ? EX_NOPERM : EX_UNAVAILABLE),
		                    "the server said %.*s", SLICE_FMT(buf_slice(&client->words)));
	case SMTP_CLIENT_UNFIT:
		return command_fail(s->options, EX_UNAVAILABLE, "%.*s", SLICE_FMT(buf_slice(&client->words)));
	default:
		return command_fail(s->options, command_status_of_trouble(s->smtp.why.kind, client->talk.misread), "%s",
		                    s->smtp.why.text);
	}
}

static int deliver(struct sending *s, struct account *account, const struct smtp_client_mail *mail)
{
	smtp_link_init(&s->smtp, account);
	progress_begin(&s->progress, "Sending the mail", account->transcript != NULL);
	s->progress.total = smtp_client_size(mail);
	if (smtp_link_open(&s->smtp)) {
		s->smtp.link.tick = tick;
		s->smtp.link.owner = s;
		smtp_link_send(&s->smtp, mail);
		s->smtp.link.tick = NULL;
	}
	progress_end(&s->progress);
	int status = outcome(s);
	smtp_link_close(&s->smtp);
	smtp_link_release(&s->smtp);
	return status;
}

/* One of the two is there: a text, or what is put together. */
static int send_mail(const struct command_options *o, const struct envelope *e, struct slice text,
                     const struct smtp_client_more *more)
{
	struct account account;
	struct sending s = { .options = o, .envelope = e };
	const struct smtp_client_mail mail = { .from = o->from.list[0].address,
		                               .to = e->to,
		                               .to_count = e->count,
		                               .text = text,
		                               .refused = tell_refused,
		                               .owner = &s,
		                               .more = more };

	int status = command_account(o, &account);
	if (status == EX_OK)
		status = deliver(&s, &account, &mail);
	command_account_release(&account);
	return status;
}

/* ---- a mail of our making ---- */

struct files {
	struct mime_file list[COMMAND_FILES_MAX];
	size_t count;
};

static void close_files(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		file_close(files->list[i].fd);
}

static int open_files(const struct command_options *o, struct files *files)
{
	struct stat look;

	for (size_t i = 0; i < o->file_count; i++) {
		int fd = open(o->files[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return command_fail(o, EX_NOINPUT, "cannot read %s: %s", o->files[i], strerror(errno));
		files->list[files->count++] = (struct mime_file){ o->files[i], fd };
		if (fstat(fd, &look) != 0 || !S_ISREG(look.st_mode))
			return command_fail(o, EX_NOINPUT, "%s is not a file", o->files[i]);
	}
	return EX_OK;
}

static int compose_and_send(const struct command_options *o, const struct envelope *e, const struct mime_letter *letter)
{
	struct mime_message message;
	struct fault why;

	if (!mime_compose(letter, &message, &why))
		return command_fail(o, why.kind == FAULT_PERMANENT ? EX_DATAERR : EX_IOERR, "%s", why.text);
	const struct smtp_client_more more = mime_message_text(&message);
	int status = send_mail(o, e, slice_make("", 0), &more);
	mime_message_release(&message);
	return status;
}

static int send_new(const struct command_options *o, const struct envelope *e, struct slice text)
{
	struct files files = { .count = 0 };

	int status = open_files(o, &files);
	if (status == EX_OK) {
		const struct mime_letter letter = { .from = &o->from.list[0],
			                            .to = &o->to,
			                            .cc = &o->cc,
			                            .subject = slice_str(o->subject ? o->subject : ""),
			                            .text = text,
			                            .files = files.list,
			                            .file_count = files.count,
			                            .date = clock_wall() };
		status = compose_and_send(o, e, &letter);
	}
	close_files(&files);
	return status;
}

static int check(const struct command_options *o, const struct envelope *e)
{
	if (o->operand_count > 0)
		return command_fail(o, EX_USAGE, "there is an operand too many: %s", o->operands[0]);
	if (o->from.count != 1)
		return command_fail(o, EX_USAGE, "--from ADDRESS is needed, once");
	if (e->count == 0)
		return command_fail(o, EX_USAGE, "--to ADDRESS is missing");
	if (o->raw && (o->subject || o->file_count > 0))
		return command_fail(o, EX_USAGE,
		                    "--raw takes neither --subject nor --attach: the mail has its own header");
	return EX_OK;
}

int command_send(const struct command_options *o)
{
	struct envelope *e = calloc(1, sizeof *e);
	struct buf text;

	if (!e)
		return EX_OSERR;
	add_people(e, &o->to);
	add_people(e, &o->cc);
	add_people(e, &o->bcc);
	buf_init(&text, COMMAND_INPUT_MAX);
	int status = check(o, e);
	if (status == EX_OK)
		status = o->raw ? command_input_raw(o, &text) : command_input_text(o, &text);
	if (status == EX_OK)
		status = o->raw ? send_mail(o, e, buf_slice(&text), NULL) : send_new(o, e, buf_slice(&text));
	buf_release(&text);
	free(e);
	return status;
}
