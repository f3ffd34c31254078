/*
 * mailbox_prompt: commands for the mailbox, a row each. See mailbox_prompt.h.
 */
#include "client/mailbox_prompt.h"

#include <inttypes.h>

#include "client/mailbox.h"

/* What happens after a step. */
enum next { NEXT_COMMAND, NEXT_MENU, NEXT_END };

/* The server's words about what was done or not; a lost session ends in the menu. */
static enum next answered(struct mailbox *m, enum inbox_result result)
{
	if (result != INBOX_LOST) {
		mailbox_tell(m, "");
		return NEXT_COMMAND;
	}
	mailbox_tell(m, "Error in managing mail: ");
	return NEXT_MENU;
}

/* ---- the commands ---- */

static enum next do_stat(struct mailbox *m, size_t index)
{
	uint64_t mails;

	(void)index;
	enum inbox_result result = inbox_count(&m->inbox, &mails);
	if (result != INBOX_OK)
		return answered(m, result);
	screen_sayf(&m->client->screen, "%s%" PRIu64 "\n", m->client->course->client.mail_count, mails);
	return NEXT_COMMAND;
}

static enum next do_list(struct mailbox *m, size_t index)
{
	(void)index;
	enum inbox_result result = inbox_list(&m->inbox);
	if (result != INBOX_OK)
		return answered(m, result);
	mailbox_show_list(m);
	return NEXT_COMMAND;
}

static enum next do_retr(struct mailbox *m, size_t index)
{
	enum inbox_result result = mailbox_show_mail(m, index);

	return result == INBOX_OK ? NEXT_COMMAND : answered(m, result);
}

static enum next do_dele(struct mailbox *m, size_t index)
{
	return answered(m, inbox_mark(&m->inbox, index));
}

static enum next do_rset(struct mailbox *m, size_t index)
{
	(void)index;
	return answered(m, inbox_unmark(&m->inbox));
}

/* Whatever the server says to it, it is the last word. */
static enum next do_quit(struct mailbox *m, size_t index)
{
	(void)index;
	mailbox_tell(m, inbox_quit(&m->inbox) == INBOX_LOST ? "Error in managing mail: " : "");
	return NEXT_END;
}

static const struct command {
	const char *name;
	bool numbered; /* takes a mail's number */
	enum next (*run)(struct mailbox *m, size_t index);
} commands[] = {
	{ "STAT", false, do_stat }, { "LIST", false, do_list }, { "RETR", true, do_retr },
	{ "DELE", true, do_dele },  { "RSET", false, do_rset }, { "QUIT", false, do_quit },
};

static const struct command *find_command(struct slice name)
{
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (slice_equal_text_nocase(name, commands[i].name))
			return &commands[i];
	}
	return NULL;
}

/* ---- the prompt ---- */

static void say_line(struct mailbox *m, const char *text)
{
	screen_say_line(&m->client->screen, text);
}

/* Behind RETR or DELE, or asked for; what is no number of the list is told, and the prompt comes again. */
static enum next run_numbered(struct mailbox *m, const struct command *command, struct slice typed)
{
	const struct course_client *texts = &m->client->course->client;
	enum prompt_answer answer = PROMPT_OK;
	enum next next = NEXT_COMMAND;
	struct buf line;
	size_t index;

	buf_init(&line, MAILBOX_ANSWER_MAX);
	if (typed.len == 0) {
		answer = prompt_line(&m->client->prompt, texts->ask_number, &line);
		typed = slice_trim(buf_slice(&line));
	}
	screen_flush(&m->client->screen);
	if (answer == PROMPT_END)
		next = NEXT_END;
	else if (answer == PROMPT_OK && mailbox_read_number(m, typed, &index))
		next = command->run(m, index);
	else
		say_line(m, texts->out_of_range);
	buf_release(&line);
	return next;
}

static enum next run_line(struct mailbox *m, struct slice line)
{
	const struct command *command = find_command(slice_word(&line));

	line = slice_trim(line);
	if (command && command->numbered)
		return run_numbered(m, command, line);
	if (command && line.len == 0) {
		screen_flush(&m->client->screen);
		return command->run(m, 0);
	}
	say_line(m, m->client->course->client.no_command);
	return NEXT_COMMAND;
}

static enum next ask_command(struct mailbox *m)
{
	const struct course_client *texts = &m->client->course->client;
	enum next next = NEXT_COMMAND;
	struct buf line;

	buf_init(&line, MAILBOX_ANSWER_MAX);
	enum prompt_answer answer = prompt_line(&m->client->prompt, texts->ask_command, &line);
	if (answer == PROMPT_END)
		next = NEXT_END;
	else if (answer == PROMPT_TOO_LONG)
		say_line(m, texts->no_command);
	else if (slice_trim(buf_slice(&line)).len > 0)
		next = run_line(m, buf_slice(&line));
	buf_release(&line);
	return next;
}

/* ---- the login ---- */

/* Until name and password are right; without a name back to the menu. */
static enum next log_in(struct mailbox *m)
{
	struct client *client = m->client;
	const struct course_client *texts = &client->course->client;
	bool asked_for = client->credentials.name.len > 0;

	for (;;) {
		enum inbox_result result = asked_for ? mailbox_open(m) : INBOX_REFUSED;
		if (result == INBOX_OK)
			return NEXT_COMMAND;
		if (asked_for)
			mailbox_tell(m, "Error in reading mailbox: ");
		if (result == INBOX_LOST)
			return NEXT_MENU;
		if (asked_for)
			say_line(m, texts->login_again);
		if (credentials_ask_again(&client->credentials, &client->prompt, texts) == PROMPT_END)
			return NEXT_END;
		if (client->credentials.name.len == 0)
			return NEXT_MENU;
		asked_for = true;
	}
}

bool mailbox_prompt(struct client *client)
{
	struct mailbox m;

	mailbox_init(&m, client);
	enum next next = log_in(&m);
	if (next == NEXT_COMMAND) {
		screen_show_line(&client->screen, "", inbox_greeting(&m.inbox));
		mailbox_show_list(&m);
	}
	while (next == NEXT_COMMAND)
		next = ask_command(&m);
	mailbox_release(&m);
	return next != NEXT_END;
}
