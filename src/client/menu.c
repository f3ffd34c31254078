/*
 * menu: the client's beginning and its middle: name, password, and the course's entries until one of them is Quit.
 * See client.h.
 */
#include "client/client.h"

#include "client/mailbox_view.h"
#include "client/post.h"

static void show_menu(struct client *client)
{
	const struct course_client *texts = &client->course->client;

	for (size_t i = 0; i < texts->menu_len; i++)
		screen_sayf(&client->screen, "%c%s%s\n", texts->menu[i].key, texts->menu_mark, texts->menu[i].label);
}

static const struct course_menu_entry *find_entry(const struct course_client *texts, char key)
{
	for (size_t i = 0; i < texts->menu_len; i++) {
		if (texts->menu[i].key == key)
			return &texts->menu[i];
	}
	return NULL;
}

/* False: the program is over. */
static bool run_entry(struct client *client, enum course_action action)
{
	switch (action) {
	case ACTION_MANAGE:
		return mailbox_view(client);
	case ACTION_SEND:
		return post_mail(client);
	default:
		return false;
	}
}

/* One round; what is in no entry shows the menu again. */
static bool choose(struct client *client)
{
	const struct course_client *texts = &client->course->client;
	char key;

	show_menu(client);
	if (prompt_key(&client->prompt, texts->ask_choice, &key) == PROMPT_END)
		return false;
	const struct course_menu_entry *entry = find_entry(texts, key);
	return !entry || run_entry(client, entry->action);
}

/* What is longer than any name or password is asked for again, so that no part of it is ever taken for the whole. */
static bool ask_word(struct client *client, const char *question, struct buf *word,
                     enum prompt_answer (*ask)(struct prompt *, const char *, struct buf *))
{
	enum prompt_answer answer;

	while ((answer = ask(&client->prompt, question, word)) == PROMPT_TOO_LONG) {
		buf_clear(word);
		screen_sayf(&client->screen, "That is longer than %d octets\n", CLIENT_WORD_MAX);
	}
	return answer == PROMPT_OK;
}

static bool ask_who(struct client *client)
{
	const struct course_client *texts = &client->course->client;

	/* Reserved at once, so that no growing buffer leaves a copy of the password behind. */
	return buf_reserve(&client->name, CLIENT_WORD_MAX) && buf_reserve(&client->password, CLIENT_WORD_MAX) &&
	       ask_word(client, texts->ask_name, &client->name, prompt_line) &&
	       ask_word(client, texts->ask_password, &client->password, prompt_secret);
}

static void forget(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

void client_run(struct client *client)
{
	buf_init(&client->name, CLIENT_WORD_MAX);
	buf_init(&client->password, CLIENT_WORD_MAX);
	if (ask_who(client)) {
		while (choose(client))
			continue;
	}
	screen_flush(&client->screen);
	forget(&client->name);
	forget(&client->password);
	prompt_release(&client->prompt);
}
