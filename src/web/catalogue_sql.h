/*
 * catalogue_sql: what catalogue.c and catalogue_find.c share: the database, and statements that are prepared once.
 */
#ifndef POSTROOM_WEB_CATALOGUE_SQL_H
#define POSTROOM_WEB_CATALOGUE_SQL_H

#include <sqlite3.h>

#include "web/catalogue.h"

enum { CATALOGUE_STATEMENTS_MAX = 64 };

struct catalogue_statement {
	const char *sql; /* by its address: a constant's */
	sqlite3_stmt *statement;
};

struct catalogue {
	sqlite3 *db;
	struct catalogue_statement statements[CATALOGUE_STATEMENTS_MAX];
	size_t count;
	unsigned depth; /* of begin and commit */
	bool broken;
};

/* The catalogue's; after use catalogue_done(). Every function takes NULL for a statement. */
sqlite3_stmt *catalogue_prepare(struct catalogue *c, const char *sql);
void catalogue_done(sqlite3_stmt *s);
/* True: there is a row. */
bool catalogue_step(struct catalogue *c, sqlite3_stmt *s);
void catalogue_bind(sqlite3_stmt *s, int at, const char *text);
const char *catalogue_text(sqlite3_stmt *s, int column);
void catalogue_make_id(const char *inbox, const char *uid, char id[CATALOGUE_ID_MAX]);

#endif
