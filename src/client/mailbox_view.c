/*
 * mailbox_view: looking at the mailbox. See mailbox_view.h.
 */
#include "client/mailbox_view.h"

#include "client/mail_list.h"
#include "client/inbox.h"

enum {
	SHOWN_WHOLE_MAX = 16 * 1024 * 1024, /* a larger mail is printed while it still comes */
	ANSWER_MAX = 256,
};

/* What happens after a step. */
enum next { NEXT_LIST, NEXT_MENU, NEXT_END };

struct view {
	struct client *client;
	struct inbox inbox;
	struct buf mail; /* the beginning of the mail under way */
	bool printing;   /* it passed SHOWN_WHOLE_MAX */
};

/* ---- a mail ---- */

static void print_mail(struct view *v, struct slice text)
{
	if (!v->printing) {
		progress_end(&v->inbox.progress);
		screen_mail_begin(&v->client->screen);
		screen_mail(&v->client->screen, buf_slice(&v->mail));
		buf_release(&v->mail);
		v->printing = true;
	}
	screen_mail(&v->client->screen, text);
}

static void take_text(void *owner, const char *octets, size_t n)
{
	struct view *v = owner;

	if (v->printing || !buf_append(&v->mail, octets, n))
		print_mail(v, slice_make(octets, n));
}

static enum inbox_result show_mail(struct view *v, size_t index)
{
	const struct pop3_client_sink reader = { .text = take_text, .owner = v };

	v->printing = false;
	screen_flush(&v->client->screen);
	enum inbox_result result = inbox_read(&v->inbox, index, &reader);
	if (result == INBOX_OK)
		print_mail(v, slice_make("", 0));
	if (v->printing)
		screen_mail_end(&v->client->screen);
	buf_release(&v->mail);
	return result;
}

static void tell_trouble(struct view *v, const char *before)
{
	screen_show_line(&v->client->screen, before, buf_slice(&v->inbox.words));
}

/* Whatever was refused or lost, the list that follows is a new one and says how things are. */
static void delete_mail(struct view *v, size_t index)
{
	enum inbox_result result;

	screen_flush(&v->client->screen);
	result = inbox_delete(&v->inbox, index);
	if (result != INBOX_OK)
		tell_trouble(v, "Error in deleting mail: ");
}

static enum next look_at(struct view *v, size_t index)
{
	const struct course_client *texts = &v->client->course->client;
	char key;

	enum inbox_result result = show_mail(v, index);
	if (result != INBOX_OK) {
		tell_trouble(v, "Error in reading mail: ");
		return NEXT_LIST;
	}
	if (prompt_key(&v->client->prompt, texts->after_mail, &key) == PROMPT_END)
		return NEXT_END;
	if (key == texts->delete_key)
		delete_mail(v, index);
	return NEXT_LIST;
}

/* ---- the list ---- */

static void show_list(struct view *v)
{
	const struct course_client *texts = &v->client->course->client;

	mail_list_show(&v->client->screen, texts->list_heading, &v->inbox);
	if (v->inbox.count == 0)
		screen_sayf(&v->client->screen, "%s\n", texts->no_mail);
}

/* A mail's number; false for anything else. */
static bool read_number(const struct view *v, struct slice answer, size_t *index)
{
	uint64_t number;

	if (!slice_number(answer, v->inbox.count, &number) || number == 0)
		return false;
	*index = (size_t)number - 1;
	return true;
}

static enum next ask_number(struct view *v)
{
	const struct course_client *texts = &v->client->course->client;
	enum next next = NEXT_LIST;
	struct buf line;

	buf_init(&line, ANSWER_MAX);
	for (;;) {
		size_t index;
		buf_clear(&line);
		enum prompt_answer answer = prompt_line(&v->client->prompt, texts->ask_number, &line);
		struct slice typed = slice_trim(buf_slice(&line));
		if (answer == PROMPT_END || (answer == PROMPT_OK && slice_equal_text(typed, "-1"))) {
			next = answer == PROMPT_END ? NEXT_END : NEXT_MENU;
			break;
		}
		if (answer == PROMPT_OK && read_number(v, typed, &index)) {
			next = look_at(v, index);
			break;
		}
		screen_sayf(&v->client->screen, "%s\n", texts->out_of_range);
	}
	buf_release(&line);
	return next;
}

static enum next look_at_list(struct view *v)
{
	screen_flush(&v->client->screen);
	if (!inbox_is_open(&v->inbox) && inbox_open(&v->inbox) != INBOX_OK) {
		tell_trouble(v, "Error in reading mailbox: ");
		return NEXT_MENU;
	}
	show_list(v);
	return ask_number(v);
}

bool mailbox_view(struct client *client)
{
	const struct link_options options = { client->server, client->pop3_port, client->connections,
		                              client->transcript };
	struct view v = { .client = client };
	enum next next;

	buf_init(&v.mail, SHOWN_WHOLE_MAX);
	inbox_init(&v.inbox, &options, buf_slice(&client->name), buf_slice(&client->password));
	do
		next = look_at_list(&v);
	while (next == NEXT_LIST);
	screen_flush(&client->screen);
	inbox_close(&v.inbox);
	client->connections = v.inbox.options.connection;
	inbox_release(&v.inbox);
	buf_release(&v.mail);
	return next != NEXT_END;
}
