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

#include "store/file_lab_suite.h"
#include "store/mailbox.h"

#define TEXTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static struct fault why;

static void file_is_as_the_format_says(void **state)
{
	struct stat st;
	suite_deliver(*state, "alice", "From: a@b\nSubject: x\n..dot\n");
	suite_deliver(*state, "alice", "second\n");
	file_lab_expect("alice/mymailbox", "From: a@b\nSubject: x\n..dot\n.\nsecond\n.\n");
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(file_lab_path("alice"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void other_programs_mail_counts(void **state)
{
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write("alice/mymailbox", "w", "hand\nwritten\n.\nsecond\n.\n");
	suite_expect_all(*state, "alice", TEXTS("hand\nwritten\n", "second\n"));
	file_lab_write("alice/mymailbox", "a", "third\n.\n");
	suite_deliver(*state, "alice", "fourth\n");
	suite_expect_all(*state, "alice", TEXTS("hand\nwritten\n", "second\n", "third\n", "fourth\n"));
}

static void last_message_without_its_full_stop_counts(void **state)
{
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write("alice/mymailbox", "w", "one\n.\ntwo\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
	file_lab_write("alice/mymailbox", "a", "three without line end");
	suite_deliver(*state, "alice", "four\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n", "three without line end\n", "four\n"));
	file_lab_write("alice/mymailbox", "a", "five\n.");
	suite_deliver(*state, "alice", "six\n");
	file_lab_expect("alice/mymailbox", "one\n.\ntwo\n.\nthree without line end\n.\nfour\n.\nfive\n.\nsix\n.\n");
	assert_false(file_lab_has("alice/.mymailbox.torn"));
}

static void typed_text_after_a_delivery_is_kept(void **state)
{
	/* The note of our own finished append must not claim it. */
	suite_deliver(*state, "alice", "a mail of ours that is rather long\n");
	file_lab_write("alice/mymailbox", "w", "short\n.\ntyped");
	suite_expect_all(*state, "alice", TEXTS("short\n", "typed\n"));
	assert_false(file_lab_has("alice/.mymailbox.torn"));
}

static void blank_lines_at_the_end_are_no_mail(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	file_lab_write("alice/mymailbox", "a", "\n \n");
	suite_expect_all(*state, "alice", TEXTS("one\n"));
	suite_deliver(*state, "alice", "two\n");
	file_lab_expect("alice/mymailbox", "one\n.\ntwo\n.\n");
}

static void crlf_file_is_read(void **state)
{
	struct mail_info info;
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write("alice/mymailbox", "w", "a: b\r\nc\r\n.\r\nsecond\r\n.\r\n");
	struct maildrop *m = suite_open(*state, "alice");
	assert_int_equal(m->ops->count(m), 2);
	suite_expect(m, 0, "a: b\r\nc\r\n");
	assert_int_equal(m->ops->info(m, 0, true, &info, &why), STORE_GOT);
	assert_int_equal(info.octets, 9);
	m->ops->close(m);
	suite_remove(*state, "alice", 0);
	file_lab_expect("alice/mymailbox", "second\r\n.\r\n");
}

static void nul_and_eight_bit_stay(void **state)
{
	static const char text[] = "nul \0 here\n\xff\xfe\n.\n";
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write_octets("alice/mymailbox", "w", text, sizeof text - 1);
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
	file_lab_write("alice/mymailbox", "w", "\n.\nbbbbb\nbb\n.\n");
	suite_expect_all(*state, "alice", TEXTS("\n", "bbbbb\nbb\n"));
}

static void edit_within_a_session_removes_nothing(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	suite_deliver(*state, "alice", "three\n");
	struct maildrop *m = suite_open(*state, "alice");
	file_lab_write("alice/new", "w", "other\n.\ntwo\n.\nthree\n.\n");
	assert_int_equal(rename(file_lab_path("alice/new"), file_lab_path("alice/mymailbox")), 0);
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
	file_lab_write("alice/mymailbox", "w", "x\n.\none\n.\ntwo\n.\n");
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
	file_lab_write("alice/mymailbox", "w", "one\nmore\n.\ntwo\n.\n");
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
	assert_int_equal(unlink(file_lab_path("alice/.mymailbox.index")), 0);
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
	file_lab_write("alice/mymailbox", "a", "typed\n.\n");
	m = suite_open(*state, "alice");
	suite_uid(m, 0, after);
	assert_string_equal(before, after);
	m->ops->close(m);
}

static void spoilt_index_is_not_believed(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	for (long at = 0; at < 1024 + 2 * 64; at += 8) {
		suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
		int fd = open(file_lab_path("alice/.mymailbox.index"), O_RDWR);
		assert_true(fd >= 0);
		char octet;
		assert_int_equal(pread(fd, &octet, 1, at), 1);
		octet ^= 0x55;
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		close(fd);
		/* A wrong record is found when it is read, and within the session the index is made anew. */
		struct maildrop *m = suite_open(*state, "alice");
		assert_int_equal(m->ops->count(m), 2);
		if (at % 16 == 0)
			assert_true(m->ops->number(m, &why));
		suite_expect(m, 0, "one\n");
		suite_expect(m, 1, "two\n");
		m->ops->close(m);
	}
}

static void leave_note(uint64_t offset, uint64_t length, bool open_state);

/* Whoever may write in the directory can make an index whose check is right. */
static void index_with_impossible_numbers_is_not_believed(void **state)
{
	for (int which = 0; which < 4; which++) {
		struct index ix;
		suite_deliver(*state, "alice", "one\n");
		int dir = open(file_lab_path("alice"), O_RDONLY | O_DIRECTORY);
		assert_true(index_open(&ix, dir, ".mymailbox.index"));
		uint64_t *const fields[4] = { &ix.head.dead, &ix.head.numbered, &ix.head.dead_length, &ix.head.end };
		*fields[which] = UINT64_MAX - 3;
		struct file_look look = ix.head.mail;
		assert_true(index_describe(&ix, &look, 0));
		index_close(&ix);
		close(dir);
		struct maildrop *m = suite_open(*state, "alice");
		assert_int_equal(m->ops->count(m), which + 1);
		assert_true(m->ops->number(m, &why));
		m->ops->close(m);
	}
}

static void told_ids_are_not_given_again_after_a_scan(void **state)
{
	char told[3][STORE_UID_MAX];
	for (int round = 0; round < 3; round++) {
		suite_deliver(*state, "alice", "equal\n");
		if (round == 2)
			file_lab_write("alice/mymailbox", "a", "typed\n.\n");
		struct maildrop *m = suite_open(*state, "alice");
		suite_uid(m, 0, told[round]);
		m->ops->close(m);
		suite_remove(*state, "alice", 0);
	}
	assert_string_not_equal(told[0], told[1]);
	assert_string_not_equal(told[2], told[0]);
	assert_string_not_equal(told[2], told[1]);
}

static void ids_stay_when_mails_are_put_before_them(void **state)
{
	char before[STORE_UID_MAX];
	char after[STORE_UID_MAX];
	suite_deliver(*state, "alice", "equal\n");
	suite_deliver(*state, "alice", "equal\n");
	struct maildrop *m = suite_open(*state, "alice");
	suite_uid(m, 1, before);
	m->ops->close(m);
	suite_remove(*state, "alice", 0);
	for (int round = 0; round < 2; round++) {
		char text[64];
		snprintf(text, sizeof text, "%s.\nequal\n.\n", round ? "second\n.\nfirst\n" : "first\n");
		file_lab_write("alice/mymailbox", "w", text);
		m = suite_open(*state, "alice");
		m->ops->close(m);
	}
	m = suite_open(*state, "alice");
	suite_uid(m, 2, after);
	assert_string_equal(before, after);
	m->ops->close(m);
}

static bool is_open_here(const char *name)
{
	char link[64];
	char target[256];
	for (int fd = 0; fd < 256; fd++) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		if (strstr(target, name))
			return true;
	}
	return false;
}

static void a_delivery_leaves_no_mailbox_open(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	assert_true(is_open_here("/alice"));
	assert_false(is_open_here("/mymailbox"));
}

static void many_mailboxes_need_few_descriptors(void **state)
{
	struct rlimit was;
	char user[16];
	getrlimit(RLIMIT_NOFILE, &was);
	const struct rlimit few = { .rlim_cur = 40, .rlim_max = was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	for (int i = 0; i < 60; i++) {
		snprintf(user, sizeof user, "user%d", i);
		suite_deliver(*state, user, "mail\n");
	}
	setrlimit(RLIMIT_NOFILE, &was);
}

static void a_rewrite_keeps_the_files_mode(void **state)
{
	struct stat st;
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	assert_int_equal(chmod(file_lab_path("alice/mymailbox"), 0640), 0);
	suite_remove(*state, "alice", 0);
	assert_int_equal(stat(file_lab_path("alice/mymailbox"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void open_note_over_a_replaced_file_claims_nothing(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	leave_note(8, 1000, true);
	file_lab_write("alice/mymailbox", "w", "typed without any dividing line");
	suite_expect_all(*state, "alice", TEXTS("typed without any dividing line\n"));
	assert_false(file_lab_has("alice/.mymailbox.torn"));
}

/* A record that is wrong inside a good header: removal must not believe it either. */
static void removal_goes_on_where_a_record_is_spoilt(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	suite_deliver(*state, "alice", "two\n");
	struct maildrop *m = suite_open(*state, "alice");
	int fd = open(file_lab_path("alice/.mymailbox.index"), O_RDWR);
	assert_int_equal(pwrite(fd, "x", 1, 1024 + 8), 1);
	close(fd);
	const unsigned char marks[1] = { 2 };
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	suite_expect_all(*state, "alice", TEXTS("one\n"));
}

static void spoil_record(uint64_t number)
{
	int fd = open(file_lab_path("alice/.mymailbox.index"), O_RDWR);
	assert_int_equal(pwrite(fd, "xyz", 3, (off_t)(1024 + number * sizeof(struct index_record) + 9)), 3);
	close(fd);
}

/* Equal mails keep the ids that they had, all but the one whose record is spoilt. */
static void a_spoilt_record_costs_other_mails_nothing(void **state)
{
	char ids[5][STORE_UID_MAX], id[STORE_UID_MAX];
	for (int i = 0; i < 5; i++)
		suite_deliver(*state, "alice", i == 4 ? "other\n" : "equal\n");
	struct maildrop *m = suite_open(*state, "alice");
	assert_true(m->ops->number(m, &why));
	for (size_t i = 0; i < 5; i++)
		suite_uid(m, i, ids[i]);
	const unsigned char marks[1] = { 2 };
	assert_true(m->ops->remove(m, marks, &why));
	m->ops->close(m);
	m = suite_open(*state, "alice");
	spoil_record(3);
	for (size_t i = 0; i < 4; i++) {
		suite_expect(m, i, i == 3 ? "other\n" : "equal\n");
		suite_uid(m, i, id);
		assert_string_equal(id, ids[i == 0 ? 0 : i + 1]);
	}
	m->ops->close(m);
}

static void a_spoilt_record_beside_removed_mails_is_mended(void **state)
{
	struct store *s = *state;
	s->undelete = 1000;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "alice", "two\n");
	suite_deliver(s, "alice", "three\n");
	suite_remove(s, "alice", 1);
	spoil_record(0);
	suite_expect_all(s, "alice", TEXTS("one\n", "three\n"));
	spoil_record(1);
	suite_expect_all(s, "alice", TEXTS("one\n", "three\n"));
	spoil_record(2);
	suite_remove(s, "alice", 1);
	suite_expect_all(s, "alice", TEXTS("one\n"));
}

/* Its index cannot be listed any more, and the one in force has fewer mails than the session was told. */
static void mails_that_an_editor_took_out_of_a_session_are_not_made_up(void **state)
{
	struct mail_info info;
	struct store *s = *state;
	s->undelete = 1000;
	suite_deliver(s, "alice", "one\n");
	suite_deliver(s, "alice", "two\n");
	suite_deliver(s, "alice", "three\n");
	suite_remove(s, "alice", 0);
	struct maildrop *m = suite_open(s, "alice");
	spoil_record(0);
	file_lab_write("alice/mymailbox", "w", "two\n.\n");
	assert_int_equal(m->ops->info(m, 1, true, &info, &why), STORE_FAULT);
	assert_non_null(strstr(why.text, "changed by another program"));
	m->ops->close(m);
}

/* What kill -9 in mid append leaves: an open note and a part of what it told of. */
static void leave_note(uint64_t offset, uint64_t length, bool open_state)
{
	const struct mailbox_place place = { .root = file_lab_root, .mail = "mymailbox" };
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
	file_lab_write("alice/mymailbox", "a", "torn mail that was never ackno");
	leave_note(8, 1000, true);
	suite_expect_all(*state, "alice", TEXTS("whole\n"));
	file_lab_expect("alice/mymailbox", "whole\n.\n");
	file_lab_expect("alice/.mymailbox.torn", "torn mail that was never ackno");
	suite_deliver(*state, "alice", "next\n");
	suite_expect_all(*state, "alice", TEXTS("whole\n", "next\n"));
}

static void unfinished_batch_is_set_aside_whole(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	file_lab_write("alice/mymailbox", "a", "first of the batch\n.\nsecond of");
	leave_note(8, 1000, true);
	suite_deliver(*state, "alice", "next\n");
	file_lab_expect("alice/mymailbox", "whole\n.\nnext\n.\n");
	file_lab_expect("alice/.mymailbox.torn", "first of the batch\n.\nsecond of");
}

/* After a power cut an append can end as it should and be garbled before. */
static void garbled_append_of_the_right_length_is_set_aside(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	file_lab_write("alice/mymailbox", "a", "xxxxx\n.\n");
	leave_note(8, 8, true);
	suite_expect_all(*state, "alice", TEXTS("whole\n"));
	file_lab_expect("alice/.mymailbox.torn", "xxxxx\n.\n");
}

static void note_of_an_edited_file_claims_nothing(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	leave_note(8, 1000, true);
	file_lab_write("alice/mymailbox", "w", "somebody rewrote it\n.\nall\n.\n");
	suite_expect_all(*state, "alice", TEXTS("somebody rewrote it\n", "all\n"));
	file_lab_write("alice/mymailbox", "a", "and typed on");
	suite_expect_all(*state, "alice", TEXTS("somebody rewrote it\n", "all\n", "and typed on\n"));
	assert_false(file_lab_has("alice/.mymailbox.torn"));
}

static void note_before_nothing_was_written_is_settled(void **state)
{
	suite_deliver(*state, "alice", "whole\n");
	leave_note(8, 1000, true);
	suite_expect_all(*state, "alice", TEXTS("whole\n"));
	file_lab_write("alice/mymailbox", "a", "typed\n");
	suite_expect_all(*state, "alice", TEXTS("whole\n", "typed\n"));
}

static void links_are_not_followed(void **state)
{
	struct store *s = *state;
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write("outside", "w", "secret\n.\n");
	assert_int_equal(symlink("../outside", file_lab_path("alice/mymailbox")), 0);
	struct draft *d = suite_draft(s, "x\n");
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	assert_null(s->ops->open(s, "alice", "x", &why));
	unlink(file_lab_path("alice/mymailbox"));
	assert_int_equal(link(file_lab_path("outside"), file_lab_path("alice/mymailbox")), 0);
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	draft_free(d);
	file_lab_expect("outside", "secret\n.\n");
}

static void linked_directory_is_not_followed(void **state)
{
	struct store *s = *state;
	mkdir(file_lab_path("elsewhere"), 0700);
	assert_int_equal(symlink("elsewhere", file_lab_path("alice")), 0);
	struct draft *d = suite_draft(s, "x\n");
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	draft_free(d);
	assert_false(file_lab_has("elsewhere/mymailbox"));
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
	file_lab_expect("alice/mymailbox", "one\n.\n");
	assert_true(s->ops->append(s, "alice", &d, 1, &why));
	draft_free(d);
}

static void removed_lock_file_is_noticed(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	assert_int_equal(unlink(file_lab_path("alice/.lock")), 0);
	suite_deliver(*state, "alice", "two\n");
	suite_expect_all(*state, "alice", TEXTS("one\n", "two\n"));
	assert_true(file_lab_has("alice/.lock"));
}

static void removed_directory_is_made_again(void **state)
{
	suite_deliver(*state, "alice", "one\n");
	nftw(file_lab_path("alice"), file_lab_remove_one, 8, FTW_DEPTH | FTW_PHYS);
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
		struct store *own = file_lab_reopen();
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

static void asking_for_room_makes_nothing(void **state)
{
	struct store *s = *state;
	s->quota = 20;
	assert_true(s->ops->room(s, "alice", 20, &why));
	assert_false(file_lab_has("alice"));
	mkdir(file_lab_path("alice"), 0700);
	assert_true(s->ops->room(s, "alice", 20, &why));
	assert_false(file_lab_has("alice/.lock"));
}

static void what_other_programs_wrote_counts_towards_the_quota(void **state)
{
	struct store *s = *state;
	struct draft *d = suite_draft(s, "two\n");
	mkdir(file_lab_path("alice"), 0700);
	file_lab_write("alice/mymailbox", "w", "hand\nwritten\n.\n");
	s->quota = 15 + 6 - 1;
	assert_false(s->ops->room(s, "alice", 6, &why));
	assert_false(s->ops->append(s, "alice", &d, 1, &why));
	assert_int_equal(why.kind, FAULT_QUOTA);
	file_lab_expect("alice/mymailbox", "hand\nwritten\n.\n");
	s->quota++;
	assert_true(s->ops->room(s, "alice", 6, &why));
	assert_true(s->ops->append(s, "alice", &d, 1, &why));
	draft_free(d);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, file_lab_set_up, file_lab_tear_down)
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
		TEST(index_with_impossible_numbers_is_not_believed),
		TEST(told_ids_are_not_given_again_after_a_scan),
		TEST(ids_stay_when_mails_are_put_before_them),
		TEST(a_delivery_leaves_no_mailbox_open),
		TEST(many_mailboxes_need_few_descriptors),
		TEST(a_rewrite_keeps_the_files_mode),
		TEST(open_note_over_a_replaced_file_claims_nothing),
		TEST(removal_goes_on_where_a_record_is_spoilt),
		TEST(a_spoilt_record_costs_other_mails_nothing),
		TEST(a_spoilt_record_beside_removed_mails_is_mended),
		TEST(mails_that_an_editor_took_out_of_a_session_are_not_made_up),
		TEST(unfinished_append_is_set_aside),
		TEST(unfinished_batch_is_set_aside_whole),
		TEST(garbled_append_of_the_right_length_is_set_aside),
		TEST(note_of_an_edited_file_claims_nothing),
		TEST(note_before_nothing_was_written_is_settled),
		TEST(links_are_not_followed),
		TEST(linked_directory_is_not_followed),
		TEST(full_disk_leaves_the_file_as_it_was),
		TEST(removed_lock_file_is_noticed),
		TEST(removed_directory_is_made_again),
		TEST(lock_goes_with_its_process),
		TEST(asking_for_room_makes_nothing),
		TEST(what_other_programs_wrote_counts_towards_the_quota),
	};
	const struct store_suite_maker maker = { .make = file_lab_make,
		                                 .reopen = file_lab_reopen,
		                                 .wipe = file_lab_wipe };
	int failed = store_suite_run("file_store promises", &maker);
	return failed + cmocka_run_group_tests_name("file_store", tests, NULL, NULL);
}
