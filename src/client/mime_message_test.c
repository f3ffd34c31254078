/*
 * Files of every length come out as BASE64 in lines, of the size that was said before; a file that changes under way is never sent as if it had not.
 */
#include "client/mime_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <gmime/gmime.h>

enum { HEAD_MAX = 1000, ALL_MAX = 1024 * 1024 };

static const char first[] = "Subject: s\n\n", last[] = "\n--b--\n";

/* A file, twice, between two texts. */
struct rig {
	FILE *file;
	struct mime_file described;
	struct mime_message message;
	struct buf sent;
	struct fault why;
};

static void rig_init(struct rig *r, size_t size)
{
	*r = (struct rig){ .file = tmpfile() };
	for (size_t i = 0; i < size; i++)
		putc((int)(i * 7919 >> 3 & 0xFF), r->file);
	fflush(r->file);
	r->described = (struct mime_file){ "file", fileno(r->file) };
	buf_init(&r->sent, ALL_MAX);
	assert_true(mime_message_init(&r->message, 4, HEAD_MAX));
	buf_append_text(&mime_message_add(&r->message)->head, first);
	for (size_t i = 0; i < 2; i++)
		assert_true(mime_message_add_file(&r->message, mime_message_add(&r->message), &r->described, &r->why));
	buf_append_text(&mime_message_add(&r->message)->head, last);
}

static void rig_release(struct rig *r)
{
	mime_message_release(&r->message);
	buf_release(&r->sent);
	fclose(r->file);
}

/* False: it broke off. */
static bool send_all(struct rig *r)
{
	struct slice piece;

	do {
		if (!mime_message_next(&r->message, &piece, &r->why))
			return false;
		assert_true(buf_append_slice(&r->sent, piece));
	} while (piece.len > 0);
	return true;
}

/* With nothing of ours. */
static void put_encoded(struct buf *out, size_t size)
{
	unsigned char *octets = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		octets[i] = (unsigned char)(i * 7919 >> 3 & 0xFF);
	char *encoded = g_base64_encode(octets, size);
	struct slice rest = slice_str(encoded);
	for (; rest.len > 0; rest = slice_skip(rest, 76)) {
		buf_append(out, rest.ptr, rest.len < 76 ? rest.len : 76);
		buf_append_char(out, '\n');
	}
	g_free(encoded);
	free(octets);
}

static void comes_out(size_t size)
{
	struct rig r;
	struct buf expected;

	rig_init(&r, size);
	buf_init(&expected, ALL_MAX);
	buf_append_text(&expected, first);
	put_encoded(&expected, size);
	put_encoded(&expected, size);
	buf_append_text(&expected, last);
	struct smtp_client_more text = mime_message_text(&r.message);
	assert_true(send_all(&r));
	assert_int_equal(r.sent.len, expected.len);
	assert_memory_equal(r.sent.data, expected.data, expected.len);
	assert_int_equal(text.octets, mime_message_octets(buf_slice(&expected)));
	buf_release(&expected);
	rig_release(&r);
}

static void files_of_all_lengths_come_out(void **state)
{
	(void)state;
	for (size_t size = 0; size < 180; size++)
		comes_out(size);
	/* Around the ends of what is read at a time. */
	for (size_t pieces = 1; pieces <= 3; pieces++) {
		for (size_t near = 0; near < 7; near++)
			comes_out(pieces * 60 * 1024 - 3 + near);
	}
}

static void grow(struct rig *r)
{
	assert_int_equal(pwrite(fileno(r->file), "x", 1, 700000), 1);
}

static void shrink(struct rig *r)
{
	assert_int_equal(ftruncate(fileno(r->file), 100000), 0);
}

/* Of the same length, and as if it had been done a second later. */
static void overwrite(struct rig *r)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, r->message.pieces[1].changed };

	assert_int_equal(pwrite(fileno(r->file), "x", 1, 0), 1);
	times[1].tv_sec++;
	assert_int_equal(futimens(fileno(r->file), times), 0);
}

static void a_file_that_changes_ends_the_mail(void **state)
{
	static void (*const changes[])(struct rig *) = { grow, shrink, overwrite };
	(void)state;

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		struct rig r;
		struct slice piece;
		rig_init(&r, 200000);
		for (size_t n = 0; n < 3; n++)
			assert_true(mime_message_next(&r.message, &piece, &r.why));
		changes[i](&r);
		assert_false(send_all(&r));
		assert_int_equal(r.why.kind, FAULT_TEMPORARY);
		assert_string_equal(r.why.text, "file was changed while it was sent: the mail is given up");
		/* No more than was said. */
		assert_true(r.sent.len < 2 * 200000);
		/* Nothing of what would have come behind the file. */
		assert_null(r.sent.len ? memmem(r.sent.data, r.sent.len, last, sizeof last - 1) : NULL);
		rig_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_of_all_lengths_come_out),
		cmocka_unit_test(a_file_that_changes_ends_the_mail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
