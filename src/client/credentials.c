/*
 * credentials: name and password. See credentials.h.
 */
#include "client/credentials.h"

void credentials_init(struct credentials *c)
{
	buf_init(&c->name, CREDENTIALS_WORD_MAX);
	buf_init(&c->password, CREDENTIALS_WORD_MAX);
}

static void wipe(struct buf *b)
{
	if (b->cap > 0)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}

void credentials_release(struct credentials *c)
{
	wipe(&c->name);
	wipe(&c->password);
	buf_release(&c->name);
	buf_release(&c->password);
}

/* What is longer than any name or password is asked for again, so that no part of it is ever taken for the whole. */
static enum prompt_answer ask_word(struct prompt *prompt, const char *question, struct buf *word,
                                   enum prompt_answer (*ask)(struct prompt *, const char *, struct buf *))
{
	enum prompt_answer answer;

	while ((answer = ask(prompt, question, word)) == PROMPT_TOO_LONG) {
		buf_clear(word);
		screen_sayf(prompt->screen, "That is longer than %d octets\n", CREDENTIALS_WORD_MAX);
	}
	return answer;
}

static enum prompt_answer ask_name(struct credentials *c, struct prompt *prompt, const struct course_client *texts)
{
	wipe(&c->name);
	wipe(&c->password);
	/* Reserved at once, so that no growing buffer leaves a copy of the password behind. */
	if (!buf_reserve(&c->name, CREDENTIALS_WORD_MAX) || !buf_reserve(&c->password, CREDENTIALS_WORD_MAX))
		return PROMPT_END;
	return ask_word(prompt, texts->ask_name, &c->name, prompt_line);
}

static enum prompt_answer ask_password(struct credentials *c, struct prompt *prompt, const struct course_client *texts)
{
	return ask_word(prompt, texts->ask_password, &c->password, prompt_secret);
}

enum prompt_answer credentials_ask(struct credentials *c, struct prompt *prompt, const struct course_client *texts)
{
	enum prompt_answer answer = ask_name(c, prompt, texts);

	return answer == PROMPT_OK ? ask_password(c, prompt, texts) : answer;
}

enum prompt_answer credentials_ask_again(struct credentials *c, struct prompt *prompt,
                                         const struct course_client *texts)
{
	enum prompt_answer answer = ask_name(c, prompt, texts);

	return answer == PROMPT_OK && c->name.len > 0 ? ask_password(c, prompt, texts) : answer;
}
