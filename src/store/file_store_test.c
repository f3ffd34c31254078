/*
 * file_store_test: the store's promises on mailbox files, and what only files can suffer: other programs, crashes, links, a full disk.
 */
#include "store/store_suite.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/mailbox.h"
#include "store/marks.h"
#include "store/removal.h"

#define TEXTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static char root[64];
static int root_fd = -1;
static struct fault why;

static struct store *reopen(void)
{
	return file_store_new(root_fd, "mymailbox", &why);
}

static struct store *make(void)
{
	snprintf(root, sizeof root, "/tmp/file-store-XXXXXX");
	assert_non_null(mkdtemp(root));
	root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0);
	return reopen();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void wipe(void)
{
	close(root_fd);
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int set_up(void **state)
{
	*state = make();
	return 0;
}

static int tear_down(void **state)
{
	struct store *s = *state;
	s->ops->free(s);
	wipe();
	return 0;
}

static const char *path_of(const char *name)
{
	/* Two may stand in one call. */
	static char paths[2][128];
	static size_t turn;
	char *path = paths[turn++ % 2];
	snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

/* As another program would: in place, without a lock. */
static void write_file(const char *name, const char *mode, const char *text, size_t n)
{
	FILE *f = fopen(path_of(name), mode);
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void write_text(const char *name, const char *mode, const char *text)
{
	write_file(name, mode, text, strlen(text));
}

static void expect_file(const char *name, const char *text)
{
	char got[4096] = "";
	FILE *f = fopen(path_of(name), "r");
	assert_non_null(f);
	size_t n = fread(got, 1, sizeof got - 1, f);
	fclose(f);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void file_is_as_the_format_says(void **state)
{
	struct stat st;
	suite_deliver(*state, "alice", "From: a@b\nSubject: x\n..dot\n");
	suite_deliver(*state, "alice", "second\n");
	expect_file("alice/mymailbox", "From: a@b\nSubject: x\n..dot\n.\nsecond\n.\n");
	assert_int_equal(stat(path_of("alice/mymailbox"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of("alice"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void other_programs_mail_counts(void **state)
{
	mkdir(path_of("alice"), 0700);
	write_text("alice/mymailbox", "w", "hand\nwritten\n.\nsecond\n.\n");
	suite_expect_all(*state, "alice", TEXTS("hand\nwritten\n", "second\n"));
	write_text("alice/mymailbox", "a", "third\n.\n");
	suite_deliver(*state, "alice", "fourth\n");
	suite_expect_all(*state, "alice", TEXTS("hand\nwritten\n", "second\n", "third\n", "fourth\n"));
}

static void last_message_without_its_full_stop_counts(void **state)
{
	mkdir(path_of("alice"), 0700);
	write_text("alice/mymailbox", "w", "one\n.\ntwo\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
	write_text("alice/mymailbox", "a", "three without line end");
	suite_deliver(*state, "alice", "four\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n", "three without line end\n", "four\n"));
	write_text("alice/mymailbox", "a", "five\n.");
	suite_deliver(*state, "alice", "six\n");
	expect_file("alice/mymailbox", "one\n.\ntwo\n.\nthree without line end\n.\nfour\n.\nfive\n.\nsix\n.\n");
	assert_false(exists("alice/.mymailbox.torn"));
}

static void typed_text_after_a_delivery_is_kept(void **state)
{
	/* The note of our own finished append must not claim it. */
	suite_deliver(*state, "alice", "a mail of ours that is rather long\n");
	write_text("alice/mymailbox", "w", "short\n.\ntyped");
	suite_expect_all(*state, "alice", TEXTS("short\n", "typed\n"));
	assert_false(exists("alice/.mymailbox.torn"));
}

static void blank_lines_at_the_end_are_no_mail(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	write_text("alice/mymailbox", "a", "\n \n");
	suite_expect_all(*state, "alice", TEXTS("one\n"));
	suite_deliver(*state, "alice", "two\n");
	expect_file("alice/mymailbox", "one\n.\ntwo\n.\n");
}

static void crlf_file_is_read(void **state)
{
	struct mail_info info;
	mkdir(path_of("alice"), 0700);
	write_text("alice/mymailbox", "w", "a: b\r\nc\r\n.\r\nsecond\r\n.\r\n");
	struct maildrop *m = suite_open(*state, "alice");
	assert_int_equal(m->ops->count(m), 2);
	suite_expect(m, 0, "a: b\r\nc\r\n");
	assert_int_equal(m->ops->info(m, 0, true, &info, &why), STORE_GOT);
	assert_int_equal(info.octets, 9);
	m->ops->close(m);
	suite_remove(*state, "alice", 0);
	expect_file("alice/mymailbox", "second\r\n.\r\n");
}

static void nul_and_eight_bit_stay(void **state)
{
	static const char text[] = "nul \0 here\n\xff\xfe\n.\n";
	mkdir(path_of("alice"), 0700);
	write_file("alice/mymailbox", "w", text, sizeof text - 1);
	struct maildrop *m = suite_open(*state, "alice");
	char got[64];
	struct store_span span = { .octets = got, .size = sizeof got };
	assert_int_equal(m->ops->read(m, 0, &span, true, &why), STORE_GOT);
	assert_int_equal(span.got, sizeof text - 3);
	assert_memory_equal(got, text, span.got);
	m->ops->close(m);
}

static void edit_of_equal_size_is_noticed(void **state)
{
	suite_deliver(*state, "alice", "aaaa\n");
	suite_deliver(*state, "alice", "bbbb\n");
	usleep(20000); /* older kernels keep time by the tick */
	write_text("alice/mymailbox", "w", "a\n.\nbbbbb\nbb\n.\n" + 1);
	suite_expect_all(*state, "alice", TEXTS("\n", "bbbbb\nbb\n"));
}

static void edit_within_a_session_removes_nothing(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	suite_deliver(*state, "alice", "three\n");
	struct maildrop *m = suite_open(*state, "alice");
	write_text("alice/new", "w", "other\n.\ntwo\n.\nthree\n.\n");
	assert_int_equal(rename(path_of("alice/new"), path_of("alice/mymailbox")), 0);
	const unsigned char marks[1] = { 1 };
	assert_false(m->ops->remove(m, marks, &why));
	assert_int_equal(why.kind, FAULT_TEMPORARY);
	m->ops->close(m);
	suite_expect_all(*state, "alice", TEXTS("other\n", "two\n", "three\n"));
}

static void reading_a_moved_mail_is_an_error(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	struct maildrop *m = suite_open(*state, "alice");
	write_text("alice/mymailbox", "w", "x\n.\none\n.\ntwo\n.\n");
	char got[16];
	struct store_span span = { .octets = got, .size = sizeof got };
	assert_int_equal(m->ops->read(m, 1, &span, true, &why), STORE_FAULT);
	assert_int_equal(why.kind, FAULT_TEMPORARY);
	m->ops->close(m);
}

static void reading_a_mail_that_grew_is_an_error(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	struct maildrop *m = suite_open(*state, "alice");
	write_text("alice/mymailbox", "w", "one\nmore\n.\ntwo\n.\n");
	char got[16];
	struct store_span span = { .octets = got, .size = sizeof got };
	assert_int_equal(m->ops->read(m, 0, &span, true, &why), STORE_FAULT);
	m->ops->close(m);
}

static void lost_index_is_rebuilt_with_the_same_ids(void **state)
{
	char before[2][STORE_UID_MAX];
	char after[STORE_UID_MAX];
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	struct maildrop *m = suite_open(*state, "alice");
	suite_uid(m, 0, before[0]);
	suite_uid(m, 1, before[1]);
	m->ops->close(m);
	assert_int_equal(unlink(path_of("alice/.mymailbox.index")), 0);
	m = suite_open(*state, "alice");
	for (size_t i = 0; i < 2; i++) {
		suite_uid(m, i, after);
		assert_string_equal(before[i], after);
	}
	m->ops->close(m);
}

static void hand_edit_keeps_the_ordinals_of_equal_mails(void **state)
{
	char before[STORE_UID_MAX];
	char after[STORE_UID_MAX];
	suite_deliver(*state, "alice", "equal\n");
	suite_deliver(*state, "alice", "equal\n");
	struct maildrop *m = suite_open(*state, "alice");
	suite_uid(m, 1, before);
	m->ops->close(m);
	suite_remove(*state, "alice", 0);
	write_text("alice/mymailbox", "a", "typed\n.\n");
	m = suite_open(*state, "alice");
	suite_uid(m, 0, after);
	assert_string_equal(before, after);
	m->ops->close(m);
}

static void spoilt_index_is_not_believed(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	for (long at = 0; at < 1024 + 2 * 56; at += 8) {
		suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
		int fd = open(path_of("alice/.mymailbox.index"), O_RDWR);
		assert_true(fd >= 0);
		char octet;
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x55;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		close(fd);
		/* Wrong records are found when they are read: the session then fails, and nothing wrong is told. */
		struct maildrop *m = suite_open(*state, "alice");
		struct mail_info info;
		assert_int_equal(m->ops->count(m), 2);
		for (size_t i = 0; i < 2; i++) {
			if (m->ops->info(m, i, true, &info, &why) == STORE_GOT)
				suite_expect(m, i, i == 0 ? "one\n" : "two\n");
		}
		m->ops->close(m);
		unlink(path_of("alice/.mymailbox.index"));
	}
}

/* A record that is wrong inside a good header: removal must not believe it either. */
static void removal_with_a_spoilt_record_removes_nothing(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	struct maildrop *m = suite_open(*state, "alice");
	int fd = open(path_of("alice/.mymailbox.index"), O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, 1024 + 8), 1);
	close(fd);
	const unsigned char marks[1] = { 2 };
	assert_false(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
}

/* What kill -9 in mid append leaves: an open note and a part of what it told of. */
static void leave_note(uint64_t offset, uint64_t length, bool open_state)
{
	const struct mailbox_place place = { .root = root_fd, .mail = "mymailbox" };
	struct mailbox box;
	struct file_look look;
	assert_true(mailbox_open(&box, &place, "alice", &why));
	assert_true(file_look_at(box.dir, "mymailbox", &look));
	struct append_note note = { .open = open_state,
		                    .inode = look.inode,
		                    .birth = look.birth,
		                    .offset = offset,
		                    .length = length,
		                    .chain = 42 };
	assert_true(mailbox_write_note(&box, &note, &why));
	mailbox_close(&box);
}

static void unfinished_append_is_set_aside(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	write_text("alice/mymailbox", "a", "torn mail that was never ackno");
	leave_note(8, 1000, true);
	suite_expect_all(*state, "alice", TEXTS("whole\n"));
	expect_file("alice/mymailbox", "whole\n.\n");
	expect_file("alice/.mymailbox.torn", "torn mail that was never ackno");
	suite_deliver(*state, "alice", "next\n");
	suite_expect_all(*state, "alice", TEXTS("whole\n", "next\n"));
}

static void unfinished_batch_is_set_aside_whole(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	write_text("alice/mymailbox", "a", "first of the batch\n.\nsecond of");
	leave_note(8, 1000, true);
	suite_deliver(*state, "alice", "next\n");
	expect_file("alice/mymailbox", "whole\n.\nnext\n.\n");
	expect_file("alice/.mymailbox.torn", "first of the batch\n.\nsecond of");
}

static void note_of_an_edited_file_claims_nothing(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	leave_note(8, 1000, true);
	write_text("alice/mymailbox", "w", "somebody rewrote it\n.\nall\n.\n");
	suite_expect_all(*state, "alice", TEXTS("somebody rewrote it\n", "all\n"));
	write_text("alice/mymailbox", "a", "and typed on");
	suite_expect_all(*state, "alice", TEXTS("somebody rewrote it\n", "all\n", "and typed on\n"));
	assert_false(exists("alice/.mymailbox.torn"));
}

static void note_before_nothing_was_written_is_settled(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	leave_note(8, 1000, true);
	suite_expect_all(*state, "alice", TEXTS("whole\n"));
	write_text("alice/mymailbox", "a", "typed\n");
	suite_expect_all(*state, "alice", TEXTS("whole\n", "typed\n"));
}

static void links_are_not_followed(void **state)
{
	struct store *s = *state;
	mkdir(path_of("alice"), 0700);
	write_text("outside", "w", "secret\n.\n");
	assert_int_equal(symlink("../outside", path_of("alice/mymailbox")), 0);
	struct draft *d = suite_draft(s, "x\n");
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	assert_null(s->ops->open(s, "alice", "x", &why));
	unlink(path_of("alice/mymailbox"));
	assert_int_equal(link(path_of("outside"), path_of("alice/mymailbox")), 0);
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	draft_release(d);
	expect_file("outside", "secret\n.\n");
}

static void linked_directory_is_not_followed(void **state)
{
	struct store *s = *state;
	mkdir(path_of("elsewhere"), 0700);
	assert_int_equal(symlink("elsewhere", path_of("alice")), 0);
	struct draft *d = suite_draft(s, "x\n");
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	draft_release(d);
	assert_false(exists("elsewhere/mymailbox"));
}

static void full_disk_leaves_the_file_as_it_was(void **state)
{
	struct store *s = *state;
	suite_deliver(s, "alice", "one\n");
	char text[8192];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct draft *d = suite_draft(s, text);
	struct rlimit was;
	getrlimit(RLIMIT_FSIZE, &was);
	const struct rlimit small = { .rlim_cur = 4096, .rlim_max = was.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	bool appended = s->ops->append(s, "alice", &d, 1, &why);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_false(appended);
	assert_int_equal(why.kind, FAULT_FULL);
	expect_file("alice/mymailbox", "one\n.\n");
	assert_true(s->ops->append(s, "alice", &d, 1, &why));
	draft_release(d);
}

static void removed_lock_file_is_noticed(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	assert_int_equal(unlink(path_of("alice/.lock")), 0);
	suite_deliver(*state, "alice", "two\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
	assert_true(exists("alice/.lock"));
}

static void removed_directory_is_made_again(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	nftw(path_of("alice"), remove_one, 8, FTW_DEPTH | FTW_PHYS);
	suite_deliver(*state, "alice", "two\n");
	suite_expect_all(*state, "alice", TEXTS("two\n"));
}

static void lock_goes_with_its_process(void **state)
{
	struct store *s = *state;
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) {
		struct store *own = reopen();
		struct maildrop *m = own->ops->open(own, "alice", "child", &why);
		(void)!write(ready[1], m ? "y" : "n", 1);
		pause();
		_exit(0);
	}
	char answer;
	assert_int_equal(read(ready[0], &answer, 1), 1);
	assert_int_equal(answer, 'y');
	assert_null(s->ops->open(s, "alice", "parent", &why));
	assert_int_equal(why.kind, FAULT_BUSY);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	struct maildrop *m = suite_open(s, "alice");
	m->ops->close(m);
	close(ready[0]);
	close(ready[1]);
}

/* ---- mailboxes too big to rewrite at QUIT ---- */

enum { BIG = 6 * 1024 * 1024 };

static void deliver_big(struct store *s, char letter)
{
	char *line = malloc(65536);
	struct draft *d = s->ops->draft(s);
	memset(line, letter, 65536);
	line[65535] = '\n';
	for (size_t n = 0; n < BIG; n += 65536) {
		assert_true(draft_write(d, line, 65536));
		if (draft_full(d))
			assert_true(draft_spill(d, &why));
	}
	assert_true(draft_finish(d, &why));
	assert_true(draft_in_file(d));
	assert_true(s->ops->append(s, "alice", &d, 1, &why));
	draft_release(d);
	free(line);
}

static void expect_letters(struct store *s, const char *letters)
{
	struct maildrop *m = suite_open(s, "alice");
	assert_int_equal(m->ops->count(m), strlen(letters));
	for (size_t i = 0; letters[i]; i++) {
		char octet;
		struct mail_info info;
		struct store_span span = { .octets = &octet, .size = 1 };
		assert_int_equal(m->ops->read(m, i, &span, true, &why), STORE_GOT);
		assert_int_equal(octet, letters[i]);
		assert_int_equal(m->ops->info(m, i, true, &info, &why), STORE_GOT);
		assert_int_equal(info.stored, BIG);
		span.offset = BIG - 1;
		assert_int_equal(m->ops->read(m, i, &span, true, &why), STORE_GOT);
	}
	m->ops->close(m);
}

static void big_mailbox_is_marked_and_rewritten_later(void **state)
{
	struct store *s = *state;
	struct stat st;
	for (const char *c = "abcde"; *c; c++)
		deliver_big(s, *c);
	suite_remove(s, "alice", 1);
	expect_letters(s, "acde");
	assert_int_equal(stat(path_of("alice/mymailbox"), &st), 0);
	assert_true(st.st_size > 5 * BIG);
	assert_true(exists("alice/.mymailbox.deleted"));
	deliver_big(s, 'b'); /* equal to the removed one */
	expect_letters(s, "acdeb");
	/* The marks are honoured by a scan, and hit the removed one alone. */
	unlink(path_of("alice/.mymailbox.index"));
	expect_letters(s, "acdeb");
	s->ops->tidy(s, "alice");
	assert_int_equal(stat(path_of("alice/mymailbox"), &st), 0);
	assert_true(st.st_size > 5 * BIG);
	suite_remove(s, "alice", 0);
	suite_remove(s, "alice", 0);
	expect_letters(s, "deb");
	s->ops->tidy(s, "alice");
	expect_letters(s, "deb");
	assert_int_equal(stat(path_of("alice/mymailbox"), &st), 0);
	assert_true(st.st_size < 4 * BIG);
	unlink(path_of("alice/.mymailbox.index"));
	expect_letters(s, "deb");
	suite_remove(s, "alice", 1);
	expect_letters(s, "db");
}

static void session_survives_a_rewrite_by_another(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcdef"; *c; c++)
		deliver_big(s, *c);
	suite_remove(s, "alice", 0);
	suite_remove(s, "alice", 0);
	suite_remove(s, "alice", 0); /* half is dead now */
	struct maildrop *m = suite_open(s, "alice");
	struct store *other = reopen();
	other->ops->tidy(other, "alice");
	other->ops->free(other);
	char octet;
	struct store_span span = { .octets = &octet, .size = 1 };
	assert_int_equal(m->ops->read(m, 1, &span, true, &why), STORE_GOT);
	assert_int_equal(octet, 'e');
	const unsigned char marks[1] = { 2 };
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	expect_letters(s, "df");
}

static void hand_edit_of_a_marked_mailbox_keeps_marks_with_their_mails(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		deliver_big(s, *c);
	suite_remove(s, "alice", 1);
	write_text("alice/mymailbox", "a", "typed\n.\n");
	struct maildrop *m = suite_open(s, "alice");
	assert_int_equal(m->ops->count(m), 4);
	suite_expect(m, 3, "typed\n");
	m->ops->close(m);
}

/* Marks synced, and the process dead before the index knew. */
static void marks_without_index_flags_are_honoured(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		deliver_big(s, *c);
	char command[256];
	snprintf(command, sizeof command, "cp -p %s/alice/.mymailbox.index %s/kept", root, root);
	assert_int_equal(system(command), 0);
	suite_remove(s, "alice", 2);
	snprintf(command, sizeof command, "cp -p %s/kept %s/alice/.mymailbox.index", root, root);
	assert_int_equal(system(command), 0);
	expect_letters(s, "abd");
}

static void torn_batch_of_marks_counts_not_at_all(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		deliver_big(s, *c);
	suite_remove(s, "alice", 2);
	struct stat st;
	assert_int_equal(stat(path_of("alice/.mymailbox.deleted"), &st), 0);
	assert_int_equal(truncate(path_of("alice/.mymailbox.deleted"), st.st_size - 3), 0);
	expect_letters(s, "abcd");
	suite_remove(s, "alice", 1);
	expect_letters(s, "acd");
}

static void spoilt_batch_of_marks_counts_not_at_all(void **state)
{
	struct store *s = *state;
	for (const char *c = "abcd"; *c; c++)
		deliver_big(s, *c);
	suite_remove(s, "alice", 2);
	int fd = open(path_of("alice/.mymailbox.deleted"), O_RDWR);
	assert_int_equal(pwrite(fd, "\xff\xff", 2, 24 + 16), 2);
	close(fd);
	unlink(path_of("alice/.mymailbox.index"));
	expect_letters(s, "abcd");
}

/* The process died after the rename and before it could empty the marks. */
static void marks_of_the_old_file_never_hit_the_new_one(void **state)
{
	struct store *s = *state;
	struct file_look look;
	suite_deliver(s, "alice", "equal\n");
	struct draft *d = suite_draft(s, "equal\n");
	struct mark mark = { .offset = 0 };
	memcpy(mark.hash, draft_hash(d), DRAFT_HASH);
	draft_release(d);
	int dir = open(path_of("alice"), O_RDONLY | O_DIRECTORY);
	assert_true(file_look_at(dir, "mymailbox", &look));
	assert_true(marks_add(dir, ".mymailbox.deleted", &mark, 1, &why));
	assert_true(marks_name_successor(dir, ".mymailbox.deleted", &look, &why));
	suite_expect_all(s, "alice", TEXTS("equal\n"));
	/* Named in vain: another file is the mailbox, so the marks count. */
	look.inode++;
	assert_true(marks_add(dir, ".mymailbox.deleted", &mark, 1, &why));
	assert_true(marks_name_successor(dir, ".mymailbox.deleted", &look, &why));
	suite_expect_all(s, "alice", (const char *const[]){ NULL });
	close(dir);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(file_is_as_the_format_says),
		TEST(other_programs_mail_counts),
		TEST(last_message_without_its_full_stop_counts),
		TEST(typed_text_after_a_delivery_is_kept),
		TEST(blank_lines_at_the_end_are_no_mail),
		TEST(crlf_file_is_read),
		TEST(nul_and_eight_bit_stay),
		TEST(edit_of_equal_size_is_noticed),
		TEST(edit_within_a_session_removes_nothing),
		TEST(reading_a_moved_mail_is_an_error),
		TEST(reading_a_mail_that_grew_is_an_error),
		TEST(lost_index_is_rebuilt_with_the_same_ids),
		TEST(hand_edit_keeps_the_ordinals_of_equal_mails),
		TEST(spoilt_index_is_not_believed),
		TEST(removal_with_a_spoilt_record_removes_nothing),
		TEST(unfinished_append_is_set_aside),
		TEST(unfinished_batch_is_set_aside_whole),
		TEST(note_of_an_edited_file_claims_nothing),
		TEST(note_before_nothing_was_written_is_settled),
		TEST(links_are_not_followed),
		TEST(linked_directory_is_not_followed),
		TEST(full_disk_leaves_the_file_as_it_was),
		TEST(removed_lock_file_is_noticed),
		TEST(removed_directory_is_made_again),
		TEST(lock_goes_with_its_process),
		TEST(big_mailbox_is_marked_and_rewritten_later),
		TEST(session_survives_a_rewrite_by_another),
		TEST(hand_edit_of_a_marked_mailbox_keeps_marks_with_their_mails),
		TEST(marks_without_index_flags_are_honoured),
		TEST(torn_batch_of_marks_counts_not_at_all),
		TEST(spoilt_batch_of_marks_counts_not_at_all),
		TEST(marks_of_the_old_file_never_hit_the_new_one),
	};
	const struct store_suite_maker maker = { .make = make, .reopen = reopen, .wipe = wipe };
	int failed = store_suite_run("file_store promises", &maker);
	return failed + cmocka_run_group_tests_name("file_store", tests, NULL, NULL);
}
