/*
 * What servers are asked while something lacks, and again afterwards, strictly: on a connection that was there before, and on a new one.
 */
#include "stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/maildrop.h"
#include "server/member.h"
#include "server/receive.h"

enum { SMALL = 400, LARGE = 300 * 1000, CHUNK = 200 };

static const char scram_users[] =
        "alice {SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=\n" /* pencil */
        "bob pw\n";
static const char hashed_users[] = "alice {CRYPT}rl.3StKT.4T8M\n" /* rasmuslerdorf */
                                   "bob pw\n";

static struct dialog *open_dialog(struct stage *s)
{
	bool pop3 = s->scene->pop3;
	bool waits = !s->strict && s->scarcity.lasting && !s->scene->at_start;
	return dialog_open(s->ports[pop3], pop3, s->strict, waits);
}

/* One that is there before; the server has done all that its beginning takes. */
static struct dialog *open_other(struct stage *s)
{
	struct dialog *t = open_dialog(s);
	dialog_say(t, "NOOP", t->pop3 ? "-ERR" : "250");
	usleep(5000);
	return t;
}

static void part(struct dialog *t)
{
	dialog_say(t, "QUIT", t->pop3 ? "+OK" : "221");
	dialog_close(t);
}

/* What lacks, lacks from here on. */
static void begin(struct stage *s)
{
	if (!s->scene->at_start)
		scarcity_begin(&s->scarcity);
}

static void end(struct stage *s)
{
	if (!s->scene->at_start)
		run->asked = scarcity_end();
	run->struck = scarcity_struck();
	s->strict = true;
}

/* ---- SMTP ---- */

static bool greet(struct dialog *t)
{
	return dialog_say(t, "EHLO peer.example", "250") && strstr(t->reply, "-PIPELINING\n");
}

static bool envelope(struct dialog *t, const struct stage_mail *m)
{
	return dialog_say(t, "MAIL FROM:<bob@example.org>", "250") &&
	       (!m->to[0] || dialog_say(t, "RCPT TO:<alice@example.org>", "250")) &&
	       (!m->to[1] || dialog_say(t, "RCPT TO:<bob@example.org>", "250"));
}

static bool text_by_data(struct dialog *t, const char *text)
{
	if (!dialog_say(t, "DATA", "354"))
		return false;
	dialog_send(t, text, strlen(text));
	return dialog_say(t, ".", "250");
}

static bool text_by_chunks(struct dialog *t, const char *text)
{
	char line[40];
	size_t len = strlen(text);
	snprintf(line, sizeof line, "BDAT %d\r\n", CHUNK);
	dialog_send(t, line, strlen(line));
	dialog_send(t, text, CHUNK);
	bool first = dialog_hear(t, "250");
	snprintf(line, sizeof line, "BDAT %zu LAST\r\n", len - CHUNK);
	dialog_send(t, line, strlen(line));
	dialog_send(t, text + CHUNK, len - CHUNK);
	/* Of a mail that lacks its first part the second is refused for good. */
	if (!first && !t->gone) {
		t->strict = false;
		return dialog_hear(t, "503") && false;
	}
	return dialog_hear(t, "250");
}

static void send_mail(struct stage *s, struct dialog *t, struct stage_mail *m, size_t octets, bool chunks)
{
	char *text = stage_text(m, octets);
	(void)s;
	if (envelope(t, m) && (chunks ? text_by_chunks(t, text) : text_by_data(t, text)))
		m->least = 1;
	else
		dialog_say(t, "RSET", "250");
	free(text);
}

static void say_mails(struct stage *s, struct dialog *t)
{
	send_mail(s, t, stage_mail_new(s, true, true), SMALL, false);
	send_mail(s, t, stage_mail_new(s, true, true), SMALL, true);
	part(t);
}

static void mails(struct stage *s)
{
	struct dialog *t = open_dialog(s);
	greet(t);
	say_mails(s, t);
}

static void play_mails(struct stage *s)
{
	struct dialog *other = open_other(s);
	begin(s);
	mails(s);
	end(s);
	other->strict = true;
	greet(other);
	say_mails(s, other);
	mails(s);
	stage_check_mailboxes(s);
}

static void play_large_mails(struct stage *s)
{
	struct dialog *t;
	begin(s);
	t = open_dialog(s);
	greet(t);
	send_mail(s, t, stage_mail_new(s, true, true), LARGE, false);
	send_mail(s, t, stage_mail_new(s, false, true), LARGE, true);
	part(t);
	end(s);
	mails(s);
	stage_check_mailboxes(s);
}

static bool log_in_plain(struct dialog *t)
{
	return dialog_say(t, "AUTH PLAIN AGJvYgBwdw==", t->pop3 ? "+OK" : "235");
}

static bool log_in_login(struct dialog *t)
{
	const char *more = t->pop3 ? "+ " : "334";
	return dialog_say(t, "AUTH LOGIN", more) && dialog_say(t, "Ym9i", more) &&
	       dialog_say(t, "cHc=", t->pop3 ? "+OK" : "235");
}

static bool log_in_secret(struct dialog *t)
{
	return dialog_scram(t, "alice", "secret");
}

static bool log_in_pencil(struct dialog *t)
{
	return dialog_scram(t, "alice", "pencil");
}

static bool log_in_pencil_plain(struct dialog *t)
{
	return dialog_say(t, "AUTH PLAIN AGFsaWNlAHBlbmNpbA==", t->pop3 ? "+OK" : "235");
}

static bool log_in_hashed(struct dialog *t)
{
	return dialog_say(t, "AUTH PLAIN AGFsaWNlAHJhc211c2xlcmRvcmY=", t->pop3 ? "+OK" : "235");
}

typedef bool way_in(struct dialog *t);

static void log_in_and_send(struct stage *s, way_in *log_in)
{
	struct dialog *t = open_dialog(s);
	greet(t);
	log_in(t);
	send_mail(s, t, stage_mail_new(s, true, false), SMALL, false);
	part(t);
}

static void play_logins(struct stage *s)
{
	for (int round = 0; round < 2; round++) {
		if (round == 0)
			begin(s);
		log_in_and_send(s, log_in_plain);
		log_in_and_send(s, log_in_login);
		log_in_and_send(s, log_in_secret);
		if (round == 0)
			end(s);
	}
	stage_check_mailboxes(s);
}

static void play_hard_logins(struct stage *s)
{
	bool scram = s->scene->users == scram_users;
	for (int round = 0; round < 2; round++) {
		if (round == 0)
			begin(s);
		log_in_and_send(s, scram ? log_in_pencil : log_in_hashed);
		if (scram)
			log_in_and_send(s, log_in_pencil_plain);
		if (round == 0)
			end(s);
	}
	stage_check_mailboxes(s);
}

static void mail_by_tls(struct stage *s)
{
	struct dialog *t = open_dialog(s);
	greet(t);
	if (dialog_say(t, "STARTTLS", "220"))
		dialog_begin_tls(t);
	greet(t);
	log_in_secret(t);
	send_mail(s, t, stage_mail_new(s, true, true), SMALL, false);
	part(t);
}

static void play_tls(struct stage *s)
{
	begin(s);
	mail_by_tls(s);
	end(s);
	mail_by_tls(s);
	stage_check_mailboxes(s);
}

/* The users file and the aliases change while something lacks. */
static void play_new_user(struct stage *s)
{
	char path[80];
	begin(s);
	for (int round = 0; round < 2; round++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, round == 0 ? "users.txt" : "aliases.txt");
		FILE *f = fopen(path, "w");
		fputs(round == 0 ? "alice secret\nbob pw\ncarol word\n" : "team: alice, bob\n", f);
		fclose(f);
		struct dialog *t = open_dialog(s);
		greet(t);
		if (dialog_say(t, "MAIL FROM:<bob@example.org>", "250"))
			dialog_say(t, round == 0 ? "RCPT TO:<carol@example.org>" : "RCPT TO:<team@example.org>", "250");
		part(t);
	}
	end(s);
	struct dialog *t = open_dialog(s);
	greet(t);
	dialog_say(t, "MAIL FROM:<bob@example.org>", "250");
	dialog_say(t, "RCPT TO:<carol@example.org>", "250");
	dialog_say(t, "RCPT TO:<team@example.org>", "250");
	part(t);
}

/* ---- a course with registration ---- */

static void member_session(struct stage *s)
{
	char line[80], address[40], *text;
	const struct stage_mail *m = stage_mail_new(s, false, false);
	struct dialog *t = open_dialog(s);
	bool sent = false;
	if (dialog_say(t, "REGISTER", "250") && sscanf(t->reply, "250 %39s", address) == 1) {
		snprintf(line, sizeof line, "MAIL FROM:<%s>", address);
		bool taken = dialog_say(t, line, "250");
		snprintf(line, sizeof line, "RCPT TO:<%s>", address);
		text = stage_text(m, SMALL);
		sent = taken && dialog_say(t, line, "250") && text_by_data(t, text);
		free(text);
		if (!sent)
			dialog_say(t, "RSET", "250");
		if (dialog_say(t, "RETRIEVE", "250") && dialog_hear_lines(t) && sent && !strstr(t->reply, m->mark))
			run_failed("a mail that was taken is not there");
	}
	part(t);
}

static void play_members(struct stage *s)
{
	begin(s);
	member_session(s);
	member_session(s);
	end(s);
	member_session(s);
}

/* ---- POP3 ---- */

static bool log_in(struct dialog *t)
{
	return dialog_say(t, "USER alice", "+OK") && dialog_say(t, "PASS secret", "+OK");
}

static void list(struct dialog *t, const char *command, const char *last)
{
	if (dialog_say(t, command, "+OK") && dialog_hear_lines(t) && !strstr(t->reply, last))
		run_failed("%s gives %s", command, t->reply);
}

static void retrieve(struct dialog *t, const struct stage_mail *m)
{
	char end_line[60];
	snprintf(end_line, sizeof end_line, "\nEND %s\n.\n", m->mark);
	if (dialog_say(t, "RETR 2", "+OK") && dialog_hear_lines(t) && !strstr(t->reply, end_line))
		run_failed("RETR gives a part of the mail");
}

/* Its `removed` mail goes, where that works. */
static void read_mails(struct stage *s, way_in *enter, struct stage_mail *removed)
{
	struct dialog *t = open_dialog(s);
	if (dialog_say(t, "CAPA", "+OK"))
		dialog_hear_lines(t);
	if (enter(t)) {
		dialog_say(t, "STAT", "+OK 3 ");
		list(t, "LIST", "\n3 ");
		list(t, "UIDL", "\n3 ");
		retrieve(t, &s->mails[1]);
		list(t, "TOP 1 1", "Subject: ");
		bool asked = dialog_say(t, "DELE 3", "+OK");
		removed->least = asked ? 0 : removed->least;
		if (dialog_say(t, "QUIT", "+OK"))
			removed->most = asked ? 0 : 1;
		else if (t->refused) /* none was removed */
			removed->least = 1;
		dialog_close(t);
	} else {
		part(t);
	}
}

static bool log_in_by_tls(struct dialog *t)
{
	return dialog_say(t, "STLS", "+OK") && dialog_begin_tls(t) && log_in(t);
}

static bool log_in_hashed_pass(struct dialog *t)
{
	return dialog_say(t, "USER alice", "+OK") && dialog_say(t, "PASS rasmuslerdorf", "+OK");
}

static way_in *pop3_way(const struct stage *s)
{
	if (s->scene->users == scram_users)
		return log_in_pencil;
	if (s->scene->users == hashed_users)
		return log_in_hashed_pass;
	return strstr(s->scene->name, "TLS") ? log_in_by_tls : log_in;
}

static void play_pop3(struct stage *s)
{
	way_in *enter = pop3_way(s);
	struct dialog *other = open_other(s);
	begin(s);
	read_mails(s, enter, &s->mails[2]);
	end(s);
	stage_check_mailboxes(s);
	other->strict = true;
	enter(other);
	list(other, "UIDL", "\n2 ");
	retrieve(other, &s->mails[1]);
	part(other);
	stage_check_mailboxes(s);
}

/* ---- the start ---- */

static void play_start(struct stage *s)
{
	end(s);
	if (s->scene->pop3)
		read_mails(s, log_in, &s->mails[2]);
	else
		mails(s);
	stage_check_mailboxes(s);
}

const struct scene stage_server_scenes[] = {
	{ .name = "mails by DATA and BDAT", .session_new = receive_session_new, .play = play_mails },
	{ .name = "large mails", .session_new = receive_session_new, .play = play_large_mails },
	{ .name = "logins", .session_new = receive_session_new, .play = play_logins },
	{ .name = "logins against SCRAM's keys",
	  .users = scram_users,
	  .session_new = receive_session_new,
	  .play = play_hard_logins },
	{ .name = "logins against a hash",
	  .users = hashed_users,
	  .session_new = receive_session_new,
	  .play = play_hard_logins },
	{ .name = "mail by TLS", .session_new = receive_session_new, .play = play_tls },
	{ .name = "new users and aliases", .session_new = receive_session_new, .play = play_new_user },
	{ .name = "members of a course",
	  .course = "mymailserver",
	  .session_new = member_session_new,
	  .play = play_members },
	{ .name = "POP3", .session_new = maildrop_session_new, .play = play_pop3, .pop3 = true },
	{ .name = "POP3 against SCRAM's keys",
	  .users = scram_users,
	  .session_new = maildrop_session_new,
	  .play = play_pop3,
	  .pop3 = true },
	{ .name = "POP3 against a hash",
	  .users = hashed_users,
	  .session_new = maildrop_session_new,
	  .play = play_pop3,
	  .pop3 = true },
	{ .name = "POP3 by TLS", .session_new = maildrop_session_new, .play = play_pop3, .pop3 = true },
	{ .name = "the start of smtpmail", .session_new = receive_session_new, .play = play_start, .at_start = true },
	{ .name = "the start of popserver",
	  .session_new = maildrop_session_new,
	  .play = play_start,
	  .pop3 = true,
	  .at_start = true },
};
const size_t stage_server_scenes_count = sizeof stage_server_scenes / sizeof stage_server_scenes[0];
