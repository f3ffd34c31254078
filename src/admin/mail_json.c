/*
 * mail_json: `postroom mail list --json`: the table's fields, for programs. See mail_look.h.
 */
#include "admin/mail_look.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "admin/admin.h"
#include "admin/mail_head.h"
#include "admin/mail_place.h"
#include "base/buf.h"
#include "terminal/visible.h"

enum { TEXT_MAX = 2 * VISIBLE_GROWTH * SUMMARY_TEXT_MAX, ROW_MAX = 4 * TEXT_MAX };

/* A mail's text may be anything: what is no character comes as the list shows it. */
static void add_text(struct buf *out, const char *text)
{
	struct buf shown;
	struct visible v;
	buf_init(&shown, TEXT_MAX);
	visible_init(&v, VISIBLE_LINE, NULL);
	visible_push(&v, slice_str(text), &shown);
	visible_finish(&v, &shown);
	buf_append_json(out, buf_slice(&shown));
	buf_release(&shown);
}

/* RFC 3339; null where it is not known. */
static void add_time(struct buf *out, const char *name, bool known, time_t when)
{
	char text[32] = "";
	struct tm utc;
	known = known && gmtime_r(&when, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0;
	buf_printf(out, known ? ",\"%s\":\"%s\"" : ",\"%s\":null", name, text);
}

static bool take_head(void *owner, const char *octets, size_t n)
{
	return mail_head_push(owner, octets, n);
}

static void add_mail(struct buf *out, size_t i, const struct mail_info *info, const struct mail_head *head)
{
	buf_printf(out, "{\"number\":%zu", i + 1);
	add_time(out, "date", head->has_when, head->when);
	buf_append_text(out, ",\"from\":");
	add_text(out, head->summary.from);
	buf_append_text(out, ",\"subject\":");
	add_text(out, head->summary.subject);
	buf_printf(out, ",\"octets\":%" PRIu64 ",\"id\":\"%s\"", info->octets, info->uid);
	add_time(out, "received", info->received > 0, info->received);
	if (info->until > 0)
		add_time(out, "undelete_until", true, info->until);
	buf_append_char(out, '}');
}

static bool print_mail(struct maildrop *m, size_t i, struct buf *out, struct fault *why)
{
	struct mail_info info;
	struct mail_head head;
	mail_head_init(&head);
	bool good = m->ops->info(m, i, true, &info, why) == STORE_GOT && mail_place_read(m, i, take_head, &head, why);
	mail_head_finish(&head);
	buf_clear(out);
	if (good)
		add_mail(out, i, &info, &head);
	mail_head_release(&head);
	return good;
}

int mail_look_json(struct maildrop *m)
{
	struct fault why;
	struct buf out;
	size_t lost = 0;
	const char *between = "[";
	buf_init(&out, ROW_MAX);
	for (size_t i = 0; i < m->ops->count(m); i++) {
		if (!print_mail(m, i, &out, &why)) {
			lost++;
			continue;
		}
		printf("%s\n%.*s", between, (int)out.len, out.data);
		between = ",";
	}
	puts(*between == '[' ? "[]" : "\n]");
	buf_release(&out);
	if (lost == 0)
		return EX_OK;
	return admin_fail(EX_TEMPFAIL, "%zu of the mails could not be read: %s", lost, why.text);
}
