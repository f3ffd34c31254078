/*
 * explain: follows a dialogue, finds the row of each line in the tables, and puts its sentence together. See explain.h.
 */
#include "protocol/explain.h"

#include "protocol/command.h"

enum { HEAD_MAX = 512 }; /* octets of a command in which its verb is looked for */

/* A reply as it was read. */
struct reply_seen {
	int code;         /* 550; POP3: 2, 3 or 5 */
	bool more;        /* "250-" */
	struct slice tag; /* "[IN-USE]", or empty */
};

static const struct explain_verb greeting = { .verb = EXPLAIN_GREETING };
static const struct explain_verb unasked = { .verb = EXPLAIN_UNASKED };

void explain_init(struct explain *e, const struct course_verb *verbs, size_t verbs_len)
{
	*e = (struct explain){ .state = EXPLAIN_SILENT, .verbs = verbs, .verbs_len = verbs_len };
	buf_init(&e->said, EXPLAIN_MAX);
}

void explain_release(struct explain *e)
{
	buf_release(&e->said);
}

/* ---- the tables ---- */

static const struct explain_verb *find_verb(const struct explain_protocol *p, struct slice word)
{
	const struct explain_verb *last = &p->verbs[p->verbs_len - 1]; /* EXPLAIN_UNKNOWN */
	for (const struct explain_verb *v = p->verbs; v < last; v++) {
		if (slice_equal_text_nocase(word, v->verb))
			return v;
	}
	return last;
}

static const struct explain_session_state *find_state(const struct explain *e)
{
	const struct explain_protocol *p = e->protocol;
	const struct explain_session_state *s = p->states;
	while (s->state != e->state && s < p->states + p->states_len - 1)
		s++;
	return s;
}

static bool code_fits(int wanted, int code)
{
	return wanted == 0 || wanted == code || (wanted < 10 && wanted == code / 100);
}

/* What can be seen to be wrong with a command, whatever the server says of it. */
static enum explain_fault fault_of(const struct explain *e, const struct explain_pending *command)
{
	const struct explain_verb *v = command->verb;
	if (command->too_long)
		return EXPLAIN_TOO_LONG;
	if (!(v->states & e->state))
		return EXPLAIN_OUT_OF_ORDER;
	if (v->argument != EXPLAIN_MAY_ARGUMENT && command->argument != (v->argument == EXPLAIN_NEEDS_ARGUMENT))
		return EXPLAIN_BAD_ARGUMENT;
	return EXPLAIN_ANY_FAULT;
}

/* NULL: no such reply is known. */
static const struct explain_reply *find_reply(const struct explain *e, const struct explain_pending *command,
                                              const struct reply_seen *reply)
{
	const struct explain_protocol *p = e->protocol;
	enum explain_fault fault = fault_of(e, command);
	for (const struct explain_reply *r = p->replies; r < p->replies + p->replies_len; r++) {
		if ((!r->verb || strcmp(r->verb, command->verb->verb) == 0) && code_fits(r->code, reply->code) &&
		    (!r->tag || slice_equal_text_nocase(reply->tag, r->tag)) &&
		    (r->fault == EXPLAIN_ANY_FAULT || r->fault == fault) && (r->from == 0 || (r->from & e->state)))
			return r;
	}
	return NULL;
}

/* ---- the sentence; its buffer holds the longest that the tables make ---- */

static void say(struct explain *e, const char *text)
{
	buf_append_text(&e->said, text);
}

/* With what stands for the placeholders. */
static void say_filled(struct explain *e, const char *text, const struct explain_verb *verb)
{
	for (; *text; text++) {
		if (*text == '#')
			buf_printf(&e->said, "%zu", e->count);
		else if (*text != '%')
			buf_append_char(&e->said, *text);
		else if (*++text == 'v' && verb->right)
			say(e, verb->right);
		else
			say(e, find_state(e)->next);
	}
}

static void say_section(struct explain *e, const char *section)
{
	buf_printf(&e->said, " (%s)", section);
}

static struct slice say_remark(struct explain *e, const struct explain_remark *remark)
{
	say(e, remark->sentence);
	say_section(e, remark->section);
	return buf_slice(&e->said);
}

static void say_state(struct explain *e)
{
	say_filled(e, find_state(e)->text, &unasked);
}

/* ---- commands ---- */

static void push_command(struct explain *e, struct explain_pending command)
{
	if (e->beyond > 0 || e->waiting == EXPLAIN_PENDING_MAX)
		e->beyond++;
	else
		e->pending[(e->first + e->waiting++) % EXPLAIN_PENDING_MAX] = command;
}

/* The command that this reply answers. */
static struct explain_pending pop_command(struct explain *e)
{
	struct explain_pending command = { .verb = &unasked };
	if (e->state == EXPLAIN_SILENT) {
		command.verb = &greeting;
	} else if (e->waiting > 0) {
		command = e->pending[e->first];
		e->first = (e->first + 1) % EXPLAIN_PENDING_MAX;
		e->waiting--;
	} else if (e->beyond > 0) {
		command = (struct explain_pending){ .verb = find_verb(e->protocol, slice_str(EXPLAIN_UNKNOWN)) };
		e->beyond--;
	}
	return command;
}

static bool is_last_chunk(const struct explain_verb *verb, struct slice argument)
{
	slice_word(&argument);
	return strcmp(verb->verb, "BDAT") == 0 && slice_equal_text_nocase(argument, "LAST");
}

static struct slice explain_command(struct explain *e, struct slice line, bool cut)
{
	char room[HEAD_MAX + COMMAND_MEANING_MAX];
	struct slice head = slice_make(line.ptr, line.len < HEAD_MAX ? line.len : HEAD_MAX);
	struct slice rest = command_respell(e->verbs, e->verbs_len, head, room);
	bool respelled = rest.ptr == room;
	struct explain_pending command = {
		.verb = find_verb(e->protocol, slice_word(&rest)),
		.too_long = line.len + 2 > e->protocol->line_max,
	};
	command.argument = cut || !slice_empty(rest);
	if (is_last_chunk(command.verb, rest))
		command.verb = find_verb(e->protocol, slice_str(EXPLAIN_LAST_CHUNK));
	push_command(e, command);
	say(e, command.verb->sentence);
	if (respelled)
		say(e, explain_spelling);
	say_section(e, command.verb->section);
	return buf_slice(&e->said);
}

/* A line of a text, either side's. */
static struct slice explain_text_line(struct explain *e, struct slice line)
{
	if (line.len > 1 && line.ptr[0] == '.' && line.ptr[1] == '.')
		return say_remark(e, &explain_stuffed);
	return slice_make("", 0);
}

static bool is_full_stop(struct slice line)
{
	return slice_equal_text(line, ".");
}

struct slice explain_client(struct explain *e, struct slice line, bool cut)
{
	buf_clear(&e->said);
	if (!e->protocol) {
		e->beyond++;
		return say_remark(e, &explain_too_early);
	}
	if (e->state == EXPLAIN_SMTP_LOGIN || e->state == EXPLAIN_POP3_EXCHANGE)
		return explain_command(e, slice_str(EXPLAIN_RESPONSE), false);
	if (e->state != EXPLAIN_SMTP_TEXT || e->text_ended)
		return explain_command(e, line, cut);
	if (!is_full_stop(line))
		return explain_text_line(e, line);
	e->text_ended = true;
	return explain_command(e, slice_str(EXPLAIN_TEXT_END), false);
}

struct slice explain_text(struct explain *e, struct slice line)
{
	if (e->state == EXPLAIN_SMTP_TEXT)
		return explain_client(e, line, false);
	return slice_make("", 0); /* a chunk's: its octets are sent as they are */
}

/* ---- replies ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_smtp_reply(struct slice line, struct reply_seen *reply)
{
	if (line.len < 3 || !is_digit(line.ptr[0]) || !is_digit(line.ptr[1]) || !is_digit(line.ptr[2]))
		return false;
	*reply = (struct reply_seen){
		.code = (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0'),
		.more = line.len > 3 && line.ptr[3] == '-',
	};
	return true;
}

static bool read_pop3_reply(struct slice line, struct reply_seen *reply)
{
	struct slice status = slice_word(&line);
	*reply = (struct reply_seen){ .code = 2 };
	if (slice_starts_nocase(status, "+OK"))
		return true;
	if (slice_equal_text(status, "+")) {
		reply->code = 3;
		return true;
	}
	if (!slice_starts_nocase(status, "-ERR"))
		return false;
	reply->code = 5;
	if (line.len > 0 && line.ptr[0] == '[')
		reply->tag = slice_make(line.ptr, slice_find(line, ']') + (slice_has(line, ']') ? 1 : 0));
	return true;
}

static bool read_reply(struct explain *e, struct slice line, struct reply_seen *reply)
{
	if (!e->protocol && read_smtp_reply(line, reply))
		e->protocol = &explain_smtp;
	else if (!e->protocol && read_pop3_reply(line, reply))
		e->protocol = &explain_pop3;
	if (!e->protocol)
		return false;
	return e->protocol == &explain_smtp ? read_smtp_reply(line, reply) : read_pop3_reply(line, reply);
}

static void enter(struct explain *e, const struct explain_reply *row)
{
	if (row->then) {
		e->state = row->then;
		e->text_ended = false;
	}
	if (row->count == EXPLAIN_COUNT_UP)
		e->count++;
	else if (row->count == EXPLAIN_COUNT_ZERO)
		e->count = 0;
}

/* "State stays: …", or "State before: …; now: …" */
static void say_change(struct explain *e, const struct explain_reply *row)
{
	size_t count = e->count;
	unsigned state = e->state;
	size_t start = e->said.len;
	say(e, ". State before: ");
	say_state(e);
	enter(e, row);
	if (e->state != state || e->count != count) {
		say(e, "; now: ");
		say_state(e);
		return;
	}
	e->said.len = start;
	say(e, ". State stays: ");
	say_state(e);
}

static bool lines_follow(const struct explain_pending *command, const struct reply_seen *reply)
{
	const struct explain_verb *v = command->verb;
	return code_fits(2, reply->code) && (v->lines || (v->lines_if_alone && !command->argument));
}

static struct slice explain_answer(struct explain *e, const struct reply_seen *reply)
{
	struct explain_pending command = pop_command(e);
	const struct explain_reply *row = find_reply(e, &command, reply);
	if (!row)
		return say_remark(e, &explain_no_reply);
	say(e, row->sentence);
	e->in_lines = lines_follow(&command, reply);
	e->answered = command.verb;
	if (e->in_lines)
		say(e, explain_lines_follow);
	say_change(e, row);
	if (row->right) {
		say(e, ". ");
		say_filled(e, row->right, command.verb);
	}
	say_section(e, row->section);
	return buf_slice(&e->said);
}

static const struct explain_extension *find_extension(const struct explain_protocol *p, struct slice line)
{
	struct slice word = slice_word(&line);
	size_t equals = slice_find(word, '='); /* "AUTH=LOGIN", as some old servers have it */
	for (const struct explain_extension *x = p->extensions; x < p->extensions + p->extensions_len; x++) {
		if (slice_equal_text_nocase(slice_make(word.ptr, equals), x->word))
			return x;
	}
	return NULL;
}

/* A line that says what the server can do. */
static void say_extension(struct explain *e, struct slice line)
{
	const struct explain_extension *x = find_extension(e->protocol, line);
	const struct explain_remark remark =
	        x ? (struct explain_remark){ x->sentence, x->section } : explain_no_extension;
	say_remark(e, &remark);
}

static bool lists_extensions(const struct explain *e, const struct explain_verb *verb)
{
	return strcmp(verb->verb, e->protocol->list_verb) == 0;
}

/* A line of a reply of several, "250-SIZE 1000" or "250 HELP": its first says that more come, its last what the reply means; EHLO's list
 * between them is explained line by line. */
static struct slice explain_smtp_line(struct explain *e, struct slice line, const struct reply_seen *reply)
{
	bool first = !e->in_reply;
	const struct explain_verb *verb = e->waiting > 0 ? e->pending[e->first].verb : &unasked;
	e->in_reply = reply->more;
	if (first && reply->more)
		return say_remark(e, &explain_more_lines);
	if (!first && reply->code == 250 && lists_extensions(e, verb))
		say_extension(e, slice_skip(line, 4));
	if (reply->more)
		return buf_slice(&e->said);
	if (e->said.len > 0)
		say(e, "; ");
	return explain_answer(e, reply);
}

/* A line of a text that the server sends, or of a list. */
static struct slice explain_sent_line(struct explain *e, struct slice line)
{
	if (is_full_stop(line)) {
		e->in_lines = false;
		return say_remark(e, &explain_lines_end);
	}
	if (!lists_extensions(e, e->answered))
		return explain_text_line(e, line);
	say_extension(e, line);
	return buf_slice(&e->said);
}

struct slice explain_server(struct explain *e, struct slice line)
{
	struct reply_seen reply;
	buf_clear(&e->said);
	if (e->in_lines)
		return explain_sent_line(e, line);
	if (!read_reply(e, line, &reply))
		return say_remark(e, &explain_no_reply);
	if (e->protocol == &explain_smtp)
		return explain_smtp_line(e, line, &reply);
	return explain_answer(e, &reply);
}

/* ---- connections ---- */

struct slice explain_note(struct explain *e)
{
	buf_clear(&e->said);
	if (!e->met) {
		e->met = true;
		return say_remark(e, &explain_connects);
	}
	if (!e->protocol)
		e->protocol = &explain_smtp; /* both say the same of a server that has not spoken */
	const struct explain_session_state *s = find_state(e);
	say(e, s->hung_up);
	say_section(e, s->section);
	return buf_slice(&e->said);
}
