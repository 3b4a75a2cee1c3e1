/* See records.h. */
#include "burrow/tiers/records.h"

#include "base/utf8.h"
#include "burrow/tiers/log_writes.h"
#include "mcp/json_read.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DATABASE_VERSION 1
#define STATEMENT_SLOTS  1024 /* a power of two, above the number of literals there are */
#define STATEMENT_LIMIT  (STATEMENT_SLOTS * 3 / 4)
#define BUSY_TIMEOUT_MS  5000
#define CACHE_SIZE_KIB   "4096"
#define MAPPED_BYTES     "67108864"
#define CHECKPOINT_PAGES "2000"

struct statement {
    const char *sql; /* its address is the key */
    sqlite3_stmt *handle;
};

enum transaction { NONE, READING, KEPT /* read, for the next that does */, WRITING };

struct records {
    sqlite3 *database;
    enum transaction transaction;
    atomic_uint steps; /* under way, in which those that read are kept */
    bool shared;       /* by several that write */
    bool is_part;      /* who writes is not the first of them */
    bool lost;         /* what the others wrote is gone */
    struct statement statements[STATEMENT_SLOTS];
    size_t statement_count;
    char identity[33];
};

static int fail(struct records *records, struct error *error, const char *doing)
{
    return error_set(error, ERROR_TARGET, "records: %s: %s", doing,
                     sqlite3_errmsg(records->database));
}

static int execute(struct records *records, const char *sql, struct error *error)
{
    if (sqlite3_exec(records->database, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return fail(records, error, sql);
}

static int check_version(struct records *records, struct error *error)
{
    int64_t version = 0;
    char set[64];
    if (records_integer(records, error, 0, &version, "PRAGMA user_version", "") < 0)
        return -1;
    if (version > DATABASE_VERSION)
        return error_set(error, ERROR_USAGE,
                         "the data was written by a newer burrow (format %lld, this one knows %d); "
                         "use that one, or another --data folder",
                         (long long)version, DATABASE_VERSION);
    snprintf(set, sizeof set, "PRAGMA user_version=%d", DATABASE_VERSION);
    return execute(records, set, error);
}

static int prepare_database(struct records *records, struct error *error)
{
    /* NORMAL in WAL mode: a crash of the process loses nothing that was committed. */
    static const char *const settings[] = {
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA temp_store=MEMORY",
        /* pages are read where the file is mapped; a large cache of copies is dear to keep in
         * order: a commit may walk all of it */
        "PRAGMA cache_size=-" CACHE_SIZE_KIB,
        "PRAGMA mmap_size=" MAPPED_BYTES,
        "PRAGMA wal_autocheckpoint=" CHECKPOINT_PAGES,
        "CREATE TABLE IF NOT EXISTS migrations(part TEXT PRIMARY KEY, steps INTEGER NOT NULL)",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (execute(records, settings[i], error) < 0)
            return -1;
    return check_version(records, error);
}

static int read_identity(struct records *records, struct error *error)
{
    static const char *const steps[] = {"CREATE TABLE identity(id TEXT NOT NULL);"
                                        "INSERT INTO identity VALUES(lower(hex(randomblob(8))))",
                                        NULL};
    if (records_migrate(records, "identity", steps, error) < 0)
        return -1;
    sqlite3_stmt *row = records_query(records, error, "SELECT id FROM identity", "");
    if (!row || !records_next(row, error))
        return -1;
    snprintf(records->identity, sizeof records->identity, "%s", records_text(row, 0));
    records_done(row);
    return 0;
}

const char *records_identity(const struct records *records)
{
    return records->identity;
}

/* SQLite's sums of the memory it uses take a lock for each piece of it, and nobody reads them. Once
 * a database is open it refuses to change this, which harms nothing. */
static void leave_out_memory_sums(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct records *records_open(const char *folder, struct error *error)
{
    char path[4096];
    bool in_memory = strcmp(folder, ":memory:") == 0;
    struct records *records = calloc(1, sizeof *records);
    if (!records) {
        error_set(error, ERROR_INTERNAL, "out of memory");
        return NULL;
    }
    if (in_memory)
        snprintf(path, sizeof path, ":memory:");
    else if (snprintf(path, sizeof path, "%s/burrow.db", folder) >= (int)sizeof path) {
        error_set(error, ERROR_USAGE, "--data: the path is too long");
        free(records);
        return NULL;
    }
    if (!in_memory)
        mkdir(folder, 0700); /* an existing one is as good; what else is wrong, SQLite says */
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, leave_out_memory_sums);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &records->database, flags, log_writes_vfs()) != SQLITE_OK) {
        error_set(error, ERROR_USAGE, "%s: %s; give a folder that can be written with --data", path,
                  sqlite3_errmsg(records->database));
        records_close(records);
        return NULL;
    }
    sqlite3_busy_timeout(records->database, BUSY_TIMEOUT_MS);
    if (prepare_database(records, error) < 0 || read_identity(records, error) < 0) {
        records_close(records);
        return NULL;
    }
    return records;
}

void records_close(struct records *records)
{
    if (!records)
        return;
    for (size_t i = 0; i < STATEMENT_SLOTS; i++)
        sqlite3_finalize(records->statements[i].handle);
    sqlite3_close(records->database);
    free(records);
}

/* ---- migrations ---- */

static int migrate_step(struct records *records, const char *part, int64_t number, const char *sql,
                        struct error *error)
{
    if (records_begin(records, error) < 0)
        return -1;
    if (execute(records, sql, error) == 0 &&
        records_run(records, error,
                    "INSERT INTO migrations(part, steps) VALUES(?1, ?2)"
                    " ON CONFLICT(part) DO UPDATE SET steps = ?2",
                    "si", part, number) >= 0)
        return records_commit(records, error);
    records_rollback(records);
    return error_wrap(error, "tables of %s, step %lld", part, (long long)number);
}

int records_migrate(struct records *records, const char *part, const char *const *steps,
                    struct error *error)
{
    int64_t done = 0;
    if (records_integer(records, error, 0, &done, "SELECT steps FROM migrations WHERE part = ?1",
                        "s", part) < 0)
        return -1;
    for (int64_t i = 0; steps[i]; i++)
        if (i >= done && migrate_step(records, part, i + 1, steps[i], error) < 0)
            return -1;
    return 0;
}

/* ---- transactions ---- */

int records_begin_reading(struct records *records, struct error *error)
{
    if (records->transaction == WRITING) /* of others, which are shared with */
        return 0;
    bool kept = records->transaction == KEPT && !sqlite3_get_autocommit(records->database);
    if (!kept && records_run(records, error, "BEGIN", "") < 0)
        return -1;
    records->transaction = READING;
    return 0;
}

static void end_reading(struct records *records)
{
    if (records->transaction != READING && records->transaction != KEPT)
        return;
    records->transaction = NONE;
    if (!sqlite3_get_autocommit(records->database))
        records_run(records, NULL, "COMMIT", "");
}

void records_end_reading(struct records *records)
{
    if (atomic_load(&records->steps) && records->transaction == READING &&
        sqlite3_txn_state(records->database, NULL) != SQLITE_TXN_WRITE)
        records->transaction = KEPT;
    else if (records->transaction == READING)
        end_reading(records);
}

void records_step_begin(struct records *records)
{
    atomic_fetch_add(&records->steps, 1);
}

void records_step_end(struct records *records)
{
    atomic_fetch_sub(&records->steps, 1);
}

void records_let_go(struct records *records)
{
    if (records->transaction == KEPT)
        end_reading(records);
}

int records_begin(struct records *records, struct error *error)
{
    end_reading(records);
    records->is_part = records->transaction == WRITING;
    if (records->is_part)
        return records_run(records, error, "SAVEPOINT part", "") < 0 ? -1 : 0;
    if (records_run(records, error, "BEGIN IMMEDIATE", "") < 0)
        return -1;
    records->transaction = WRITING;
    return 0;
}

static int commit(struct records *records, struct error *error)
{
    if (records_run(records, error, "COMMIT", "") < 0)
        return -1;
    records->transaction = NONE;
    return 0;
}

int records_commit(struct records *records, struct error *error)
{
    if (!records->shared)
        return commit(records, error);
    if (records->is_part && records_run(records, error, "RELEASE part", "") < 0)
        return -1;
    records->is_part = false;
    return 0;
}

static void roll_back(struct records *records)
{
    if (!sqlite3_get_autocommit(records->database)) /* some errors have rolled back already */
        records_run(records, NULL, "ROLLBACK", "");
    records->transaction = NONE;
}

void records_rollback(struct records *records)
{
    bool alone = !records->is_part;
    records->is_part = false;
    if (!alone && !sqlite3_get_autocommit(records->database) &&
        records_run(records, NULL, "ROLLBACK TO part", "") >= 0 &&
        records_run(records, NULL, "RELEASE part", "") >= 0)
        return;
    roll_back(records);
    records->lost |= !alone;
}

void records_share(struct records *records)
{
    records->shared = true;
    records->lost = false;
}

int records_share_end(struct records *records, struct error *error)
{
    records->shared = false;
    if (records->lost) {
        roll_back(records);
        return error_set(error, ERROR_TARGET, "records: a call's failure undid those before it");
    }
    if (records->transaction != WRITING || commit(records, error) == 0)
        return 0;
    roll_back(records);
    return -1;
}

bool records_is_writing(const struct records *records)
{
    return records->transaction == WRITING;
}

/* ---- statements ---- */

static struct statement *find_slot(struct records *records, const char *sql)
{
    size_t at = ((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 32;
    for (;; at++) {
        struct statement *slot = &records->statements[at % STATEMENT_SLOTS];
        if (!slot->sql || slot->sql == sql)
            return slot;
    }
}

/* What is written in no call commits by itself, and at once. */
static sqlite3_stmt *ready(struct records *records, sqlite3_stmt *handle)
{
    if (records->transaction == KEPT && !sqlite3_stmt_readonly(handle))
        end_reading(records);
    return handle;
}

sqlite3_stmt *records_statement(struct records *records, const char *sql, struct error *error)
{
    struct statement *slot = find_slot(records, sql);
    if (slot->sql)
        return ready(records, slot->handle);
    if (records->statement_count == STATEMENT_LIMIT) {
        error_set(error, ERROR_INTERNAL, "records: more than %d statements", STATEMENT_LIMIT);
        return NULL;
    }
    sqlite3_stmt *handle = NULL;
    if (sqlite3_prepare_v3(records->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL) !=
        SQLITE_OK) {
        fail(records, error, sql);
        return NULL;
    }
    *slot = (struct statement){sql, handle};
    records->statement_count++;
    return ready(records, handle);
}

void records_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

/* `life`: SQLITE_STATIC when the values stay until the statement is done, else SQLITE_TRANSIENT. */
static void bind_all(sqlite3_stmt *statement, const char *types, sqlite3_destructor_type life,
                     va_list values)
{
    for (int i = 1; *types; types++, i++) {
        switch (*types) {
        case 'i':
            sqlite3_bind_int64(statement, i, va_arg(values, int64_t));
            break;
        case 'd':
            sqlite3_bind_double(statement, i, va_arg(values, double));
            break;
        case 's':
            sqlite3_bind_text(statement, i, va_arg(values, const char *), -1, life);
            break;
        case 'b': {
            const void *bytes = va_arg(values, const void *);
            sqlite3_bind_blob64(statement, i, bytes, va_arg(values, size_t), life);
            break;
        }
        default:
            abort(); /* a letter that records.h does not list */
        }
    }
}

int64_t records_run(struct records *records, struct error *error, const char *sql,
                    const char *types, ...)
{
    sqlite3_stmt *statement = records_statement(records, sql, error);
    va_list values;
    int code;
    if (!statement)
        return -1;
    va_start(values, types);
    bind_all(statement, types, SQLITE_STATIC, values);
    va_end(values);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        ;
    if (code != SQLITE_DONE)
        fail(records, error, sql);
    records_done(statement);
    return code == SQLITE_DONE ? sqlite3_changes64(records->database) : -1;
}

sqlite3_stmt *records_query(struct records *records, struct error *error, const char *sql,
                            const char *types, ...)
{
    sqlite3_stmt *statement = records_statement(records, sql, error);
    va_list values;
    if (!statement)
        return NULL;
    va_start(values, types);
    bind_all(statement, types, SQLITE_TRANSIENT, values);
    va_end(values);
    return statement;
}

bool records_next(sqlite3_stmt *statement, struct error *error)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        error_set(error, ERROR_TARGET, "records: %s: %s", sqlite3_sql(statement),
                  sqlite3_errmsg(sqlite3_db_handle(statement)));
    records_done(statement);
    return false;
}

int records_integer(struct records *records, struct error *error, int64_t missing, int64_t *value,
                    const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = records_statement(records, sql, error);
    va_list values;
    if (!statement)
        return -1;
    va_start(values, types);
    bind_all(statement, types, SQLITE_STATIC, values);
    va_end(values);
    int code = sqlite3_step(statement);
    *value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : missing;
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        fail(records, error, sql);
    records_done(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : -1;
}

int64_t records_last_id(struct records *records)
{
    return sqlite3_last_insert_rowid(records->database);
}

sqlite3 *records_handle(struct records *records)
{
    return records->database;
}

/* ---- columns ---- */

const char *records_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

json_t *records_json_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);
    if (!text)
        return json_null();
    return utf8_is_valid(text, length) ? json_stringn_nocheck(text, length) : NULL;
}

json_t *records_json(sqlite3_stmt *statement, int column)
{
    json_error_t problem;
    const char *text = records_text(statement, column);
    json_t *value = json_read(text, (size_t)sqlite3_column_bytes(statement, column), &problem);
    return value ? value : json_null();
}

/* ---- full text ---- */

fts5_api *records_full_text(struct records *records, struct error *error)
{
    fts5_api *api = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(records->database, "SELECT fts5(?1)", -1, &statement, NULL) ==
        SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", NULL);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    if (!api)
        error_set(error, ERROR_TARGET, "records: this SQLite has no full-text search (FTS5)");
    return api;
}
