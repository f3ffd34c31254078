/*
 * login: see login.h. The way of an attempt: wait (penalty), read the users file again where it has changed, check, note and answer. One is under way at a
 * time: its session waits for it.
 */
#include "server/login.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "server/meters.h"
#include "server/network.h"
#include "server/penalty.h"
#include "server/turns.h"

enum {
	CHALLENGE_MAX = 16 * 1024, /* octets of one in BASE64: SCRAM repeats what the client made up */
	PARTS = 3,                 /* a name, a stamp and a digest */
	WAITS_MAX_MS = 45000, /* of one attempt: three times the longest wait, where many from its address wait, too */
};

enum way { BY_SASL, BY_PASSWORD, BY_APOP };

struct login {
	struct login_party party;
	struct sasl_exchange *exchange; /* from login_begin to its verdict */
	bool owed;                      /* an answer */
	bool outdated;                  /* the users file has changed, and could not be read */
	enum way way;
	bool has_response;
	struct slice parts[PARTS]; /* what the peer said: of `said` */
	char *said;                /* holds a password; wiped */
	size_t said_len;
	struct pause pause; /* before an attempt is looked at */
	int wait_ms;        /* the check has found that it must wait, again */
	int waited_ms;      /* in all */
	bool booked;        /* its address's turn is this attempt's (penalty_begin) */
	struct turn turn;   /* its job is what runs now, whether it waits for a turn or not */
	enum login_result result;
	struct buf challenge;
	char user[USERS_NAME_MAX + 1]; /* after LOGIN_OK */
};

static struct login *of_job(struct job *job)
{
	return (struct login *)((char *)job - offsetof(struct login, turn.job));
}

/* ---- what is offered ---- */

bool login_plaintext_allowed(const struct login_party *party)
{
	const struct site *site = party->site;
	return !site->course->standard || party->session->tls || network_is_loopback(party->peer) ||
	       site->options->plaintext || site->inboxes; /* there is nothing to protect */
}

static struct sasl_situation situation_of(const struct login_party *party)
{
	const struct session_tls *tls = party->session->tls;
	struct sasl_situation situation = { .plaintext = login_plaintext_allowed(party) };
	if (tls && tls->has_binding && !party->site->options->no_binding)
		situation.binding = slice_make((const char *)tls->binding, sizeof tls->binding);
	return situation;
}

void login_mechanisms(const struct login_party *party, char list[SASL_LIST_MAX])
{
	const struct sasl_situation situation = situation_of(party);
	sasl_list(party->site->users, &situation, list);
}

bool login_apop_offered(const struct site *site)
{
	return users_all_plain(site->users);
}

/* ---- what the peer said ---- */

static void forget(struct login *l)
{
	if (l->said)
		explicit_bzero(l->said, l->said_len);
	free(l->said);
	l->said = NULL;
	l->said_len = 0;
}

/* A copy of the parts: the session's line is gone when a job looks at them. */
static bool keep(struct login *l, const struct slice parts[], size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	forget(l);
	l->said = malloc(len + 1);
	if (!l->said)
		return false;
	l->said_len = len;
	char *to = l->said;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0)
			memcpy(to, parts[i].ptr, parts[i].len);
		l->parts[i] = slice_make(to, parts[i].len);
		to += parts[i].len;
	}
	return true;
}

/* ---- the answer ---- */

/* What the session does with it may begin the next attempt, or end it all. */
static void tell(struct login *l)
{
	const struct login_party party = l->party;
	struct buf challenge = l->challenge;
	char user[sizeof l->user];
	struct login_answer answer = { .result = l->result };
	memcpy(user, l->user, sizeof user);
	if (answer.result == LOGIN_CHALLENGE)
		answer.challenge = challenge.data;
	if (answer.result == LOGIN_OK)
		answer.user = user;
	buf_init(&l->challenge, CHALLENGE_MAX);
	l->owed = false;
	party.answered(party.owner, &answer);
	buf_release(&challenge);
}

static const char *outcome_of(enum login_result result)
{
	switch (result) {
	case LOGIN_OK:
		return "ok";
	case LOGIN_WRONG:
		return "wrong";
	case LOGIN_MALFORMED:
		return "malformed";
	default:
		return "fault";
	}
}

static void log_attempt(const struct login *l, const char *outcome)
{
	const char *mechanism = l->way == BY_PASSWORD ? "password" : "APOP";
	struct slice name = l->parts[0];
	char word[LOG_WORD_MAX + 1];
	if (l->way == BY_SASL) {
		mechanism = sasl_mechanism(l->exchange);
		name = slice_str(sasl_claimed(l->exchange));
	}
	if (name.len > USERS_NAME_MAX)
		name.len = USERS_NAME_MAX;
	meters_count(l->party.site->meters, strcmp(outcome, "ok") == 0 ? METER_LOGINS : METER_FAILED_LOGINS, 1);
	log_info("login user=%s peer=%s by=%s outcome=%s", log_word(word, name), l->party.peer, mechanism, outcome);
}

static void end_exchange(struct login *l)
{
	sasl_free(l->exchange);
	l->exchange = NULL;
}

static void wait_and_try(struct login *l, int ms);

/* The attempt, or a step of it, is checked, or has to wait. */
static void finish(struct job *job)
{
	struct login *l = of_job(job);
	if (l->wait_ms > 0) {
		wait_and_try(l, l->wait_ms);
		return;
	}
	if (l->result != LOGIN_CHALLENGE) {
		log_attempt(l, outcome_of(l->result));
		end_exchange(l);
	}
	forget(l);
	tell(l);
}

/* Nothing was tried: not an attempt that is noted. */
static void refuse(struct login *l, enum login_result result)
{
	l->result = result;
	end_exchange(l);
	forget(l);
	tell(l);
}

/* ---- checking ---- */

static enum login_result result_of(enum sasl_verdict verdict)
{
	static const enum login_result results[] = {
		[SASL_CHALLENGE] = LOGIN_CHALLENGE,
		[SASL_OK] = LOGIN_OK,
		[SASL_WRONG] = LOGIN_WRONG,
		[SASL_MALFORMED] = LOGIN_MALFORMED,
		[SASL_NO_MECHANISM] = LOGIN_NO_MECHANISM,
		[SASL_NEEDS_TLS] = LOGIN_NEEDS_TLS,
		[SASL_FAULT] = LOGIN_FAULT,
	};
	return results[verdict];
}

static enum login_result step(struct login *l)
{
	enum sasl_verdict verdict = sasl_step(l->exchange, l->parts[0], l->has_response, &l->challenge);
	if (verdict == SASL_OK)
		memcpy(l->user, sasl_user(l->exchange), strlen(sasl_user(l->exchange)) + 1);
	if (verdict == SASL_CHALLENGE && !buf_append_char(&l->challenge, '\0'))
		return LOGIN_FAULT;
	return result_of(verdict);
}

static void judge(struct login *l)
{
	static const enum login_result results[] = {
		[PASSWORD_WRONG] = LOGIN_WRONG,
		[PASSWORD_RIGHT] = LOGIN_OK,
		[PASSWORD_FAULT] = LOGIN_FAULT,
	};
	struct users *users = l->party.site->users;
	enum password_verdict verdict;
	switch (l->way) {
	case BY_SASL:
		l->result = step(l);
		return;
	case BY_PASSWORD:
		verdict = users_verify(users, l->parts[0], l->parts[1], l->user);
		break;
	default:
		verdict = users_verify_apop(users, l->parts[0], l->parts[1], l->parts[2], l->user);
		break;
	}
	l->result = results[verdict];
}

static bool is_slow(const struct login *l)
{
	if (l->way == BY_SASL)
		return sasl_is_slow(l->exchange);
	return l->way == BY_PASSWORD && !users_all_plain(l->party.site->users);
}

/* On a hashing thread, where it takes long. Others from its address may have failed since it began to wait: it is asked again, and its outcome is noted before
 * the next one is looked at. When the server ends, nobody is there any more for whom to hash what hundreds may have left in line. */
static void check(struct job *job)
{
	struct login *l = of_job(job);
	struct penalty *penalty = l->party.site->penalty;
	l->wait_ms = 0;
	l->result = LOGIN_FAULT;
	if (is_slow(l) && atomic_load(&l->party.site->ending))
		return;
	if (l->party.loop && !l->booked)
		l->wait_ms = penalty_begin(penalty, l->party.peer, &l->booked);
	if (l->wait_ms > 0)
		return;
	judge(l);
	if (l->result == LOGIN_WRONG && l->outdated)
		l->result = LOGIN_FAULT; /* it may be right by now */
	if (l->result == LOGIN_OK || l->result == LOGIN_WRONG)
		penalty_note(penalty, l->party.peer, l->result == LOGIN_OK);
}

/* The mechanism's first question: nothing is tried yet. */
static void ask(struct job *job)
{
	judge(of_job(job));
}

static void set_job(struct login *l, void (*work)(struct job *), void (*done)(struct job *))
{
	l->turn.job = (struct job){ .work = work, .done = done, .home = l->party.loop };
}

/* What is done for an attempt on another thread; without a loop (tests) at once. */
static void run(struct login *l, struct jobs *jobs, void (*work)(struct job *), void (*done)(struct job *))
{
	set_job(l, work, done);
	jobs_run(l->party.loop ? jobs : NULL, &l->turn.job);
}

static void begin_check(struct job *job)
{
	struct login *l = of_job(job);
	struct turns *turns = l->party.site->turns;
	set_job(l, check, finish);
	if (l->party.loop && turns && is_slow(l))
		turns_run(turns, l->party.peer, &l->turn);
	else
		jobs_run(NULL, &l->turn.job);
}

static void refresh(struct job *job)
{
	struct login *l = of_job(job);
	l->outdated = !site_refresh_users(l->party.site);
}

/* `next` comes when it is known who the users are now. */
static void look_at_users(struct login *l, void (*next)(struct job *))
{
	l->outdated = false;
	if (users_changed(l->party.site->users))
		run(l, l->party.site->jobs, refresh, next);
	else
		next(&l->turn.job);
}

static void waited(struct pause *p, bool cut)
{
	struct login *l = (struct login *)((char *)p - offsetof(struct login, pause));
	if (cut)
		refuse(l, LOGIN_FAULT);
	else
		look_at_users(l, begin_check);
}

static void wait_and_try(struct login *l, int ms)
{
	l->waited_ms += ms;
	if (l->waited_ms > WAITS_MAX_MS)
		log_attempt(l, "too-many-wait");
	if (l->waited_ms > WAITS_MAX_MS || !loop_pause(l->party.loop, &l->pause, ms))
		refuse(l, LOGIN_FAULT);
}

/* What the peer said is not looked at before its address's penalty is over. */
static void attempt(struct login *l)
{
	int ms = l->booked ? 0 : penalty_wait(l->party.site->penalty, l->party.peer);
	if (ms == 0 || !l->party.loop)
		look_at_users(l, begin_check);
	else
		wait_and_try(l, ms);
}

/* ---- what sessions ask for ---- */

struct login *login_new(const struct login_party *party)
{
	struct login *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->party = *party;
	l->pause.over = waited;
	buf_init(&l->challenge, CHALLENGE_MAX);
	return l;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	assert(!l->owed);
	end_exchange(l);
	forget(l);
	buf_release(&l->challenge);
	free(l);
}

static void begin(struct login *l, enum way way)
{
	assert(!l->owed);
	end_exchange(l);
	l->way = way;
	l->wait_ms = 0;
	l->waited_ms = 0;
	l->booked = false;
	l->owed = true;
}

/* Which mechanisms there are depends on the users. */
static void begin_exchange(struct job *job)
{
	struct login *l = of_job(job);
	const struct sasl_situation situation = situation_of(&l->party);
	enum sasl_verdict verdict = sasl_begin(&l->exchange, l->party.site->users, l->parts[0], &situation);
	l->parts[0] = l->parts[1];
	if (verdict != SASL_CHALLENGE)
		refuse(l, result_of(verdict));
	else if (l->has_response)
		attempt(l);
	else
		run(l, NULL, ask, finish);
}

void login_begin(struct login *l, struct slice mechanism, const struct slice *initial)
{
	const struct slice parts[] = { mechanism, initial ? *initial : slice_make("", 0) };
	begin(l, BY_SASL);
	l->has_response = initial != NULL;
	if (keep(l, parts, 2))
		look_at_users(l, begin_exchange);
	else
		refuse(l, LOGIN_FAULT);
}

void login_step(struct login *l, struct slice response)
{
	assert(l->exchange && !l->owed);
	l->owed = true;
	l->has_response = true;
	if (keep(l, &response, 1))
		attempt(l);
	else
		refuse(l, LOGIN_FAULT);
}

void login_cancel(struct login *l)
{
	assert(l->exchange && !l->owed);
	log_attempt(l, "cancelled");
	end_exchange(l);
	penalty_note(l->party.site->penalty, l->party.peer, false);
}

void login_password(struct login *l, struct slice name, struct slice password)
{
	const struct slice parts[] = { name, password };
	begin(l, BY_PASSWORD);
	if (keep(l, parts, 2))
		attempt(l);
	else
		refuse(l, LOGIN_FAULT);
}

void login_apop(struct login *l, struct slice name, struct slice stamp, struct slice digest)
{
	const struct slice parts[] = { name, stamp, digest };
	begin(l, BY_APOP);
	if (keep(l, parts, 3))
		attempt(l);
	else
		refuse(l, LOGIN_FAULT);
}
