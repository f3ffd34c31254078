/*
 * mail_mbox_fuzz: an mbox file of anybody's: every cut gives the same mails, and these, written and read again, are as they were.
 */
#include <stdint.h>
#include <stdlib.h>

#include "admin/mail_mbox.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 16 * 1024 * 1024 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* What came out, told apart; and written anew. */
struct seen {
	struct buf told;
	struct buf file;
	struct mail_mbox_writer writer;
};

static void to_file(void *owner, const char *octets, size_t n)
{
	check(buf_append(&((struct seen *)owner)->file, octets, n));
}

static void begin(void *owner)
{
	struct seen *s = owner;
	check(buf_append(&s->told, "\0b", 2));
	mail_mbox_writer_begin(&s->writer, (struct mail_mbox_out){ .text = to_file, .owner = s }, slice_str(""), 0);
}

static void text(void *owner, const char *octets, size_t n)
{
	struct seen *s = owner;
	check(n > 0 && buf_append(&s->told, octets, n));
	mail_mbox_writer_push(&s->writer, octets, n);
}

static void end(void *owner)
{
	struct seen *s = owner;
	check(buf_append(&s->told, "\0e", 2));
	/* A mail's last line is complete in a store. */
	if (s->told.data[s->told.len - 3] != '\n')
		mail_mbox_writer_push(&s->writer, "\n", 1);
	mail_mbox_writer_finish(&s->writer);
}

static struct seen read_mails(struct slice file, size_t step, bool keep_quotes)
{
	struct seen s;
	struct mail_mbox_reader r = {
		.begin = begin, .text = text, .end = end, .owner = &s, .keep_quotes = keep_quotes
	};
	buf_init(&s.told, OUT_MAX);
	buf_init(&s.file, OUT_MAX);
	mail_mbox_reader_init(&r);
	for (size_t at = 0; at < file.len; at += step)
		mail_mbox_reader_push(&r, file.ptr + at, step < file.len - at ? step : file.len - at);
	mail_mbox_reader_finish(&r);
	return s;
}

static void release(struct seen *s)
{
	buf_release(&s->told);
	buf_release(&s->file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 256 * 1024)
		return 0;
	struct slice file = slice_make((const char *)data + 1, size - 1);
	bool keep_quotes = data[0] & 1;
	struct seen whole = read_mails(file, size, keep_quotes);
	struct seen pieces = read_mails(file, 1 + data[0] / 2, keep_quotes);
	check(slice_equal(buf_slice(&whole.told), buf_slice(&pieces.told)));
	struct seen again = read_mails(buf_slice(&whole.file), 4096, false);
	struct seen twice = read_mails(buf_slice(&again.file), 3, false);
	check(slice_equal(buf_slice(&again.file), buf_slice(&whole.file)));
	check(slice_equal(buf_slice(&again.told), buf_slice(&twice.told)));
	release(&whole);
	release(&pieces);
	release(&again);
	release(&twice);
	return 0;
}
