/*
 * Course files of any text: a course with all its texts, or an error with its text.
 */
#include "course/course_file.h"

#include "base/slice.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_course(const struct course *c)
{
	if (!c->registration)
		check(c->users_file[0] && !strchr(c->users_file, '/') && c->mailbox[0] && !strchr(c->mailbox, '/'));
	for (size_t i = 0; i < c->verbs_len; i++)
		check(c->verbs[i].spelling[0] && !strchr(c->verbs[i].spelling, ' ') && c->verbs[i].means[0]);
	for (size_t i = 0; i < c->programs_len; i++)
		check(c->programs[i].name[0] && !strchr(c->programs[i].name, '/') && c->programs[i].program[0]);
	check(c->client.menu_len > 0 && c->client.menu_len <= COURSE_MENU_MAX);
	check(c->client.ask_name && c->client.no_mail && c->client.menu_mark && c->client.delete_key);
	for (size_t i = 0; i < REPLY_COUNT; i++)
		check(c->replies[i].code / 100 == replies_default[i].code / 100 && c->replies[i].text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault why = { .kind = FAULT_NONE };
	char *text = slice_dup(slice_make((const char *)data, size));
	check(text != NULL);
	struct course *c = course_file_parse("fuzz", "fuzz.conf", text, &why);
	if (c)
		check_course(c);
	else
		check(why.kind != FAULT_NONE && why.text[0]);
	course_free(c);
	free(text);
	return 0;
}
