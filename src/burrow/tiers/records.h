/* The records tier: one SQLite database in WAL mode, the truth that the other tiers are rebuilt
 * from. One connection, used under the store's lock; statements are prepared once and kept.
 *
 * A tool call that writes runs inside one transaction (the dispatcher's): what it does becomes
 * visible and durable as a whole, or not at all. */
#ifndef BURROW_TIERS_RECORDS_H
#define BURROW_TIERS_RECORDS_H

#include "base/error.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct records;

/* Open or create DIR/burrow.db; ":memory:" in place of the folder keeps nothing. NULL with an
 * error: the folder cannot be written, the file is no database, is newer than this program. */
struct records *records_open(const char *folder, struct error *error);
void records_close(struct records *records); /* harmless on NULL */

/* Sixteen hexadecimal digits that no other memory has, made with the database. */
const char *records_identity(const struct records *records);

/* Bring the tables of one part up to date: `steps` are SQL texts, run in order, each once in the
 * life of a database; the list ends with NULL and only ever grows. */
int records_migrate(struct records *records, const char *part, const char *const *steps,
                    struct error *error);

/* The transaction of a call that reads: it sees one state of the records, and the file is locked
 * once for all its statements. What such a call writes all the same is committed at its end. */
int records_begin_reading(struct records *records, struct error *error);
void records_end_reading(struct records *records);
/* Calls that read one after another within a step see the same state, and lock the file once: the
 * transaction of one is left to the next. These two without the store's lock, by any thread. */
void records_step_begin(struct records *records);
void records_step_end(struct records *records);
/* Ends what was left to a next one. While it is not, SQLite cannot begin its log anew. */
void records_let_go(struct records *records);
/* The transaction of a call that writes. Not nested; one that reads is ended. */
int records_begin(struct records *records, struct error *error);
int records_commit(struct records *records, struct error *error);
void records_rollback(struct records *records);
bool records_is_writing(const struct records *records);
/* From here on the transactions that write are parts of one: a commit is put off, a rollback undoes
 * what its own part has done. The end commits all of them, or none: -1 with an error, also when a
 * part has failed in such a way that SQLite undid the others with it. */
void records_share(struct records *records);
int records_share_end(struct records *records, struct error *error);

/* A statement, ready to be bound and stepped; kept for the next call with the same text, whose
 * address is the key: `sql` must be a literal. NULL with an error when SQLite refuses it. End each
 * use with records_done, which resets it and clears what was bound. */
sqlite3_stmt *records_statement(struct records *records, const char *sql, struct error *error);
void records_done(sqlite3_stmt *statement);

/* The common case in one call. `types` has a letter for each parameter: i (int64_t), d (double), s
 * (const char *, NULL is SQL NULL), b (const void *, size_t). Runs to the end. Returns the number
 * of rows changed, -1 with an error. */
int64_t records_run(struct records *records, struct error *error, const char *sql,
                    const char *types, ...);
/* The same, to be stepped by the caller with records_next; NULL with an error. */
sqlite3_stmt *records_query(struct records *records, struct error *error, const char *sql,
                            const char *types, ...);
/* The first column of the first row as an integer; `missing` when there is no row. -1 on an error.
 */
int records_integer(struct records *records, struct error *error, int64_t missing, int64_t *value,
                    const char *sql, const char *types, ...);
/* True: a row is there. False: the end or an error, which is in `error`; the statement is done
 * then. Leave earlier with records_done. */
bool records_next(sqlite3_stmt *statement, struct error *error);

int64_t records_last_id(struct records *records);
sqlite3 *records_handle(struct records *records); /* for statistics and tests */

/* Column as text: "" for NULL; valid until the next step. */
const char *records_text(sqlite3_stmt *statement, int column);
/* Column as a new JSON string, null for NULL. */
json_t *records_json_text(sqlite3_stmt *statement, int column);
/* Column that holds JSON text, parsed; new reference, null when it is none. */
json_t *records_json(sqlite3_stmt *statement, int column);

/* The functions of FTS5 (https://www.sqlite.org/fts5.html, section 7). NULL with an error when this
 * SQLite has none. */
fts5_api *records_full_text(struct records *records, struct error *error);

#endif
