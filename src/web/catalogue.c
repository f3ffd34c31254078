/*
 * catalogue: the tables, and one function for each thing that is asked of them. See catalogue.h; catalogue_find.c has the searches.
 */
#include "web/catalogue.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/index.h"
#include "web/catalogue_sql.h"
#include "web/text.h"

/* Another shape, another number: the old file goes. */
enum { SHAPE = 3 };

static const char schema[] =
        "CREATE TABLE inbox(name TEXT PRIMARY KEY, stamp BLOB, count INTEGER) WITHOUT ROWID;"
        "CREATE TABLE mail(row INTEGER PRIMARY KEY, id TEXT UNIQUE, inbox TEXT, uid TEXT, sender TEXT, sent_to TEXT,"
        " subject TEXT, snippet TEXT, received INTEGER, octets INTEGER, attachments INTEGER);"
        "CREATE INDEX mail_new ON mail(received, row);"
        "CREATE INDEX mail_inbox ON mail(inbox, received, row);"
        "CREATE VIRTUAL TABLE words USING fts5(subject, sender, sent_to, body, tokenize='unicode61 remove_diacritics "
        "2');"
        "CREATE TABLE address(text TEXT, row INTEGER, PRIMARY KEY(text, row)) WITHOUT ROWID;"
        "CREATE INDEX address_row ON address(row);"
        "CREATE TABLE origin(id TEXT PRIMARY KEY, session INTEGER, login TEXT, sender TEXT, recipients TEXT) WITHOUT "
        "ROWID;"
        "CREATE INDEX origin_session ON origin(session);"
        "CREATE INDEX origin_login ON origin(login) WHERE login <> '';"
        "CREATE TABLE session(row INTEGER PRIMARY KEY AUTOINCREMENT, protocol TEXT, peer TEXT, began INTEGER, ended "
        "INTEGER,"
        " why TEXT, users TEXT, recipients TEXT, mails INTEGER, errors INTEGER, dialogue BLOB);"
        "CREATE TABLE boot(id BLOB);";

/* ---- SQLite ---- */

static void note_trouble(struct catalogue *c, int status, const char *sql)
{
	int kind = status & 0xff;
	if (kind == SQLITE_OK || kind == SQLITE_ROW || kind == SQLITE_DONE)
		return;
	log_error("index: %s (%.60s)", sqlite3_errmsg(c->db), sql);
	c->broken = c->broken || kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

sqlite3_stmt *catalogue_prepare(struct catalogue *c, const char *sql)
{
	for (size_t i = 0; i < c->count; i++) {
		if (c->statements[i].sql == sql)
			return c->statements[i].statement;
	}
	sqlite3_stmt *s = NULL;
	note_trouble(c, sqlite3_prepare_v2(c->db, sql, -1, &s, NULL), sql);
	if (s && c->count < CATALOGUE_STATEMENTS_MAX)
		c->statements[c->count++] = (struct catalogue_statement){ sql, s };
	return s;
}

bool catalogue_step(struct catalogue *c, sqlite3_stmt *s)
{
	int status = s ? sqlite3_step(s) : SQLITE_NOMEM;
	note_trouble(c, status, s ? sqlite3_sql(s) : "");
	return status == SQLITE_ROW;
}

void catalogue_done(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

void catalogue_bind(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_TRANSIENT);
}

const char *catalogue_text(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return text ? text : "";
}

static void bind_buf(sqlite3_stmt *s, int at, const struct buf *text)
{
	sqlite3_bind_text(s, at, text->data ? text->data : "", (int)text->len, SQLITE_TRANSIENT);
}

static void run(struct catalogue *c, const char *sql)
{
	note_trouble(c, sqlite3_exec(c->db, sql, NULL, NULL, NULL), sql);
}

/* One row's first number. */
static int64_t ask_number(struct catalogue *c, const char *sql)
{
	sqlite3_stmt *s = catalogue_prepare(c, sql);
	int64_t number = catalogue_step(c, s) ? sqlite3_column_int64(s, 0) : 0;
	catalogue_done(s);
	return number;
}

/* ---- opening ---- */

static void remove_files(const char *path)
{
	static const char *const endings[] = { "", "-journal", "-wal", "-shm" };
	char name[PATH_MAX];
	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
		snprintf(name, sizeof name, "%s%s", path, endings[i]);
		unlink(name);
	}
}

static void close_database(struct catalogue *c)
{
	for (size_t i = 0; i < c->count; i++)
		sqlite3_finalize(c->statements[i].statement);
	c->count = 0;
	sqlite3_close(c->db);
	c->db = NULL;
}

/* Nothing is synced: what a power cut may leave is looked through in the next boot. */
static bool open_database(struct catalogue *c, const char *path)
{
	if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return false;
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	run(c, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=OFF; PRAGMA "
	       "temp_store=MEMORY;"
	       "PRAGMA cache_size=-16000; PRAGMA trusted_schema=OFF;");
	return !c->broken;
}

static bool is_sound(struct catalogue *c)
{
	if (c->broken || ask_number(c, "PRAGMA user_version") != SHAPE)
		return false;
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT id FROM boot");
	bool known = catalogue_step(c, s) && sqlite3_column_bytes(s, 0) == 16 &&
	             memcmp(sqlite3_column_blob(s, 0), index_boot(), 16) == 0;
	catalogue_done(s);
	if (known || c->broken)
		return known;
	s = catalogue_prepare(c, "PRAGMA quick_check(1)");
	bool sound = catalogue_step(c, s) && strcmp(catalogue_text(s, 0), "ok") == 0;
	catalogue_done(s);
	return sound && !c->broken;
}

static void note_boot(struct catalogue *c)
{
	run(c, "DELETE FROM boot");
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT INTO boot VALUES(?1)");
	sqlite3_bind_blob(s, 1, index_boot(), 16, SQLITE_STATIC);
	catalogue_step(c, s);
	catalogue_done(s);
}

static bool make_anew(struct catalogue *c, const char *path)
{
	char version[48];
	close_database(c);
	remove_files(path);
	c->broken = false;
	if (!open_database(c, path))
		return false;
	snprintf(version, sizeof version, "PRAGMA user_version=%d", SHAPE);
	run(c, schema);
	run(c, version);
	return !c->broken;
}

struct catalogue *catalogue_open(const char *path, struct fault *why)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", path);
	struct catalogue *c = calloc(1, sizeof *c);
	if (!c || (mkdir(dirname(dir), 0700) != 0 && errno != EEXIST)) {
		fault_errno(why, "cannot make the directory of %s", path);
		free(c);
		return NULL;
	}
	if ((open_database(c, path) && is_sound(c)) || make_anew(c, path)) {
		note_boot(c);
		/* SQLite's own source, asked for once, opens a file. */
		sqlite3_randomness(1, &(char){ 0 });
		return c;
	}
	fault_set(why, FAULT_TEMPORARY, "cannot open %s: %s", path, c->db ? sqlite3_errmsg(c->db) : "memory is out");
	catalogue_close(c);
	return NULL;
}

void catalogue_close(struct catalogue *c)
{
	if (!c)
		return;
	close_database(c);
	free(c);
}

bool catalogue_broken(const struct catalogue *c)
{
	return c->broken;
}

void catalogue_begin(struct catalogue *c)
{
	if (c->depth++ == 0)
		run(c, "BEGIN");
}

void catalogue_commit(struct catalogue *c)
{
	if (--c->depth == 0)
		run(c, "COMMIT");
}

/* ---- mailboxes ---- */

bool catalogue_inbox(struct catalogue *c, const char *inbox, struct glance_stamp *stamp, size_t *count)
{
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT stamp, count FROM inbox WHERE name=?1");
	catalogue_bind(s, 1, inbox);
	bool known = catalogue_step(c, s) && sqlite3_column_bytes(s, 0) == sizeof *stamp;
	if (known) {
		memcpy(stamp, sqlite3_column_blob(s, 0), sizeof *stamp);
		*count = (size_t)sqlite3_column_int64(s, 1);
	}
	catalogue_done(s);
	return known;
}

void catalogue_set_inbox(struct catalogue *c, const char *inbox, const struct glance_stamp *stamp, size_t count)
{
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT OR REPLACE INTO inbox VALUES(?1,?2,?3)");
	catalogue_bind(s, 1, inbox);
	sqlite3_bind_blob(s, 2, stamp, sizeof *stamp, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)count);
	catalogue_step(c, s);
	catalogue_done(s);
}

static void remove_row(struct catalogue *c, int64_t row)
{
	static const char *const statements[] = { "DELETE FROM mail WHERE row=?1", "DELETE FROM words WHERE rowid=?1",
		                                  "DELETE FROM address WHERE row=?1" };
	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		sqlite3_stmt *s = catalogue_prepare(c, statements[i]);
		sqlite3_bind_int64(s, 1, row);
		catalogue_step(c, s);
		catalogue_done(s);
	}
}

void catalogue_forget_inbox(struct catalogue *c, const char *inbox)
{
	static const char next[] = "SELECT row FROM mail WHERE inbox=?1 LIMIT 1";
	int64_t row;
	do {
		sqlite3_stmt *s = catalogue_prepare(c, next);
		catalogue_bind(s, 1, inbox);
		row = catalogue_step(c, s) ? sqlite3_column_int64(s, 0) : 0;
		catalogue_done(s);
		if (row)
			remove_row(c, row);
	} while (row && !c->broken);
	sqlite3_stmt *s = catalogue_prepare(c, "DELETE FROM inbox WHERE name=?1");
	catalogue_bind(s, 1, inbox);
	catalogue_step(c, s);
	catalogue_done(s);
}

void catalogue_inboxes(struct catalogue *c, void (*each)(void *owner, const char *inbox, size_t count), void *owner)
{
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT name, count FROM inbox ORDER BY name");
	while (catalogue_step(c, s))
		each(owner, catalogue_text(s, 0), (size_t)sqlite3_column_int64(s, 1));
	catalogue_done(s);
}

/* FNV-1a, 64 bits, of the inbox, and the unique id: short, and fit for a path. */
void catalogue_make_id(const char *inbox, const char *uid, char id[CATALOGUE_ID_MAX])
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (const char *p = inbox; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
	snprintf(id, CATALOGUE_ID_MAX, "%08x%s", (unsigned)(hash ^ hash >> 32), uid);
}

static void add_address(struct catalogue *c, struct slice address, int64_t row)
{
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT OR IGNORE INTO address VALUES(lower(?1),?2)");
	sqlite3_bind_text(s, 1, address.ptr, (int)address.len, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, row);
	catalogue_step(c, s);
	catalogue_done(s);
}

/* As it is, without its tag, and the tag alone: "ann+news@x", "ann@x", "+news". */
static void add_spellings(struct catalogue *c, struct slice address, int64_t row)
{
	char plain[512];
	size_t at = slice_find(address, '@'), plus = slice_find(address, '+');
	if (address.len == 0 || address.len >= sizeof plain)
		return;
	add_address(c, address, row);
	if (plus == 0 || plus >= at)
		return;
	add_address(c, slice_make(address.ptr + plus, at - plus), row);
	memcpy(plain, address.ptr, plus);
	memcpy(plain + plus, address.ptr + at, address.len - at);
	add_address(c, slice_make(plain, plus + address.len - at), row);
}

static void add_addresses(struct catalogue *c, struct slice list, int64_t row)
{
	while (list.len > 0) {
		size_t n = slice_find(list, '\n');
		add_spellings(c, slice_make(list.ptr, n), row);
		list = slice_skip(list, n + 1);
	}
}

/* What the mail process said of its recipients. */
static void add_origin_addresses(struct catalogue *c, const char *id, int64_t row)
{
	struct buf recipients;
	buf_init(&recipients, (size_t)64 * 1024);
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT recipients FROM origin WHERE id=?1");
	catalogue_bind(s, 1, id);
	if (catalogue_step(c, s))
		buf_append_text(&recipients, catalogue_text(s, 0));
	catalogue_done(s);
	add_addresses(c, buf_slice(&recipients), row);
	buf_release(&recipients);
}

static void add_words(struct catalogue *c, const struct digest *d, int64_t row)
{
	sqlite3_stmt *s =
	        catalogue_prepare(c, "INSERT INTO words(rowid, subject, sender, sent_to, body) VALUES(?1,?2,?3,?4,?5)");
	sqlite3_bind_int64(s, 1, row);
	bind_buf(s, 2, &d->subject);
	bind_buf(s, 3, &d->from);
	bind_buf(s, 4, &d->to);
	bind_buf(s, 5, &d->words);
	catalogue_step(c, s);
	catalogue_done(s);
}

int64_t catalogue_add(struct catalogue *c, const struct catalogue_entry *entry)
{
	char id[CATALOGUE_ID_MAX];
	const struct digest *d = entry->digest;
	catalogue_make_id(entry->inbox, entry->uid, id);
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT OR IGNORE INTO mail(id, inbox, uid, sender, sent_to, subject, "
	                                       "snippet, received, octets, attachments)"
	                                       " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)");
	catalogue_bind(s, 1, id);
	catalogue_bind(s, 2, entry->inbox);
	catalogue_bind(s, 3, entry->uid);
	bind_buf(s, 4, &d->from);
	bind_buf(s, 5, &d->to);
	bind_buf(s, 6, &d->subject);
	bind_buf(s, 7, &d->snippet);
	sqlite3_bind_int64(s, 8, d->when >= 0 ? d->when : text_now());
	sqlite3_bind_int64(s, 9, (sqlite3_int64)entry->octets);
	sqlite3_bind_int64(s, 10, (sqlite3_int64)d->attachments);
	catalogue_step(c, s);
	catalogue_done(s);
	if (sqlite3_changes(c->db) == 0)
		return 0;
	int64_t row = sqlite3_last_insert_rowid(c->db);
	add_words(c, d, row);
	add_addresses(c, buf_slice(&d->addresses), row);
	add_origin_addresses(c, id, row);
	return row;
}

static int64_t row_of(struct catalogue *c, const char *id)
{
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT row FROM mail WHERE id=?1");
	catalogue_bind(s, 1, id);
	int64_t row = catalogue_step(c, s) ? sqlite3_column_int64(s, 0) : 0;
	catalogue_done(s);
	return row;
}

void catalogue_remove(struct catalogue *c, const char *inbox, const char *uid)
{
	char id[CATALOGUE_ID_MAX];
	catalogue_make_id(inbox, uid, id);
	int64_t row = row_of(c, id);
	if (row)
		remove_row(c, row);
	sqlite3_stmt *s = catalogue_prepare(c, "DELETE FROM origin WHERE id=?1");
	catalogue_bind(s, 1, id);
	catalogue_step(c, s);
	catalogue_done(s);
}

void catalogue_uids(struct catalogue *c, const char *inbox, void (*each)(void *owner, const char *uid), void *owner)
{
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT uid FROM mail WHERE inbox=?1");
	catalogue_bind(s, 1, inbox);
	while (catalogue_step(c, s))
		each(owner, catalogue_text(s, 0));
	catalogue_done(s);
}

void catalogue_note_origin(struct catalogue *c, const struct catalogue_mail *o)
{
	char id[CATALOGUE_ID_MAX];
	catalogue_make_id(o->inbox, o->uid, id);
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT OR REPLACE INTO origin VALUES(?1,?2,?3,?4,?5)");
	catalogue_bind(s, 1, id);
	sqlite3_bind_int64(s, 2, o->session);
	catalogue_bind(s, 3, o->login);
	catalogue_bind(s, 4, o->sender);
	catalogue_bind(s, 5, o->recipients);
	catalogue_step(c, s);
	catalogue_done(s);
	int64_t row = row_of(c, id);
	if (row)
		add_addresses(c, slice_str(o->recipients), row);
}

bool catalogue_has_origin(struct catalogue *c, const char *inbox, const char *uid)
{
	char id[CATALOGUE_ID_MAX];
	catalogue_make_id(inbox, uid, id);
	sqlite3_stmt *s = catalogue_prepare(c, "SELECT 1 FROM origin WHERE id=?1");
	catalogue_bind(s, 1, id);
	bool found = catalogue_step(c, s);
	catalogue_done(s);
	return found;
}

/* ---- sessions ---- */

int64_t catalogue_new_session(struct catalogue *c)
{
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT INTO session(protocol, users) VALUES('','')");
	catalogue_step(c, s);
	catalogue_done(s);
	return sqlite3_last_insert_rowid(c->db);
}

static void forget_old_sessions(struct catalogue *c, int64_t newest)
{
	sqlite3_stmt *s = catalogue_prepare(c, "DELETE FROM session WHERE row <= ?1");
	sqlite3_bind_int64(s, 1, newest - CATALOGUE_SESSIONS_KEPT);
	catalogue_step(c, s);
	catalogue_done(s);
}

void catalogue_save_session(struct catalogue *c, const struct catalogue_session *session)
{
	sqlite3_stmt *s = catalogue_prepare(c, "INSERT OR REPLACE INTO session(row, protocol, peer, began, ended, why, "
	                                       "users, recipients, mails, errors, dialogue)"
	                                       " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
	sqlite3_bind_int64(s, 1, session->row);
	catalogue_bind(s, 2, session->protocol);
	catalogue_bind(s, 3, session->peer);
	sqlite3_bind_int64(s, 4, session->began);
	sqlite3_bind_int64(s, 5, session->ended);
	catalogue_bind(s, 6, session->why);
	catalogue_bind(s, 7, session->users);
	catalogue_bind(s, 8, session->recipients);
	sqlite3_bind_int64(s, 9, session->mails);
	sqlite3_bind_int64(s, 10, session->errors);
	sqlite3_bind_blob(s, 11, session->dialogue.ptr, (int)session->dialogue.len, SQLITE_TRANSIENT);
	catalogue_step(c, s);
	catalogue_done(s);
	forget_old_sessions(c, session->row);
}

static void give_session(sqlite3_stmt *s, bool dialogue, catalogue_each_session *each, void *owner)
{
	const struct catalogue_session session = {
		.row = sqlite3_column_int64(s, 0),
		.protocol = catalogue_text(s, 1),
		.peer = catalogue_text(s, 2),
		.began = sqlite3_column_int64(s, 3),
		.ended = sqlite3_column_int64(s, 4),
		.why = catalogue_text(s, 5),
		.users = catalogue_text(s, 6),
		.recipients = catalogue_text(s, 7),
		.mails = sqlite3_column_int64(s, 8),
		.errors = sqlite3_column_int64(s, 9),
		.dialogue = dialogue ? slice_make(sqlite3_column_blob(s, 10), (size_t)sqlite3_column_bytes(s, 10))
		                     : slice_make(NULL, 0),
	};
	each(owner, &session);
}

void catalogue_sessions(struct catalogue *c, const char *user, int64_t before, size_t limit,
                        catalogue_each_session *each, void *owner)
{
	sqlite3_stmt *s = catalogue_prepare(
	        c, "SELECT row, protocol, peer, began, ended, why, users, recipients, mails, errors FROM session"
	           " WHERE protocol<>'' AND row < ?1 AND (?2='' OR instr(char(10)||users, char(10)||?2||char(10)))"
	           " ORDER BY row DESC LIMIT ?3");
	sqlite3_bind_int64(s, 1, before > 0 ? before : INT64_MAX);
	catalogue_bind(s, 2, user ? user : "");
	sqlite3_bind_int64(s, 3, (sqlite3_int64)limit);
	while (catalogue_step(c, s))
		give_session(s, false, each, owner);
	catalogue_done(s);
}

bool catalogue_session(struct catalogue *c, int64_t row, catalogue_each_session *each, void *owner)
{
	sqlite3_stmt *s = catalogue_prepare(
	        c,
	        "SELECT row, protocol, peer, began, ended, why, users, recipients, mails, errors, dialogue FROM session"
	        " WHERE row=?1 AND protocol<>''");
	sqlite3_bind_int64(s, 1, row);
	bool found = catalogue_step(c, s);
	if (found)
		give_session(s, true, each, owner);
	catalogue_done(s);
	return found;
}
