/*
 * mailbox_view: looking at the mailbox. See mailbox_view.h.
 */
#include "client/mailbox_view.h"

#include "client/mailbox.h"

/* What happens after a step. */
enum next { NEXT_LIST, NEXT_MENU, NEXT_END };

/* Whatever was refused or lost, the list that follows is a new one and says how things are. */
static void delete_mail(struct mailbox *m, size_t index)
{
	screen_flush(&m->client->screen);
	if (inbox_delete(&m->inbox, index) != INBOX_OK)
		mailbox_tell(m, "Error in deleting mail: ");
}

static enum next look_at(struct mailbox *m, size_t index)
{
	const struct course_client *texts = &m->client->course->client;
	char key;

	if (mailbox_show_mail(m, index) != INBOX_OK) {
		mailbox_tell(m, "Error in reading mail: ");
		return NEXT_LIST;
	}
	for (;;) {
		if (prompt_key(&m->client->prompt, texts->after_mail, &key) == PROMPT_END)
			return NEXT_END;
		if (key != texts->save_key || key == '\0')
			break;
		mailbox_save_attachments(m);
	}
	if (key == texts->delete_key)
		delete_mail(m, index);
	return NEXT_LIST;
}

static enum next ask_number(struct mailbox *m)
{
	const struct course_client *texts = &m->client->course->client;
	enum next next = NEXT_LIST;
	struct buf line;

	buf_init(&line, MAILBOX_ANSWER_MAX);
	for (;;) {
		size_t index;
		buf_clear(&line);
		enum prompt_answer answer = prompt_line(&m->client->prompt, texts->ask_number, &line);
		struct slice typed = slice_trim(buf_slice(&line));
		if (answer == PROMPT_END || (answer == PROMPT_OK && slice_equal_text(typed, "-1"))) {
			next = answer == PROMPT_END ? NEXT_END : NEXT_MENU;
			break;
		}
		if (answer == PROMPT_OK && mailbox_read_number(m, typed, &index)) {
			next = look_at(m, index);
			break;
		}
		screen_sayf(&m->client->screen, "%s\n", texts->out_of_range);
	}
	buf_release(&line);
	return next;
}

static enum next look_at_list(struct mailbox *m)
{
	if (!inbox_is_open(&m->inbox) && mailbox_open(m) != INBOX_OK) {
		mailbox_tell(m, "Error in reading mailbox: ");
		return NEXT_MENU;
	}
	mailbox_show_list(m);
	return ask_number(m);
}

bool mailbox_view(struct client *client)
{
	struct mailbox m;
	enum next next;

	mailbox_init(&m, client);
	do
		next = look_at_list(&m);
	while (next == NEXT_LIST);
	mailbox_release(&m);
	return next != NEXT_END;
}
