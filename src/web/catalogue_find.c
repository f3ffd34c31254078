/*
 * catalogue_find: a query as SQL. Everything that anybody typed is bound, never pasted. See catalogue.h.
 */
#include <stdio.h>

#include "base/log.h"
#include "web/catalogue_sql.h"

enum { SQL_MAX = 4096, BINDS_MAX = 20 };

#define COLUMNS                                                                                                \
	"SELECT m.row, m.id, m.inbox, m.uid, m.sender, m.sent_to, m.subject, m.snippet, m.received, m.octets," \
	" m.attachments, o.session, o.login, o.sender, o.recipients FROM mail m LEFT JOIN origin o ON o.id=m.id"

/* SQL under way, and what is bound to its question marks. */
struct sql {
	struct buf text;
	struct bind {
		const char *text; /* NULL: the number */
		int64_t number;
	} binds[BINDS_MAX];
	int count;
	bool ok;
	struct buf match;
	struct buf without;
};

static void say(struct sql *q, const char *text)
{
	q->ok = q->ok && buf_append_text(&q->text, text);
}

static void bind_text(struct sql *q, const char *text)
{
	q->binds[q->count++] = (struct bind){ .text = text };
}

static void bind_number(struct sql *q, int64_t number)
{
	q->binds[q->count++] = (struct bind){ .number = number };
}

static void say_if(struct sql *q, const char *value, const char *text)
{
	if (!value || !*value)
		return;
	say(q, text);
	bind_text(q, value);
}

static void say_text(struct sql *q, const char *typed)
{
	q->ok = q->ok && query_match(slice_str(typed ? typed : ""), &q->match, &q->without) &&
	        buf_append_char(&q->match, '\0') && buf_append_char(&q->without, '\0');
	if (!q->ok)
		return;
	say_if(q, q->match.data, " AND m.row IN (SELECT rowid FROM words WHERE words MATCH ?)");
	say_if(q, q->without.data, " AND m.row NOT IN (SELECT rowid FROM words WHERE words MATCH ?)");
}

static void say_place(struct sql *q, const struct query *query)
{
	if (query->since > 0) {
		say(q, " AND m.received >= ?");
		bind_number(q, query->since);
	}
	if (query->row > 0) {
		say(q, " AND m.row = ?");
		bind_number(q, query->row);
	}
	if (query->before_row > 0) {
		say(q, " AND (m.received, m.row) < (?, ?)");
		bind_number(q, query->before_when);
		bind_number(q, query->before_row);
	}
}

static void say_where(struct sql *q, const struct query *query)
{
	say(q, " WHERE 1");
	say_if(q, query->only, " AND m.inbox=?");
	say_if(q, query->inbox, " AND m.inbox=?");
	say_if(q, query->to, " AND m.row IN (SELECT row FROM address WHERE text=lower(?))");
	say_if(q, query->tag, " AND m.row IN (SELECT row FROM address WHERE text='+'||lower(?))");
	say_if(q, query->login, " AND m.id IN (SELECT id FROM origin WHERE login=?)");
	say_if(q, query->from, " AND instr(lower(m.sender), lower(?))");
	say_if(q, query->subject, " AND instr(lower(m.subject), lower(?))");
	say_text(q, query->text);
	say_place(q, query);
}

static void sql_init(struct sql *q)
{
	*q = (struct sql){ .ok = true };
	buf_init(&q->text, SQL_MAX);
	buf_init(&q->match, QUERY_MATCH_MAX);
	buf_init(&q->without, QUERY_MATCH_MAX);
}

static void sql_release(struct sql *q)
{
	buf_release(&q->text);
	buf_release(&q->match);
	buf_release(&q->without);
}

static sqlite3_stmt *make(struct catalogue *c, struct sql *q)
{
	sqlite3_stmt *s = NULL;
	if (!q->ok || sqlite3_prepare_v2(c->db, q->text.data, (int)q->text.len, &s, NULL) != SQLITE_OK)
		return NULL;
	for (int i = 0; i < q->count; i++) {
		if (q->binds[i].text)
			catalogue_bind(s, i + 1, q->binds[i].text);
		else
			sqlite3_bind_int64(s, i + 1, q->binds[i].number);
	}
	return s;
}

static void give(sqlite3_stmt *s, catalogue_each *each, void *owner)
{
	const struct catalogue_mail mail = {
		.row = sqlite3_column_int64(s, 0),
		.id = catalogue_text(s, 1),
		.inbox = catalogue_text(s, 2),
		.uid = catalogue_text(s, 3),
		.from = catalogue_text(s, 4),
		.to = catalogue_text(s, 5),
		.subject = catalogue_text(s, 6),
		.snippet = catalogue_text(s, 7),
		.when = sqlite3_column_int64(s, 8),
		.octets = sqlite3_column_int64(s, 9),
		.attachments = sqlite3_column_int64(s, 10),
		.session = sqlite3_column_int64(s, 11),
		.login = catalogue_text(s, 12),
		.sender = catalogue_text(s, 13),
		.recipients = catalogue_text(s, 14),
	};
	each(owner, &mail);
}

bool catalogue_find(struct catalogue *c, const struct query *query, catalogue_each *each, void *owner)
{
	struct sql q;
	sql_init(&q);
	say(&q, COLUMNS);
	say_where(&q, query);
	say(&q, " ORDER BY m.received DESC, m.row DESC LIMIT ? OFFSET ?");
	bind_number(&q, (int64_t)query->limit);
	bind_number(&q, (int64_t)query->offset);
	sqlite3_stmt *s = make(c, &q);
	while (s && catalogue_step(c, s))
		give(s, each, owner);
	sqlite3_finalize(s);
	sql_release(&q);
	return s != NULL;
}

size_t catalogue_count(struct catalogue *c, const struct query *query)
{
	struct sql q;
	sql_init(&q);
	say(&q, "SELECT count(*) FROM (SELECT 1 FROM mail m");
	say_where(&q, query);
	say(&q, " LIMIT ?)");
	bind_number(&q, query->limit > 0 ? (int64_t)query->limit : -1);
	sqlite3_stmt *s = make(c, &q);
	size_t count = s && catalogue_step(c, s) ? (size_t)sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	sql_release(&q);
	return count;
}

bool catalogue_mail(struct catalogue *c, const char *id, catalogue_each *each, void *owner)
{
	sqlite3_stmt *s = catalogue_prepare(c, COLUMNS " WHERE m.id=?1");
	catalogue_bind(s, 1, id);
	bool found = catalogue_step(c, s);
	if (found)
		give(s, each, owner);
	catalogue_done(s);
	return found;
}

void catalogue_mails_of(struct catalogue *c, int64_t session, catalogue_each *each, void *owner)
{
	sqlite3_stmt *s = catalogue_prepare(c, COLUMNS " WHERE o.session=?1 ORDER BY m.row");
	sqlite3_bind_int64(s, 1, session);
	while (catalogue_step(c, s))
		give(s, each, owner);
	catalogue_done(s);
}
