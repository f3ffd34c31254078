/*
 * mail_pick: see mail_pick.h. A word of 32 signs or more is an id: no mailbox has that many mails.
 */
#include "admin/mail_pick.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "admin/admin.h"
#include "admin/mail_place.h"

enum { ID_LEN = 2 * DRAFT_HASH };

struct range {
	uint64_t first; /* from 1 */
	uint64_t last;
};

static bool read_number(struct slice text, uint64_t *number)
{
	return slice_number(text, UINT32_MAX, number) && *number > 0;
}

/* "3" or "3-7" */
static bool read_range(const char *word, struct range *range)
{
	struct slice text = slice_str(word);
	size_t hyphen = slice_find(text, '-');
	if (!read_number(slice_make(text.ptr, hyphen), &range->first))
		return false;
	range->last = range->first;
	return hyphen == text.len ||
	       (read_number(slice_skip(text, hyphen + 1), &range->last) && range->first <= range->last);
}

static int find_id(struct maildrop *m, const char *word, struct range *range)
{
	struct mail_info info;
	struct fault why;
	size_t count = m->ops->count(m);
	for (size_t i = 0; i < count; i++) {
		if (m->ops->info(m, i, true, &info, &why) != STORE_GOT)
			return mail_place_fail(&why);
		if (strcasecmp(info.uid, word) == 0) {
			*range = (struct range){ .first = i + 1, .last = i + 1 };
			return EX_OK;
		}
	}
	return admin_fail(EX_NOINPUT, "there is no mail with the unique id %s", word);
}

static int find(struct maildrop *m, const char *word, struct range *range)
{
	if (strlen(word) >= ID_LEN)
		return find_id(m, word, range);
	if (!read_range(word, range))
		return admin_fail(EX_USAGE, "'%s' means no mail: give a number (3), a range (3-7) or a unique id",
		                  word);
	if (range->last > m->ops->count(m))
		return admin_fail(EX_NOINPUT, "there is no mail %llu: the mailbox has %zu",
		                  (unsigned long long)range->last, m->ops->count(m));
	return EX_OK;
}

int mail_pick(struct maildrop *m, char *const *words, size_t count, unsigned char *marks)
{
	struct range range;
	for (size_t k = 0; k < count; k++) {
		int status = find(m, words[k], &range);
		if (status != EX_OK)
			return status;
		for (uint64_t i = range.first - 1; i < range.last; i++)
			marks[i / 8] |= (unsigned char)(1u << (i % 8));
	}
	return EX_OK;
}

int mail_pick_one(struct maildrop *m, const char *word, size_t *i)
{
	struct range range = { .first = 1, .last = 1 };
	int status = find(m, word, &range);
	if (status == EX_OK && range.first != range.last)
		return admin_fail(EX_USAGE, "'%s' means several mails: give one", word);
	*i = (size_t)range.first - 1;
	return status;
}
