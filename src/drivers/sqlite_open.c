/* A SQLite target: its settings, its file, the tables made in it, and that all of it goes again. A
 * file that was there keeps everything but our tables, which are dropped; one that was not is
 * removed with its -wal and -shm. */
#include "base/clock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "drivers/sqlite_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_ROWS = 10000, MOST_ROWS = 10 * 1000 * 1000 };

#define SETTING(member) offsetof(struct sqlite_settings, member)
static const struct setting settings_table[] = {
    {"rows", SETTING_COUNT, SETTING(rows), 0, MOST_ROWS, NULL},
    {"threads", SETTING_COUNT, SETTING(threads), 1, 1024, NULL},
    {"busy_timeout", SETTING_DURATION, SETTING(busy_timeout_ns), 0, 3600 * NS_PER_S, NULL},
    {"synchronous", SETTING_CHOICE, SETTING(synchronous), 0, 0, "off normal full extra"},
    {"journal", SETTING_CHOICE, SETTING(journal), 0, 0, "wal delete truncate persist"},
    {"cache", SETTING_SIZE, SETTING(cache_bytes), 1, UINT64_C(1) << 40, NULL},
    {"max_pages", SETTING_COUNT, SETTING(max_pages), 1, UINT32_MAX, NULL},
    {"prefix", SETTING_TEXT, SETTING(prefix), 0, 0, NULL},
    {NULL, SETTING_COUNT, 0, 0, 0, NULL},
};

static int read_settings(struct target *target, struct error *error);
static int find_file(struct target *target, struct error *error);
static int open_database(struct target *target, struct error *error);
static int set_journal(struct target *target, struct error *error);
static int make_tables(struct target *target, struct error *error);
static int describe(struct target *target, struct error *error);
static int add_offers(struct target *target, struct error *error);
static void remove_tables(struct target *target);
static void remove_file(const struct sqlite_target *sqlite);

int sqlite_target_open(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = calloc(1, sizeof *sqlite);
    target->driver_data = sqlite;
    if (!sqlite)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    sqlite->settings.rows = DEFAULT_ROWS;
    sqlite->settings.busy_timeout_ns = 5 * NS_PER_S;
    target->calls_per_connection = 1;
    sqlite->opening = true;
    bool opened = read_settings(target, error) == 0 && find_file(target, error) == 0 &&
                  open_database(target, error) == 0 && set_journal(target, error) == 0 &&
                  make_tables(target, error) == 0 && describe(target, error) == 0 &&
                  add_offers(target, error) == 0;
    sqlite->opening = false;
    if (!opened) {
        sqlite_target_close(target);
        return -1;
    }
    sqlite->threads = blocking_pool_size(sqlite->settings.threads);
    sqlite->pool = blocking_pool_open(sqlite->threads, error);
    if (sqlite->pool)
        return 0;
    sqlite_target_close(target);
    return -1;
}

void sqlite_target_close(struct target *target)
{
    struct sqlite_target *sqlite = target->driver_data;
    if (sqlite) {
        blocking_pool_close(sqlite->pool);
        if (sqlite->handle) {
            if (!sqlite->created)
                remove_tables(target);
            sqlite_handle_close(sqlite->handle);
            free(sqlite->handle);
        }
        if (sqlite->created)
            remove_file(sqlite);
        settings_free(&sqlite->settings, settings_table);
        free(sqlite->path);
        free(sqlite);
    }
    target->driver_data = NULL;
    target_free_offers(target);
}

json_t *sqlite_target_report(struct target *target)
{
    const struct sqlite_target *sqlite = target->driver_data;
    struct stat status;
    if (stat(sqlite->path, &status) < 0)
        return NULL;
    return json_pack("{s:I}", "file_bytes_after", (json_int_t)status.st_size);
}

/* ---- opening, step by step ---------------------------------------------------------------------
 */

static const char *where_of(const struct target *target)
{
    return target->options->where ? target->options->where : "target";
}

/* What SQLite said, with what to do about it. Fills `error` and returns -1. */
static int refused(struct target *target, const char *step, int code, struct error *error)
{
    static const struct {
        int code;
        const char *remedy;
    } remedies[] = {
        {SQLITE_BUSY, "another process holds it; let that finish, or raise busy_timeout"},
        {SQLITE_NOTADB, "this file holds something else; name a SQLite database or a new file"},
        {SQLITE_CORRUPT, "it is damaged; restore it, or name a new file"},
        {SQLITE_READONLY, "it cannot be written; rows=0 leaves it as it is and runs a plan's SQL"},
        {SQLITE_FULL, "there is no room for our tables; make room or lower rows"},
        {SQLITE_IOERR, "the disk refuses; is it full?"},
        {SQLITE_CANTOPEN, "is the folder there, and may it be written?"},
    };
    const struct sqlite_target *sqlite = target->driver_data;
    const struct sqlite_handle *handle = sqlite->handle;
    const char *said = handle->text[0] ? handle->text : sqlite3_errmsg(handle->database);
    const char *remedy = "";
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (remedies[i].code == (code & 0xff))
            remedy = remedies[i].remedy;
    error_set(error, ERROR_TARGET, "%s: %s: %s (%s)%s%s", where_of(target), sqlite->path, said,
              sqlite_code_name(code), *remedy ? ": " : "", remedy);
    target_trace(target, step, false, "%s (%s)", said, sqlite_code_name(code));
    return -1;
}

static int read_settings(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    struct sqlite_settings *settings = &sqlite->settings;
    if (settings_read(settings, settings_table, "sqlite", target->options, error) < 0)
        return -1;
    const char *prefix = settings->prefix;
    uint32_t run;
    if (!prefix) {
        if (getrandom(&run, sizeof run, 0) != sizeof run)
            run = (uint32_t)clock_wall_ns();
        snprintf(sqlite->prefix, sizeof sqlite->prefix, "cicada_%08x_", run);
        return 0;
    }
    size_t length = strlen(prefix), good = 0;
    while (good < length && (isalnum((unsigned char)prefix[good]) || prefix[good] == '_'))
        good++;
    if (length == 0 || good < length || isdigit((unsigned char)*prefix) ||
        length >= SQLITE_PREFIX_SIZE - 8 || strncasecmp(prefix, "sqlite", 6) == 0)
        return error_set(error, ERROR_USAGE,
                         "%s: prefix: \"%.64s\" cannot begin a table's name; letters, digits and "
                         "_ can, fewer than 40",
                         where_of(target), prefix);
    snprintf(sqlite->prefix, sizeof sqlite->prefix, "%s%s", prefix,
             prefix[length - 1] == '_' ? "" : "_");
    return 0;
}

static int find_file(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    struct stat status;
    sqlite->path = setting_url_path(target->options, "sqlite", error);
    if (!sqlite->path)
        return -1;
    if (strcmp(sqlite->path, ":memory:") == 0)
        return error_set(error, ERROR_USAGE,
                         "%s: a database in memory is another one to each connection; name a file, "
                         "on a tmpfs such as /dev/shm if it is to be fast",
                         where_of(target));
    if (stat(sqlite->path, &status) == 0) {
        if (S_ISREG(status.st_mode))
            return 0;
        return error_set(error, ERROR_TARGET, "%s: %s: is no file but a folder or device",
                         where_of(target), sqlite->path);
    }
    int made =
        errno == ENOENT ? open(sqlite->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644) : -1;
    if (made < 0)
        return error_set(error, ERROR_TARGET, "%s: %s: %s", where_of(target), sqlite->path,
                         strerror(errno));
    close(made);
    sqlite->created = true;
    return 0;
}

static int open_database(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    sqlite->handle = calloc(1, sizeof *sqlite->handle);
    if (!sqlite->handle)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    sqlite->handle->target = sqlite;
    int code = sqlite_handle_open(sqlite->handle);
    if (code == SQLITE_OK)
        code = sqlite_handle_execute(sqlite->handle, "SELECT count(*) FROM sqlite_schema");
    if (code == SQLITE_OK)
        code = sqlite_handle_configure(sqlite->handle);
    if (code != SQLITE_OK)
        return refused(target, "open", code, error);
    sqlite->has_search = sqlite3_compileoption_used("ENABLE_FTS5");
    target_trace(target, "open", true, "%s, %s", sqlite->path,
                 sqlite->created ? "made for this run" : "which was there");
    return 0;
}

/* "wal", "delete", ...: what a PRAGMA answers. The code of SQLite. */
static int ask_journal(struct sqlite_handle *handle, const char *pragma, char mode[16])
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(handle->database, pragma, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        snprintf(mode, 16, "%s", (const char *)sqlite3_column_text(statement, 0));
    int ended = sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_ERROR : ended;
}

/* WAL, if nothing else is asked for. A database that is only read by a plan's SQL keeps its own. */
static int set_journal(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    const char *wanted = sqlite->settings.journal ? sqlite->settings.journal : "wal";
    char before[16] = "", now[16] = "", pragma[64];
    if (!sqlite->settings.journal && sqlite->settings.rows == 0)
        return 0;
    snprintf(pragma, sizeof pragma, "PRAGMA journal_mode=%s", wanted);
    int code = ask_journal(sqlite->handle, "PRAGMA journal_mode", before);
    if (code == SQLITE_OK)
        code = ask_journal(sqlite->handle, pragma, now);
    if (code != SQLITE_OK)
        return refused(target, "journal", code, error);
    if (strcmp(now, wanted) != 0)
        return error_set(error, ERROR_TARGET,
                         "%s: %s: the journal stays \"%s\" and does not become \"%s\"; a network "
                         "file system has no WAL, so ask for journal=delete",
                         where_of(target), sqlite->path, now, wanted);
    if (strcmp(now, before) != 0)
        snprintf(sqlite->journal_before, sizeof sqlite->journal_before, "%s", before);
    return 0;
}

static int insert_rows(struct sqlite_target *sqlite, uint64_t seed)
{
    char sql[128];
    sqlite3_stmt *insert = NULL;
    struct random random;
    struct buffer body;
    buffer_init(&body, 4096);
    random_seed(&random, seed, 0);
    snprintf(sql, sizeof sql, "INSERT INTO %srecord(key, score, body) VALUES(?, ?, ?)",
             sqlite->prefix);
    int code = sqlite3_prepare_v2(sqlite->handle->database, sql, -1, &insert, NULL);
    for (uint64_t i = 0; code == SQLITE_OK && i < sqlite->settings.rows; i++) {
        char key[37];
        if (interrupt_requested()) {
            code = SQLITE_INTERRUPT;
            break;
        }
        random_uuid(&random, key);
        buffer_clear(&body);
        if (sqlite_append_words(&body, &random, 12) < 0) {
            code = SQLITE_NOMEM;
            break;
        }
        sqlite3_bind_text(insert, 1, key, -1, SQLITE_STATIC);
        sqlite3_bind_double(insert, 2, random_unit(&random) * 1000);
        sqlite3_bind_text(insert, 3, buffer_bytes(&body), (int)buffer_length(&body), SQLITE_STATIC);
        sqlite3_step(insert);
        code = sqlite3_reset(insert);
    }
    int ended = sqlite3_finalize(insert);
    buffer_free(&body);
    return code == SQLITE_OK ? ended : code;
}

/* All or nothing, in one transaction. */
static int make_tables(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    struct sqlite_handle *handle = sqlite->handle;
    const char *p = sqlite->prefix;
    char sql[1024];
    if (sqlite->settings.rows == 0)
        return 0;
    int length = snprintf(sql, sizeof sql,
                          "BEGIN IMMEDIATE;"
                          "CREATE TABLE %srecord(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
                          " score REAL NOT NULL, body TEXT NOT NULL);",
                          p);
    if (sqlite->has_search)
        snprintf(sql + length, sizeof sql - (size_t)length,
                 "CREATE VIRTUAL TABLE %stext USING fts5(body, content='%srecord',"
                 " content_rowid='id');"
                 "CREATE TRIGGER %srecord_insert AFTER INSERT ON %srecord BEGIN"
                 " INSERT INTO %stext(rowid, body) VALUES(new.id, new.body); END;",
                 p, p, p, p, p);
    int code = sqlite_handle_execute(handle, sql);
    if (code == SQLITE_OK)
        code = insert_rows(sqlite, target->options->seed);
    if (code == SQLITE_OK)
        code = sqlite_handle_execute(handle, "COMMIT");
    if (code != SQLITE_OK) {
        snprintf(handle->text, sizeof handle->text, "%s", sqlite3_errmsg(handle->database));
        sqlite_handle_execute(handle, "ROLLBACK");
        return refused(target, "dataset", code, error);
    }
    sqlite->has_tables = true;
    target_trace(target, "dataset", true, "%llu rows in %srecord",
                 (unsigned long long)sqlite->settings.rows, p);
    return 0;
}

static int describe(struct target *target, struct error *error)
{
    struct sqlite_target *sqlite = target->driver_data;
    char journal[16] = "";
    ask_journal(sqlite->handle, "PRAGMA journal_mode", journal);
    if (asprintf(&target->description, "SQLite %s, %s, journal %s", sqlite3_libversion(),
                 sqlite->path, journal) < 0)
        target->description = NULL;
    target->facts = json_pack(
        "{s:s,s:s,s:s,s:I,s:b,s:I,s:b,s:s}", "library", sqlite3_libversion(), "journal", journal,
        "synchronous", sqlite->settings.synchronous ? sqlite->settings.synchronous : "normal",
        "busy_timeout_ns", (json_int_t)sqlite->settings.busy_timeout_ns, "file_existed",
        !sqlite->created, "rows", (json_int_t)sqlite->settings.rows, "search", sqlite->has_search,
        "prefix", sqlite->prefix);
    if (!target->description || !target->facts)
        return error_set(error, ERROR_INTERNAL, "out of memory");
    json_object_set_new(target->facts, "threads",
                        json_integer(blocking_pool_size(sqlite->settings.threads)));
    return 0;
}

static int add_offers(struct target *target, struct error *error)
{
    const struct sqlite_target *sqlite = target->driver_data;
    for (const struct sqlite_default *from = sqlite_defaults; sqlite->has_tables && from->name;
         from++) {
        if (from->searches && !sqlite->has_search) {
            if (target_add_excluded(target, from->name, "this SQLite was built without FTS5") < 0)
                return error_set(error, ERROR_INTERNAL, "out of memory");
            continue;
        }
        struct offer *offer =
            target_add_offer(target, "command", from->name, from->description,
                             from->writes ? 0 : OFFER_READ_ONLY, (void *)(uintptr_t)from);
        if (!offer)
            return error_set(error, ERROR_INTERNAL, "out of memory");
        offer->weight = from->weight;
    }
    if (!target_add_offer(target, "command", "custom", "SQL of a plan's own", 0, NULL))
        return error_set(error, ERROR_INTERNAL, "out of memory");
    return 0;
}

/* ---- leaving no trace --------------------------------------------------------------------------
 */

static void remove_tables(struct target *target)
{
    struct sqlite_target *sqlite = target->driver_data;
    struct sqlite_handle *handle = sqlite->handle;
    char sql[256], mode[16];
    if (sqlite->has_tables) {
        int length = snprintf(sql, sizeof sql, "BEGIN IMMEDIATE;");
        if (sqlite->has_search)
            length += snprintf(sql + length, sizeof sql - (size_t)length, "DROP TABLE %stext;",
                               sqlite->prefix);
        snprintf(sql + length, sizeof sql - (size_t)length, "DROP TABLE %srecord;COMMIT",
                 sqlite->prefix);
        int code = sqlite_handle_execute(handle, sql);
        if (code != SQLITE_OK) {
            log_warn("%s: our tables stay in it: %s (%s); remove them with %s", sqlite->path,
                     sqlite3_errmsg(handle->database), sqlite_code_name(code), sql);
            sqlite_handle_execute(handle, "ROLLBACK");
        }
    }
    if (!sqlite->journal_before[0])
        return;
    snprintf(sql, sizeof sql, "PRAGMA journal_mode=%s", sqlite->journal_before);
    if (ask_journal(handle, sql, mode) != SQLITE_OK || strcmp(mode, sqlite->journal_before) != 0)
        log_warn("%s: its journal stays %s; set it back with %s", sqlite->path,
                 sqlite->settings.journal ? sqlite->settings.journal : "wal", sql);
}

static void remove_file(const struct sqlite_target *sqlite)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char *path;
        if (asprintf(&path, "%s%s", sqlite->path, endings[i]) < 0)
            return;
        if (unlink(path) < 0 && errno != ENOENT)
            log_warn("%s: made for this run, and cannot be removed: %s", path, strerror(errno));
        free(path);
    }
}
