/* The log of SQLite, as burrow's file system writes it: what is committed is in the file, whole and
 * in few writes; what cannot be written fails its commit and nothing else. */
#include "burrow/tiers/log_writes.h"

#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128], log_path[140];
static sqlite3 *database;

static int run(sqlite3 *on, const char *sql)
{
    return sqlite3_exec(on, sql, NULL, NULL, NULL);
}

static int64_t number(sqlite3 *on, const char *sql)
{
    sqlite3_stmt *row;
    int64_t value = -1;
    assert_int_equal(sqlite3_prepare_v2(on, sql, -1, &row, NULL), SQLITE_OK);
    if (sqlite3_step(row) == SQLITE_ROW)
        value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return value;
}

/* Rows of about a page each, in one transaction. */
static int add(int rows)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "INSERT INTO t(text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
             " WHERE i < %d) SELECT hex(randomblob(1900)) FROM n",
             rows);
    return run(database, sql);
}

static int open_database(void **state)
{
    (void)state;
    assert_non_null(log_writes_vfs());
    snprintf(folder, sizeof folder, "/tmp/burrow-log-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.db", folder);
    snprintf(log_path, sizeof log_path, "%s-wal", path);
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                     log_writes_vfs()),
                     SQLITE_OK);
    assert_int_equal(run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                                   "PRAGMA wal_autocheckpoint=0; CREATE TABLE t(text)"),
                     SQLITE_OK);
    return 0;
}

static int close_database(void **state)
{
    char command[256];
    (void)state;
    sqlite3_close(database);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* Where only what is in the files counts: a copy of them, as after a crash. */
static int64_t number_after_a_crash(const char *sql)
{
    char command[1000], copy[160];
    sqlite3 *other;
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    snprintf(command, sizeof command, "rm -f %s* && cp %s %s && cp %s %s-wal", copy, path, copy,
             log_path, copy);
    assert_int_equal(system(command), 0);
    assert_int_equal(sqlite3_open(copy, &other), SQLITE_OK);
    int64_t value = number(other, sql);
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_prepare_v2(other, "PRAGMA integrity_check", -1, &check, NULL), 0);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_close(other);
    return value;
}

static int64_t rows_after_a_crash(void)
{
    return number_after_a_crash("SELECT count(*) FROM t");
}

static void what_is_committed_is_in_the_file(void **state)
{
    static const int sizes[] = {1, 3, 27, 28, 29, 30, 31, 59, 200, 1};
    int64_t rows = 0;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(add(sizes[i]), SQLITE_OK);
        rows += sizes[i];
        assert_int_equal(rows_after_a_crash(), rows);
    }
    assert_int_equal(run(database, "PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
    assert_int_equal(add(5), SQLITE_OK);
    assert_int_equal(rows_after_a_crash(), rows + 5);
}

#define CHANGE  "UPDATE t SET text = 'changed ' || text"
#define CHANGED "SELECT count(*) FROM t WHERE text LIKE 'changed%'"

/* Pages that do not fit the cache go to the log before the end, are read from it, and written over
 * when they change again; then SQLite corrects the sums of all that came after them. */
static void a_transaction_larger_than_the_cache(void **state)
{
    (void)state;
    assert_int_equal(run(database, "PRAGMA cache_size=10"), SQLITE_OK);
    assert_int_equal(add(50), SQLITE_OK);
    assert_int_equal(run(database, "BEGIN"), SQLITE_OK);
    assert_int_equal(add(100), SQLITE_OK);
    assert_int_equal(run(database, CHANGE), SQLITE_OK);
    assert_int_equal(number(database, CHANGED), 150);
    assert_int_equal(rows_after_a_crash(), 50);
    assert_int_equal(run(database, CHANGE), SQLITE_OK);
    assert_int_equal(run(database, "ROLLBACK"), SQLITE_OK);
    assert_int_equal(number(database, CHANGED), 0);
    assert_int_equal(add(2), SQLITE_OK);
    assert_int_equal(rows_after_a_crash(), 52);
    for (int times = 0; times < 3; times++) {
        assert_int_equal(run(database, "BEGIN"), SQLITE_OK);
        for (int i = 0; i < 3; i++)
            assert_int_equal(run(database, CHANGE), SQLITE_OK);
        assert_int_equal(add(1), SQLITE_OK);
        assert_int_equal(run(database, "COMMIT"), SQLITE_OK);
        assert_int_equal(rows_after_a_crash(), 53 + times);
        assert_int_equal(number_after_a_crash(CHANGED), 52 + times);
    }
}

static int64_t writes_so_far(void)
{
    char line[128];
    int64_t count = -1;
    FILE *file = fopen("/proc/self/io", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "syscw:", 6) == 0)
            count = strtoll(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return count;
}

static void a_transaction_is_one_write(void **state)
{
    (void)state;
    assert_int_equal(add(1), SQLITE_OK);
    int64_t before = writes_so_far();
    if (before < 0)
        skip(); /* a kernel that does not count */
    assert_int_equal(add(20), SQLITE_OK);
    assert_int_equal(writes_so_far() - before, 1);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* As on a full disk, in the first and in a later write of a transaction. */
static void what_cannot_be_written_fails_its_commit(void **state)
{
    static const int sizes[] = {4, 100};
    struct stat file;
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(add(10), SQLITE_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(stat(log_path, &file), 0);
        limit_files((rlim_t)file.st_size + (i ? 150 << 10 : 5000));
        assert_int_not_equal(add(sizes[i]), SQLITE_OK);
        limit_files(RLIM_INFINITY);
        assert_int_equal(number(database, "SELECT count(*) FROM t"), 10);
        assert_int_equal(rows_after_a_crash(), 10);
    }
    assert_int_equal(add(1), SQLITE_OK);
    assert_int_equal(rows_after_a_crash(), 11);
}

#define WITH_DATABASE(test) cmocka_unit_test_setup_teardown(test, open_database, close_database)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DATABASE(what_is_committed_is_in_the_file),
        WITH_DATABASE(a_transaction_larger_than_the_cache),
        WITH_DATABASE(a_transaction_is_one_write),
        WITH_DATABASE(what_cannot_be_written_fails_its_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
