/*
 * menu: the client's beginning and its middle: who the user is, and the course's entries until one of them is Quit.
 * See client.h.
 */
#include "client/client.h"

#include "client/mailbox_prompt.h"
#include "client/mailbox_view.h"
#include "client/menu_key.h"
#include "client/post.h"
#include "client/registration.h"

static void show_menu(struct client *client)
{
	const struct course_client *texts = &client->course->client;

	for (size_t i = 0; i < texts->menu_len; i++)
		screen_sayf(&client->screen, "%c%s%s\n", texts->menu[i].key, texts->menu_mark, texts->menu[i].label);
}

/* False: the program is over. */
static bool run_entry(struct client *client, enum course_action action)
{
	switch (action) {
	case ACTION_MANAGE:
		return client->course->command_prompt ? mailbox_prompt(client) : mailbox_view(client);
	case ACTION_SEND:
		return post_mail(client);
	case ACTION_RETRIEVE:
		registration_retrieve(client);
		return true;
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
	const struct course_menu_entry *entry = menu_key_find(texts, key);
	return !entry || run_entry(client, entry->action);
}

/* Where clients register, a server that cannot be reached now may be there at the next choice. */
static bool begin(struct client *client)
{
	if (client->course->registration) {
		registration_renew(client);
		return true;
	}
	return credentials_ask(&client->credentials, &client->prompt, &client->course->client) == PROMPT_OK;
}

void client_use_credentials(struct client *client)
{
	client->account.name = buf_slice(&client->credentials.name);
	client->account.password = buf_slice(&client->credentials.password);
}

static void warn(void *owner, const char *text)
{
	struct client *client = owner;

	screen_sayf(&client->screen, "%s\n", text);
	screen_flush(&client->screen);
}

void client_run(struct client *client)
{
	client->account.warn = warn;
	client->account.owner = client;
	credentials_init(&client->credentials);
	smtp_link_init(&client->smtp, &client->account);
	if (begin(client)) {
		while (choose(client))
			continue;
	}
	screen_flush(&client->screen);
	smtp_link_close(&client->smtp);
	smtp_link_release(&client->smtp);
	credentials_release(&client->credentials);
	prompt_release(&client->prompt);
}
