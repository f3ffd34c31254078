/*
 * Any mail: its view is made within the limits, and nothing in it drives a terminal.
 */
#include "client/attachment.h"
#include "client/mime_view.h"
#include "terminal/visible.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_visible(struct slice text)
{
	struct visible v;
	struct buf out;

	buf_init(&out, text.len * VISIBLE_GROWTH + 16);
	visible_init(&v, VISIBLE_TEXT, NULL);
	check(visible_push(&v, text, &out) && visible_finish(&v, &out));
	for (size_t i = 0; i < out.len; i++) {
		unsigned char c = (unsigned char)out.data[i];
		check((c >= 0x20 && c != 0x7F) || c == '\n' || c == '\t');
	}
	buf_release(&out);
}

static void check_name(const char *name)
{
	char safe[ATTACHMENT_NAME_MAX + 1];

	attachment_name(slice_str(name), 1, safe);
	check(safe[0] != '\0' && safe[0] != '.' && safe[0] != '-' && !strchr(safe, '/'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "MIME-Version: 1.0\n";
	struct mime_view v;
	struct buf mail;

	buf_init(&mail, size + sizeof start);
	check(buf_append(&mail, start, sizeof start - 1) && buf_append(&mail, data, size));
	mime_view_init(&v);
	if (mime_view_make(&v, buf_slice(&mail))) {
		check_visible(buf_slice(&v.text));
		check(v.count <= MIME_TREE_PARTS_MAX);
		for (size_t i = 0; i < v.count; i++)
			check_name(v.attachments[i].name);
	}
	mime_view_release(&v);
	buf_release(&mail);
	return 0;
}
